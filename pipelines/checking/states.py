"""Which of a school's files counts: what becomes of each, in the order in which they came."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

# a return that has lost half its rows in any of these is looked at before it supersedes
COUNTED_TABLES = ("pupils", "plans", "reviews")


@dataclass(frozen=True)
class ReceivedFile:
    """A placed file of one school and term; `rows` by table, `released` by an analyst."""

    file_id: str
    term: str
    urn: str
    file_name: str
    received_at: datetime
    serial: int | None
    released: bool = False
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def order(self) -> tuple:
        """Later is newer; of two received together the higher serial is."""
        return (self.received_at, -1 if self.serial is None else self.serial, self.file_name, self.file_id)


@dataclass(frozen=True)
class Judgement:
    """state: rejected, held, superseded or current; rows_lost: the first table that lost half its rows, of a held file."""

    state: str
    rows_lost: str | None = None


def judge_files(files: Iterable[ReceivedFile], rejected: Collection[str]) -> dict[str, Judgement]:
    """file_id -> what became of it. A rejected or held file supersedes nothing; what is older than the current one is past."""
    of_school = defaultdict(list)
    for file in files:
        of_school[file.term, file.urn].append(file)
    judgements = {}
    for received in of_school.values():
        judgements |= _judge_school(sorted(received, key=lambda file: file.order), rejected)
    return judgements


def _judge_school(files: list[ReceivedFile], rejected: Collection[str]) -> dict[str, Judgement]:
    judgements: dict[str, Judgement] = {}
    current: ReceivedFile | None = None
    for file in files:
        if file.file_id in rejected:
            judgements[file.file_id] = Judgement("rejected")
            continue
        lost = _rows_lost(file, current) if current and not file.released else None
        if lost:
            judgements[file.file_id] = Judgement("held", rows_lost=lost)
            continue
        # whatever was waiting or counted before this one is past
        judgements |= {past: Judgement("superseded") for past, was in judgements.items() if was.state != "rejected"}
        judgements[file.file_id] = Judgement("current")
        current = file
    return judgements


def _rows_lost(file: ReceivedFile, current: ReceivedFile) -> str | None:
    """The first table with fewer than half the rows of the return that this one would supersede."""
    return next(
        (table for table in COUNTED_TABLES if 2 * file.rows.get(table, 0) < current.rows.get(table, 0)),
        None,
    )
