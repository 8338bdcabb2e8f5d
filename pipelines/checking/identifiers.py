"""UPNs and ULNs: are they made right, and does the check letter or digit fit. Polars expressions, no row loops.

Sources: DfE, UPN guide v1.2 (check letter: weights 2 to 13, modulus 23; the last character of a temporary UPN is a letter
of the same table). Learning Records Service (check digit of a ULN: weights 10 to 2, modulus 11).
"""

import csv
from functools import lru_cache

import polars as pl

from pipelines.settings import SEEDS_DIR

# a UPN, a ULN, or anything that is as long: no sentence or file name of ours needs so long a number
LONG_NUMBER = r"[A-Za-z]?[0-9]{10,}[A-Za-z0-9]?"
STRUCK_OUT = "[…]"
CHECK_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"  # no I, O, S
_VALUES = {str(digit): digit for digit in range(10)} | {letter: value for value, letter in enumerate(CHECK_LETTERS)}


@lru_cache
def la_codes() -> frozenset[str]:
    """The numbers of local authorities that can stand in a UPN (seed `la_codes`)."""
    with (SEEDS_DIR / "la_codes.csv").open(newline="", encoding="utf-8") as lines:
        return frozenset(row["code"] for row in csv.DictReader(lines))


def upn_shaped(upn: pl.Expr) -> pl.Expr:
    """Whether it is a letter, eleven digits, and a digit or letter; null for null."""
    return upn.str.contains(r"\A[A-Z][0-9]{11}[0-9A-Z]\z")


def upn_la_known(upn: pl.Expr) -> pl.Expr:
    """Whether characters 2 to 4 are an LA's number; null where the UPN is not shaped like one."""
    return pl.when(upn_shaped(upn)).then(upn.str.slice(1, 3).is_in(sorted(la_codes())))


def upn_letter_fits(upn: pl.Expr) -> pl.Expr:
    """Whether the check letter fits all of the other twelve characters; null where the UPN is not shaped like one."""
    total = pl.sum_horizontal(_value_at(upn, position) * (position + 1) for position in range(1, 13))
    # a last letter that is not in the table has no value, and a sum would pass it over
    is_known = _value_at(upn, 12).is_not_null()
    fits = is_known & (_value_at(upn, 0) == total % 23).fill_null(value=False)
    return pl.when(upn_shaped(upn)).then(fits & ~upn.str.contains(r"\A[0-9]"))


def is_upn(upn: pl.Expr) -> pl.Expr:
    """Whether it is a UPN in all its parts; null for null."""
    return pl.when(upn.is_not_null()).then(
        upn_shaped(upn) & upn_la_known(upn).fill_null(value=False) & upn_letter_fits(upn).fill_null(value=False)
    )


def is_uln(uln: pl.Expr) -> pl.Expr:
    """Whether it is ten digits of which the last fits the others; null for null."""
    remainder = pl.sum_horizontal(_value_at(uln, position) * (10 - position) for position in range(9)) % 11
    fits = (remainder != 0) & (_value_at(uln, 9) == 10 - remainder)
    return pl.when(uln.is_not_null()).then(uln.str.contains(r"\A[0-9]{10}\z") & fits.fill_null(value=False))


def pupil_columns() -> dict[str, pl.Expr]:
    """What the pupils' rules need to know of upn, uln and former_upn; each null where it does not arise."""
    upn, uln, former = pl.col("upn"), pl.col("uln"), pl.col("former_upn")
    is_upn_given = pl.coalesce("upn__text", "upn__fault").is_not_null()
    is_uln_given = pl.coalesce("uln__text", "uln__fault").is_not_null()
    # of two columns that disagree something is said already
    is_one_uln = is_uln_given & pl.col("uln__fault").ne_missing("differs")
    return {
        "upn_shaped": upn_shaped(upn),
        "upn_la_known": upn_la_known(upn),
        "upn_letter_fits": pl.when(upn_la_known(upn)).then(upn_letter_fits(upn)),
        "uln_beside_upn_valid": pl.when(is_upn_given).then(is_uln(uln)),
        "uln_alone_valid": pl.when(~is_upn_given & is_one_uln).then(is_uln(uln).fill_null(value=False)),
        "identifier_given": pl.when(is_upn_given | is_uln_given).then(pl.lit(value=True)),
        "former_upn_valid": is_upn(former),
        "former_upn_unchanged": pl.when(former == upn).then(former),
    }


def identifier_columns() -> dict[str, pl.Expr]:
    """Of tables whose pupils need not be on the register: whether upn holds a UPN or a ULN; null for null."""
    return {"identifier_valid": is_upn(pl.col("upn")) | is_uln(pl.col("upn"))}


def _value_at(text: pl.Expr, index: int) -> pl.Expr:
    return text.str.slice(index, 1).replace_strict(_VALUES, default=None, return_dtype=pl.Int32)
