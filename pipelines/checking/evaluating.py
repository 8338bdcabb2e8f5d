"""Runs rules over one table with Great Expectations: which rows break which rule, and which rules could not run."""

import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

from expectations.suites import Rule, check_types, columns_read, suite

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from pandas import DataFrame

log = logging.getLogger(__name__)

BROKEN_SCHEMA = {"rule_code": pl.String, "position": pl.UInt32}


@dataclass(frozen=True)
class Evaluation:
    """broken: rule_code, position (of the row in the frame, from 0). not_run: rule code -> kind of error."""

    broken: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=BROKEN_SCHEMA))
    not_run: Mapping[str, str] = field(default_factory=dict)


def evaluate(table: str, frame: pl.DataFrame, rules: Iterable[Rule]) -> Evaluation:
    """Run all rules over the frame. A rule that could not run breaks nothing and is in `not_run`.

    Raises suites.RuleError where a rule does not fit the frame's columns.
    """
    rules = list(rules)
    if not rules:
        return Evaluation()
    check_types(rules, frame.schema)
    if frame.is_empty():
        return Evaluation()
    _quieten()
    # codes, flags and counts come in few combinations, until a date stands beside them
    dated, others = [], []
    for rule in rules:
        reads_date = any(frame.schema[column].is_temporal() for column in columns_read(rule))
        (dated if reads_date else others).append(rule)
    evaluations = [_evaluate_together(table, frame, group) for group in (others, dated) if group]
    return Evaluation(
        broken=pl.concat([evaluation.broken for evaluation in evaluations]),
        not_run={code: error for evaluation in evaluations for code, error in evaluation.not_run.items()},
    )


def _evaluate_together(table: str, frame: pl.DataFrame, rules: list[Rule]) -> Evaluation:
    """One validation run of the rules: rows that are alike in all that they read are judged once."""
    columns = list(dict.fromkeys(column for rule in rules for column in columns_read(rule)))
    alike = frame.select(columns).with_row_index("position").group_by(columns, maintain_order=True).agg("position")
    # Arrow-backed: the data frame shares the Polars frame's memory
    # (dates as points in time: pandas makes an object of every other date when it takes a frame's fingerprint)
    batch_frame = (
        alike.drop("position")
        .with_columns(pl.col(pl.Date).cast(pl.Datetime("ms")))
        .to_pandas(use_pyarrow_extension_array=True)
    )
    expectations = suite(table, rules, frame.schema)
    try:
        results = _run(expectations, batch_frame)
    except Exception as error:
        log.warning("the rules of %s could not run: %s", table, type(error).__name__)
        return Evaluation(not_run={rule.code: type(error).__name__ for rule in rules})
    return _read_results(rules, results, alike["position"])


def _run(expectations: "ExpectationSuite", batch_frame: "DataFrame") -> list["ExpectationValidationResult"]:
    # what `Batch.validate` and `ValidationDefinition.run` call: the one takes a fingerprint of the frame twice, the
    # other writes suite and results as JSON into a store that grows as long as the process
    from great_expectations.validator.v1_validator import Validator

    validator = Validator(
        batch_definition=_batches(),
        batch_parameters={"dataframe": batch_frame},
        result_format={"result_format": "COMPLETE"},
    )
    return validator.validate_expectation_suite(expectations).results


def _read_results(rules: list[Rule], results: Iterable[Any], alike: pl.Series) -> Evaluation:
    """Results come back in another order than the rules: each is known by the code in its `meta`.

    alike: for each row that was judged, the positions of the rows that it stands for.
    """
    not_run = {rule.code: "no result" for rule in rules}
    broken = []
    for result in results:
        code = result.expectation_config.meta["code"]
        if error := _exception(result.exception_info):
            not_run[code] = error
            continue
        positions = [] if result.success else result.result.get("unexpected_index_list")
        if positions is None:
            not_run[code] = "no rows named"
            continue
        del not_run[code]
        if positions:
            at = alike.gather(positions).explode().sort()
            broken.append(pl.select(rule_code=pl.lit(code), position=at).cast(BROKEN_SCHEMA))
    for code, error in not_run.items():
        log.warning("rule %s could not run: %s", code, error)
    return Evaluation(broken=pl.concat(broken) if broken else pl.DataFrame(schema=BROKEN_SCHEMA), not_run=not_run)


def _exception(info: Mapping[str, Any] | None) -> str | None:
    """The kind of the error, if there was one; its text is left out, for it may hold a cell's value."""
    info = info or {}
    errors = [info] if "raised_exception" in info else [entry for entry in info.values() if isinstance(entry, Mapping)]
    for error in errors:
        if error.get("raised_exception"):
            return _kind_of_error(str(error.get("exception_traceback") or ""))
    return None


def _kind_of_error(traceback: str) -> str:
    """The class that follows the traceback's frames; what follows it, over however many lines, may hold a value."""
    _, _, last = traceback.rpartition("Traceback (most recent call last):")
    said = next((line for line in last.splitlines() if line and not line[0].isspace()), "")
    return said.split(":")[0].strip().rsplit(".", 1)[-1] or "error"


def _quieten() -> None:
    """Nothing is sent out and nothing drawn; before Great Expectations is imported, for it reads this then."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    warnings.filterwarnings("ignore", module="great_expectations")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    # five hundred modules, a second, for expectations of distributions, which are not used here
    _load_when_used("scipy.stats")


def _load_when_used(name: str) -> None:
    """Put off the import of a submodule until something of it is asked for (the recipe of importlib's documentation)."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, module)


@lru_cache(maxsize=1)
def _batches() -> "BatchDefinition":
    """Where Great Expectations takes data frames from; its context is in memory and lasts as long as the process."""
    import great_expectations

    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("received").add_dataframe_asset("table")
    return asset.add_batch_definition_whole_dataframe("term")
