"""Broken rules -> findings -> issues, rows that are not counted, and cells that are blanked."""

from collections.abc import Iterable

import polars as pl

from expectations.contracts import Contract, load_contract
from expectations.suites import Rule, identifying
from pipelines.checking.evaluating import Evaluation
from pipelines.checking.identifiers import LONG_NUMBER, STRUCK_OUT
from pipelines.warehouse import LATEST_CONTRACT

# A finding: a broken rule in one place. fault: what reading said of the cell, where the rule's sentence depends on it.
# fact: the texts of what identifies the row and of the rule's fields; null where it is about no row.
FINDINGS_SCHEMA = {
    "return_id": pl.String,
    "table_name": pl.String,
    "row_number": pl.Int32,
    "rule_code": pl.String,
    "field": pl.String,
    "value": pl.String,
    "upn": pl.String,
    "fault": pl.String,
    "fact": pl.String,
}
LONGEST_VALUE = 1_000  # the whole of it stays in schema raw
BETWEEN = "\x1f"  # between texts that are put together
UPN_TABLES = ("pupils", "plans", "reviews", "specialists", "consultations", "placements")


def no_findings() -> pl.DataFrame:
    """A frame of findings without any."""
    return pl.DataFrame(schema=FINDINGS_SCHEMA)


def no_units() -> pl.DataFrame:
    """A frame of file_id, table_name, rows without any."""
    return pl.DataFrame(schema={"file_id": pl.String, "table_name": pl.String, "rows": pl.Int64})


def row_findings(table: str, rows: pl.DataFrame, rules: Iterable[Rule], evaluation: Evaluation) -> pl.DataFrame:
    """The findings among a table's rows (raw columns): one for each rule and row, with the cell to correct."""
    upn = _upn(table)
    found = []
    for rule, at in _broken_rows(rows, rules, evaluation):
        cell = rule.field or ("surplus" if rule.expect.get("column") == "surplus" else None)
        found.append(
            at.select(
                "return_id",
                pl.lit(table).alias("table_name"),
                "row_number",
                pl.lit(rule.code).alias("rule_code"),
                pl.lit(rule.field, dtype=pl.String).alias("field"),
                (pl.col(f"{cell}__text") if rule.field else pl.col(cell) if cell else pl.lit(None, dtype=pl.String))
                .str.slice(0, LONGEST_VALUE)
                .alias("value"),
                upn.alias("upn"),
                (pl.col(f"{rule.field}__fault") if rule.faults else pl.lit(None, dtype=pl.String)).alias("fault"),
                _fact(table, rule, upn).alias("fact"),
            )
        )
    return _united(found)


def _fact(table: str, rule: Rule, upn: pl.Expr) -> pl.Expr:
    """The same texts are the same fact, whatever the row's number and whatever the term."""
    tables = load_contract(LATEST_CONTRACT).tables
    # the row of the sheet `return` is of its term, and so is what is said of the return as a whole
    key = ("academic_year", "term") if table == "return" else tables[table].key if table in tables else ()
    texts = [upn, *(pl.col(f"{name}__text") for name in dict.fromkeys((*key, *rule.fields)))]
    if not rule.fields and "surplus" in rule.expect.values():
        texts.append(pl.col("surplus"))
    return pl.concat_str([text.fill_null("") for text in texts], separator=BETWEEN)


def file_findings(rows: pl.DataFrame, rules: Iterable[Rule], evaluation: Evaluation) -> pl.DataFrame:
    """The findings among files (rows: file_id, fault): none has a row or a field."""
    found = [
        at.select(
            pl.col("file_id").alias("return_id"),
            pl.lit("files").alias("table_name"),
            pl.lit(None, dtype=pl.Int32).alias("row_number"),
            pl.lit(rule.code).alias("rule_code"),
            *(pl.lit(None, dtype=pl.String).alias(name) for name in ("field", "value", "upn")),
            pl.col("fault"),
            pl.lit(None, dtype=pl.String).alias("fact"),
        )
        for rule, at in _broken_rows(rows, rules, evaluation)
    ]
    return _united(found)


def sheet_findings(rows: pl.DataFrame, rules: Iterable[Rule], evaluation: Evaluation) -> pl.DataFrame:
    """The findings among sheets or columns (rows: return_id, table_name, sheet_name or field).

    A sheet that is no table of the return is found in `sheets`, and its name is the value: it may say anything.
    """
    is_column = "field" in rows.columns
    found = [
        at.select(
            "return_id",
            pl.col("table_name").fill_null("sheets"),
            pl.lit(None, dtype=pl.Int32).alias("row_number"),
            pl.lit(rule.code).alias("rule_code"),
            (pl.col("field").str.slice(0, LONGEST_VALUE) if is_column else pl.lit(None, dtype=pl.String)).alias(
                "field"
            ),
            (pl.lit(None, dtype=pl.String) if is_column else pl.col("unknown_sheet")).alias("value"),
            *(pl.lit(None, dtype=pl.String).alias(name) for name in ("upn", "fault", "fact")),
        )
        for rule, at in _broken_rows(rows, rules, evaluation)
    ]
    return _united(found)


