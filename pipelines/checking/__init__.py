"""The checking stage: run the expectations, judge the files, make issues, and say which rows are not counted."""

from pipelines.checking.rule_runs import missing_rule_runs, rules_that_did_not_run
from pipelines.checking.term_checks import CheckSummary, check_terms, check_unplaced, unbalanced

__all__ = [
    "CheckSummary",
    "check_terms",
    "check_unplaced",
    "missing_rule_runs",
    "rules_that_did_not_run",
    "unbalanced",
]
