"""What a file is by its content, and what is inside: nothing else opens it before it was inflated against a limit."""

import io
import re
import zipfile
import zlib
from dataclasses import dataclass

from pipelines.reading import faults
from pipelines.reading.faults import Unreadable

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# streams of other programs' OLE files: Word, PowerPoint, Outlook
OTHER_OLE = tuple(name.encode("utf-16-le") for name in ("WordDocument", "PowerPoint Document", "__substg1.0_"))
BIFF = (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00", b"\x09\x08\x08\x00", b"\x09\x08\x10\x00")
HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|meta|table|script)\b", re.IGNORECASE)
ZIP_ENTRY, ZIP_END = b"PK\x03\x04", b"PK\x05\x06"
MAX_ENTRIES = 10_000
CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """One file inside, inflated; `name` with forward slashes."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Container:
    """A workbook (`xlsx`) or a ZIP of CSV files (`csv_zip`), whole and within the limit."""

    format: str
    data: bytes
    entries: tuple[Entry, ...]

    def entry(self, name: str) -> Entry | None:
        """The entry of that name in whatever case."""
        wanted = name.lower()
        return next((entry for entry in self.entries if entry.name.lower() == wanted), None)


def open_container(data: bytes, max_bytes: int) -> Container:
    """What is inside a received file. Raises Unreadable with the fault where it is no workbook and no ZIP of CSVs.

    `max_bytes` bounds the sum of all inflated entries, counted as they are inflated: directories lie.
    """
    if not data:
        raise Unreadable(faults.EMPTY)
    if not data.startswith((ZIP_ENTRY, ZIP_END)):
        raise Unreadable(_fault_of_other(data))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not _is_passed_over(member.filename)]
            every = archive.infolist()
    except Exception as error:  # zipfile raises a dozen kinds on bytes that are no directory
        raise Unreadable(faults.TRUNCATED) from error
    _refuse_unsafe(every)
    files = [member for member in members if not _name(member).endswith("/")]
    if not files:
        raise Unreadable(faults.EMPTY)
    names = [_name(member).lower() for member in files]
    kind = _kind(set(names))
    if kind == "xlsx" and len(set(names)) < len(names):
        raise Unreadable(faults.TRUNCATED)  # which of two parts of one name counts, every reader decides for itself
    entries = []
    left = max_bytes
    for member in files:
        content = _inflate(data, member, left)
        left -= len(content)
        if content.startswith(ZIP_ENTRY) and not (kind == "xlsx" and _is_embedded(_name(member))):
            raise Unreadable(faults.ZIP_IN_ZIP)
        entries.append(Entry(_name(member), content))
    return Container(kind, data, tuple(entries))


def _fault_of_other(data: bytes) -> str:
    """Which of the formats that schools send by mistake this is."""
    head = data[:2048]
    if data.startswith(OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            return faults.PASSWORD_PROTECTED
        return faults.OTHER_FORMAT if any(name in data for name in OTHER_OLE) else faults.OLD_XLS
    if data.startswith(BIFF):
        return faults.OLD_XLS
    if b"%PDF-" in data[:1024]:
        return faults.PDF
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", errors="replace").encode("utf-8", errors="replace")
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") and HTML.search(head):
        return faults.HTML
    return faults.OTHER_FORMAT


def _name(member: zipfile.ZipInfo) -> str:
    """Some old programs write Windows' separator."""
    return member.filename.replace("\\", "/")


def _is_passed_over(name: str) -> bool:
    """What a Mac adds to a ZIP of its own accord."""
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1] == ".DS_Store"


def _is_embedded(name: str) -> bool:
    """An object pasted into a sheet is itself a ZIP, and never opened."""
    return name.lower().startswith("xl/embeddings/")


def _refuse_unsafe(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_ENTRIES:
        raise Unreadable(faults.TOO_LARGE)
    for member in members:
        name = member.orig_filename.replace("\\", "/")
        if "\0" in name or name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
            raise Unreadable(faults.UNSAFE_PATH)
    names = [_name(member).lower() for member in members]
    if any(name.endswith(".zip") for name in names):
        raise Unreadable(faults.ZIP_IN_ZIP)
    if any(member.flag_bits & 1 for member in members):
        raise Unreadable(faults.ENCRYPTED_ENTRY)


def _kind(names: set[str]) -> str:
    if "[content_types].xml" in names or "mimetype" in names:
        if "xl/workbook.xml" in names:
            return "xlsx"
        raise Unreadable(faults.OTHER_FORMAT)
    if any(name.endswith(".csv") for name in names):
        return "csv_zip"
    # a workbook in a ZIP has one sentence, whatever else is beside it
    if any(name.endswith((".xlsx", ".xlsm", ".xlsb", ".ods")) for name in names):
        raise Unreadable(faults.ZIP_IN_ZIP)
    raise Unreadable(faults.OTHER_FORMAT)


def _inflate(data: bytes, member: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """The bytes of one entry; the declared size is not believed, as not every reader goes by it."""
    header = data[member.header_offset : member.header_offset + 30]
    if len(header) < 30 or not header.startswith(ZIP_ENTRY):
        raise Unreadable(faults.TRUNCATED)
    start = (
        member.header_offset + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    )
    packed = memoryview(data)[start : start + member.compress_size]
    if len(packed) < member.compress_size:
        raise Unreadable(faults.TRUNCATED)
    if member.compress_type == zipfile.ZIP_STORED:
        content = _within(bytes(packed), max_bytes)
    elif member.compress_type == zipfile.ZIP_DEFLATED:
        content = _inflated(packed, max_bytes)
    else:
        raise Unreadable(faults.OTHER_FORMAT)
    if zlib.crc32(content) != member.CRC:
        raise Unreadable(faults.TRUNCATED)
    return content


def _within(content: bytes, max_bytes: int) -> bytes:
    if len(content) > max_bytes:
        raise Unreadable(faults.TOO_LARGE)
    return content


def _inflated(packed: memoryview, max_bytes: int) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces = []
    size = 0
    rest: bytes | memoryview = packed
    try:
        while not stream.eof:
            piece = stream.decompress(rest, CHUNK)
            if not piece and not stream.eof and not stream.unconsumed_tail:
                raise Unreadable(faults.TRUNCATED)
            size += len(piece)
            if size > max_bytes:
                raise Unreadable(faults.TOO_LARGE)
            pieces.append(piece)
            rest = stream.unconsumed_tail
    except zlib.error as error:
        raise Unreadable(faults.TRUNCATED) from error
    return b"".join(pieces)
