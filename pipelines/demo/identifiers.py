"""UPNs and ULNs with the right check letter or digit, none given twice.

Source of the letter: DfE's UPN guide v1.2; of the digit: the Learning Records Service (weights 10..2, modulus 11).
"""

from collections import Counter
from dataclasses import dataclass, field

CHECK_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


def check_letter(body: str) -> str:
    """The letter before the twelve characters of a UPN; the last of them may be a letter (a temporary UPN)."""
    values = [CHECK_LETTERS.index(c) if c.isalpha() else int(c) for c in body]
    return CHECK_LETTERS[sum(weight * value for weight, value in enumerate(values, start=2)) % 23]


def with_check_letter(body: str) -> str:
    """The whole UPN of its twelve characters."""
    return check_letter(body) + body


def with_wrong_letter(upn: str) -> str:
    """The same UPN with a check letter that does not fit."""
    return CHECK_LETTERS[(CHECK_LETTERS.index(upn[0]) + 1) % 23] + upn[1:]


def check_digit(body: str) -> int | None:
    """The tenth digit of a ULN from its first nine; None where no ULN can have them."""
    remainder = sum(int(c) * weight for c, weight in zip(body, range(10, 1, -1), strict=True)) % 11
    return None if remainder == 0 else 10 - remainder


@dataclass
class IdentifierOffice:
    """Gives identifiers out, in order, so that a seed always gives the same."""

    serials: Counter = field(default_factory=Counter)
    last_uln: int = 104_000_000

    def upn(self, la_code: str, establishment: str, year: int, *, temporary: bool = False) -> str:
        """A UPN allocated by a school (four digits) in the academic year that begins in `year`."""
        stem = f"{la_code}{establishment}{year % 100:02d}"
        while True:
            serial = self.serials[stem, temporary] = self.serials[stem, temporary] + 1
            if temporary and serial < 23 * 99:
                return with_check_letter(f"{stem}{serial // 23 + 1:02d}{CHECK_LETTERS[serial % 23]}")
            if not temporary and serial < 1000:
                return with_check_letter(f"{stem}{serial:03d}")
            # a thousand pupils from one school in one year: the next school gives the number
            stem = f"{la_code}{(int(stem[3:7]) % 9999) + 1:04d}{stem[7:]}"

    def uln(self) -> str:
        """A ULN; ten digits."""
        while True:
            self.last_uln += 37
            digit = check_digit(str(self.last_uln))
            if digit is not None:
                return f"{self.last_uln}{digit}"