def expected_findings(rows: pl.DataFrame, rules: Iterable[Rule], evaluation: Evaluation) -> pl.DataFrame:
    """The findings among rows that a return should hold (rows: return_id, table_name, upn, key_date).

    None has a row or a field; the value is the date that the row would have for its key.
    """
    found = [
        at.select(
            "return_id",
            "table_name",
            pl.lit(None, dtype=pl.Int32).alias("row_number"),
            pl.lit(rule.code).alias("rule_code"),
            pl.lit(None, dtype=pl.String).alias("field"),
            pl.col("key_date").cast(pl.String).alias("value"),
            "upn",
            pl.lit(None, dtype=pl.String).alias("fault"),
            pl.concat_str("upn", pl.col("key_date").cast(pl.String).fill_null(""), separator=BETWEEN).alias("fact"),
        )
        for rule, at in _broken_rows(rows, rules, evaluation)
    ]
    return _united(found)


def where_the_rule_applies(findings: pl.DataFrame, lacking: pl.DataFrame, rules: Iterable[Rule]) -> pl.DataFrame:
    """The findings but those of rules that need something which the return lacks (lacking: return_id, need)."""
    needs = pl.DataFrame(
        [(rule.code, need) for rule in rules for need in rule.needs],
        schema={"rule_code": pl.String, "need": pl.String},
        orient="row",
    )
    return findings.join(lacking.join(needs, on="need"), on=["return_id", "rule_code"], how="anti")


