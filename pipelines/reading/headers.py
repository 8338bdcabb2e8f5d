"""Names as people write them: sheets, files and columns match the contract whatever the case, spaces or hyphens."""

import re
from collections.abc import Iterable
from functools import lru_cache

# letters and digits count; spaces, hyphens and dashes, underscores and what can't be seen do not
NOT_COUNTED = re.compile(r"[\s\-_\u00ad\u200b-\u200f\u2010-\u2015\u2060\u2212\ufeff]+")
# what people see as space; the breaking and the non-breaking ones, tabs and line ends
SPACES = " \t\r\n\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


@lru_cache(maxsize=1_000)
def folded(name: str) -> str:
    """The name without what does not count: `SEN Start-Date` is `senstartdate`."""
    return NOT_COUNTED.sub("", name).casefold()


def match(names: Iterable[str | None], known: Iterable[str]) -> list[str | None]:
    """For each name the known one that it stands for, or None."""
    by_folded = _by_folded(tuple(known))
    return [by_folded.get(folded(name)) if name else None for name in names]


@lru_cache
def _by_folded(known: tuple[str, ...]) -> dict[str, str]:
    return {folded(name): name for name in known}