def without_what_follows(findings: pl.DataFrame, rules: Iterable[Rule]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The findings that are issues, and those that merely follow from another (with `follows_from`, its code)."""
    same_row = _pairs(rules, "replaces")
    same_return = _pairs(rules, "suppresses")
    causes = findings.select("return_id", "table_name", "row_number", "rule_code")
    in_row = causes.join(same_row, on="rule_code").select(
        "return_id", "table_name", "row_number", follows_from="rule_code", rule_code="other"
    )
    in_return = (
        causes.join(same_return, on="rule_code")
        .select("return_id", in_return_of="rule_code", rule_code="other")
        .unique(["return_id", "rule_code"])
    )
    marked = (
        findings.join(
            in_row.unique(), on=["return_id", "table_name", "row_number", "rule_code"], how="left", nulls_equal=True
        )
        .join(in_return, on=["return_id", "rule_code"], how="left")
        .with_columns(follows_from=pl.coalesce("follows_from", "in_return_of"))
        .drop("in_return_of")
    )
    follows = pl.col("follows_from").is_not_null()
    return marked.filter(~follows).drop("follows_from"), marked.filter(follows)


def as_issues(findings: pl.DataFrame, files: pl.DataFrame, rules: Iterable[Rule], contract: Contract) -> pl.DataFrame:
    """The findings in the shape of quality.issues, but for issue_id, and with `fact` in the place of fact_id.

    files: file_id, file_name, urn, term. The sentence is the fault's where the rule has one for it.
    """
    rules = list(rules)
    words = pl.DataFrame(
        [
            {
                "rule_code": rule.code,
                "severity": rule.severity,
                "fields": ",".join(rule.fields) or None,
                "costs": rule.costs,
                "says": rule.says,
                "to_do": rule.remedy,
            }
            for rule in rules
        ],
        schema=dict.fromkeys(("rule_code", "severity", "fields", "costs", "says", "to_do"), pl.String),
    )
    fault_words = pl.DataFrame(
        [
            {"rule_code": rule.code, "fault": fault, "fault_says": sentence.says, "fault_to_do": sentence.remedy}
            for rule in rules
            for fault, sentence in rule.faults.items()
        ],
        schema=dict.fromkeys(("rule_code", "fault", "fault_says", "fault_to_do"), pl.String),
    )
    labels = pl.DataFrame(
        [(table.name, f.name, f.label) for table in contract.tables.values() for f in table.fields.values()],
        schema={"table_name": pl.String, "field": pl.String, "label": pl.String},
        orient="row",
    )
    return (
        findings.join(words, on="rule_code", how="left")
        .join(fault_words, on=["rule_code", "fault"], how="left")
        .join(labels, on=["table_name", "field"], how="left")
        .join(files.select("file_id", "file_name", "urn", "term"), left_on="return_id", right_on="file_id", how="left")
        .select(
            "return_id",
            # marts show it, and a school may name a file after a pupil's number: the ledger has it whole
            pl.col("file_name").str.replace_all(LONG_NUMBER, STRUCK_OUT),
            "urn",
            "term",
            "rule_code",
            "severity",
            "table_name",
            "row_number",
            "field",
            "fields",
            "value",
            "upn",
            message=_named(pl.coalesce("fault_says", "says")),
            remedy=_named(pl.coalesce("fault_to_do", "to_do")),
            costs="costs",
            # what has no row is a fact of its term alone
            fact=pl.coalesce("fact", pl.concat_str("term", pl.col("field", "value").fill_null(""), separator=BETWEEN)),
        )
    )


def rows_not_counted(findings: pl.DataFrame, rules: Iterable[Rule]) -> pl.DataFrame:
    """The rows that the findings cost: return_id, table_name, row_number, rule_code, reason.

    Each row once, with the first of its rules in the rules' order. Findings are of rows, suppressed ones included.
    """
    costly = pl.DataFrame(
        [(rule.code, position, rule.says) for position, rule in enumerate(rules) if rule.costs == "row"],
        schema={"rule_code": pl.String, "position": pl.Int64, "rule_says": pl.String},
        orient="row",
    )
    fault_says = pl.DataFrame(
        [(rule.code, fault, sentence.says) for rule in rules for fault, sentence in rule.faults.items()],
        schema={"rule_code": pl.String, "fault": pl.String, "fault_says": pl.String},
        orient="row",
    )
    return (
        findings.filter(pl.col("row_number").is_not_null())
        .join(costly, on="rule_code")
        .join(fault_says, on=["rule_code", "fault"], how="left")
        .sort("return_id", "table_name", "row_number", "position")
        .unique(["return_id", "table_name", "row_number"], keep="first", maintain_order=True)
        .select("return_id", "table_name", "row_number", "rule_code", reason=pl.coalesce("fault_says", "rule_says"))
    )


def unlike_keys(table: str, rows: pl.DataFrame, rule: Rule, contract: Contract) -> pl.DataFrame:
    """Rows whose identity is not known because two columns of it do not agree (the fault `differs`): as rows_not_counted."""
    fields = identifying(contract.tables[table])
    if not fields:
        return pl.DataFrame(schema=NOT_COUNTED_SCHEMA)
    differs = {name: pl.col(f"{name}__fault") == "differs" for name in fields}
    if table == "pupils":  # a ULN says who it is where there is no UPN
        differs["uln"] = (pl.col("uln__fault") == "differs") & pl.coalesce("upn__text", "upn__fault").is_null()
    reason = pl.coalesce(
        pl.when(is_unlike).then(
            pl.lit(f'The two columns "{contract.tables[table].fields[name].label}" do not say the same.')
        )
        for name, is_unlike in differs.items()
    )
    return rows.filter(pl.any_horizontal(is_unlike.fill_null(value=False) for is_unlike in differs.values())).select(
        "return_id",
        pl.lit(table).alias("table_name"),
        "row_number",
        pl.lit(rule.code).alias("rule_code"),
        reason.alias("reason"),
    )


NOT_COUNTED_SCHEMA = {
    "return_id": pl.String,
    "table_name": pl.String,
    "row_number": pl.Int32,
    "rule_code": pl.String,
    "reason": pl.String,
}


def _broken_rows(rows: pl.DataFrame, rules: Iterable[Rule], evaluation: Evaluation) -> list[tuple[Rule, pl.DataFrame]]:
    """Each broken rule with the rows that break it, in the rules' order."""
    by_code = evaluation.broken.partition_by("rule_code", as_dict=True)
    return [(rule, rows[by_code[rule.code,]["position"]]) for rule in rules if (rule.code,) in by_code]


def _upn(table: str) -> pl.Expr:
    """Whose row it is, as far as the row says: the UPN, for a pupil without one the ULN."""
    if table not in UPN_TABLES:
        return pl.lit(None, dtype=pl.String)
    names = ["upn", "upn__text", *(["uln", "uln__text"] if table == "pupils" else [])]
    return pl.coalesce(names).str.slice(0, LONGEST_VALUE)


def _united(found: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([no_findings(), *(frame.cast(FINDINGS_SCHEMA) for frame in found)])


def _pairs(rules: Iterable[Rule], attribute: str) -> pl.DataFrame:
    return pl.DataFrame(
        [(rule.code, other) for rule in rules for other in getattr(rule, attribute)],
        schema={"rule_code": pl.String, "other": pl.String},
        orient="row",
    )


def _named(sentence: pl.Expr) -> pl.Expr:
    """Puts the table's name and the field's label where the sentence leaves room for them."""
    named = sentence.str.replace_all("{table}", pl.coalesce("table_name", pl.lit("")), literal=True)
    return named.str.replace_all("{label}", pl.coalesce("label", "field", pl.lit("")), literal=True)
