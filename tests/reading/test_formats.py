"""What a file is: by its content, never its name, and before any reader opens it."""

import io
import zipfile

import msoffcrypto.format.ooxml
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reading.files import read_file
from pipelines.reading.formats import Inspection, inspect
from tests.reading.builders import (
    CONTRACT,
    LIMIT,
    RETURN,
    csv_zip,
    lying_zip,
    whole_return,
    with_sheet_xml,
    workbook,
    zipped,
)

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
WORKBOOK = workbook(whole_return())


def fault_of(data: bytes, max_bytes: int = LIMIT) -> str | None:
    """The fault that both ways into a file give."""
    looked_at = inspect(data, max_bytes).fault
    if looked_at != "no_return_table":
        assert read_file(data, CONTRACT, max_bytes).fault == looked_at
    return looked_at


def password_protected() -> bytes:
    locked = io.BytesIO()
    msoffcrypto.format.ooxml.OOXMLFile(io.BytesIO(WORKBOOK)).encrypt("secret", locked)
    return locked.getvalue()


def test_a_workbook_and_a_zip_of_csvs_say_whose_return_they_are():
    assert inspect(WORKBOOK, LIMIT) == Inspection("xlsx", None, RETURN)
    assert inspect(csv_zip(whole_return()), LIMIT) == Inspection("csv_zip", None, RETURN)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "empty"),
        (zipped({}), "empty"),
        (zipped({"__MACOSX/._pupils.csv": b"x", ".DS_Store": b"x"}), "empty"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "pdf"),
        (b"\xef\xbb\xbf%PDF-1.4", "pdf"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "html"),
        (b"\r\n <HTML><head></head></HTML>", "html"),
        (b'\xef\xbb\xbf<html xmlns:x="urn:schemas-microsoft-com:office:excel"><table>', "html"),
        (b"<table><tr><td>upn</td></tr></table>", "html"),
        ("<html><body>".encode("utf-16"), "html"),
        (OLE + b"\0" * 600, "old_xls"),
        (OLE + b"\0" * 600 + "Workbook".encode("utf-16-le"), "old_xls"),
        (OLE + b"\0" * 600 + "WordDocument".encode("utf-16-le"), "other_format"),
        (b"\x09\x08\x10\x00\x00\x06\x05\x00", "old_xls"),
        (b"upn,uln\r\nA801200112345,\r\n", "other_format"),
        (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', "other_format"),
        (b"\x89PNG\r\n\x1a\n", "other_format"),
        (b"\0" * 5000, "other_format"),
        (zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}), "other_format"),
        (zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.bin": b"x"}), "other_format"),
        (zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}), "other_format"),
        (zipped({"photo.jpg": b"x"}), "other_format"),
        (zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"}), "truncated"),
    ],
)
def test_content_decides_the_format(data, fault):
    assert fault_of(data) == fault


def test_a_password_protected_workbook_is_known_as_one():
    assert fault_of(password_protected()) == "password_protected"


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("data", [WORKBOOK, csv_zip(whole_return())], ids=["xlsx", "csv_zip"])
def test_a_file_cut_short_is_truncated(data, kept):
    assert fault_of(data[: int(len(data) * kept)]) == "truncated"


def test_a_damaged_byte_is_found_by_its_check_sum():
    data = bytearray(csv_zip(whole_return(pupils="upn,uln\r\n" + "A801200112345,\r\n" * 50)))
    at = data.index(b"pupils.csv") + len("pupils.csv") + 12
    data[at] ^= 0xFF
    assert fault_of(bytes(data)) == "truncated"


@pytest.mark.parametrize(
    "name", ["../../x.csv", "a/../../x.csv", "/etc/x.csv", "..\\x.csv", "C:\\x.csv", "\\\\server\\x.csv"]
)
def test_a_path_that_leads_outside_rejects_the_file(name):
    assert fault_of(zipped({"return.csv": "urn\r\n", name: b"x"})) == "unsafe_path"


def test_such_a_path_is_refused_in_a_workbook_too():
    with zipfile.ZipFile(io.BytesIO(WORKBOOK)) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    assert fault_of(zipped(entries | {"../x": b""})) == "unsafe_path"


def test_a_zip_in_a_zip_rejects_the_file():
    assert fault_of(zipped({"return.csv": "urn\r\n", "more.zip": b"x"})) == "zip_in_zip"
    assert fault_of(zipped({"return.csv": "urn\r\n", "pupils.csv": zipped({"a": b"b"})})) == "zip_in_zip"


def test_a_workbook_in_a_zip_is_a_zip_in_a_zip():
    assert fault_of(zipped({"8012001_2025-26_autumn_01.xlsx": WORKBOOK})) == "zip_in_zip"


def test_an_object_pasted_into_a_workbook_is_none():
    with zipfile.ZipFile(io.BytesIO(WORKBOOK)) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    assert fault_of(zipped(entries | {"xl/embeddings/oleObject1.xlsx": WORKBOOK})) is None


def test_an_encrypted_entry_rejects_the_file():
    data = bytearray(csv_zip(whole_return()))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert fault_of(bytes(data)) == "encrypted_entry"


def test_a_bomb_is_refused_while_it_is_inflated_whatever_its_directory_says():
    bomb = lying_zip("pupils.csv", b"0" * 30_000_000, declared=100)
    assert len(bomb) < 40_000
    assert fault_of(bomb, max_bytes=5_000_000) == "too_large"


def test_many_entries_count_together():
    data = zipped({f"part{n}.csv": b"0" * 100_000 for n in range(30)})
    assert fault_of(data, max_bytes=2_000_000) == "too_large"
    assert fault_of(data, max_bytes=4_000_000) == "no_return_table"


def test_a_workbook_whose_few_cells_are_worlds_apart_is_too_large():
    far = workbook(
        whole_return(pupils=[["upn"], ["A801200112345"]]),
        also=lambda _, sheets: sheets["pupils"].write(1_048_575, 16_383, "x"),
    )
    assert len(far) < 20_000
    assert fault_of(far) == "too_large"


@pytest.mark.parametrize(
    "cell",
    [
        b"<c r = 'XFD1048576' t='str'><v>x</v></c>",
        b"<c\n r='XFD1048576' t='str'><v>x</v></c>",
        b'<x:c xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" r="XFD1048576" t="str"><x:v>x</x:v></x:c>',
        b'<c s="0" r="&#88;FD1048576" t="str"><v>x</v></c>',
    ],
)
def test_a_far_cell_cannot_hide_behind_how_it_is_written(cell):
    def add(xml: bytes) -> bytes:
        return xml.replace(b"</sheetData>", b"<row r='1048576'>" + cell + b"</row></sheetData>")

    assert fault_of(with_sheet_xml(WORKBOOK, 3, add)) in ("too_large", "truncated")


def test_one_long_text_in_very_many_cells_is_too_large():
    # 60,000 characters in each of 5,000 cells are 300 MB
    rows = [["upn", "uln"], *[["A" * 32_000, "x"]] * 5_000]
    book = workbook(whole_return(pupils=rows))
    with zipfile.ZipFile(io.BytesIO(book)) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    longer = entries["xl/sharedStrings.xml"].replace(b"A" * 32_000, b"A" * 60_000)
    assert fault_of(zipped(entries | {"xl/sharedStrings.xml": longer})) == "too_large"


def test_two_parts_of_one_name_make_a_workbook_that_cannot_be_trusted():
    with zipfile.ZipFile(io.BytesIO(WORKBOOK)) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    assert fault_of(zipped(entries | {"xl/worksheets/Sheet3.xml": b"<worksheet/>"})) == "truncated"


def test_a_document_type_in_a_sheet_is_refused():
    def add(xml: bytes) -> bytes:
        return xml.replace(b"<worksheet", b'<!DOCTYPE w [<!ENTITY a "b">]><worksheet', 1)

    assert fault_of(with_sheet_xml(WORKBOOK, 3, add)) == "truncated"


def test_utf_16_without_its_mark_is_a_fault_of_the_file():
    text = "upn,uln\r\nA801200112345,1234567890\r\n"
    for encoding in ("utf-16-le", "utf-16-be"):
        assert fault_of(csv_zip(whole_return(pupils=text.encode(encoding)))) == "utf16_without_bom"


def test_a_file_without_a_return_table_is_read_for_what_it_has():
    sheets = whole_return()
    del sheets["return"]
    for data in (workbook(sheets), csv_zip(sheets)):
        assert inspect(data, LIMIT).fault == "no_return_table"
        received = read_file(data, CONTRACT, LIMIT)
        assert received.fault is None
        assert [sheet.table_name for sheet in received.sheets if not sheet.found] == ["return"]


def test_of_two_return_rows_only_what_they_agree_on_counts():
    rows = [list(RETURN), list(RETURN.values()), list((RETURN | {"urn": "100002"}).values())]
    row = inspect(csv_zip(whole_return(**{"return": rows})), LIMIT).return_row
    assert (row["laestab"], row["urn"]) == ("8012001", None)


def test_a_return_table_without_a_row_says_nothing():
    assert inspect(csv_zip(whole_return(**{"return": [list(RETURN)]})), LIMIT) == Inspection("csv_zip", None, {})


def never_raises(data: bytes) -> None:
    inspect(data, 1_000_000)
    read_file(data, CONTRACT, 1_000_000)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", OLE, b"<html", b"%PDF-", b"\xff\xfe"])
)
def test_no_bytes_raise(data, magic):
    never_raises(magic + data)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["pupils.csv", "return.csv"]))
def test_no_bytes_of_a_csv_raise(content, name):
    never_raises(zipped({name: content, "plans.csv": b"upn;planned_date\r\n" + content}))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_no_damage_to_a_workbook_raises(changes):
    data = bytearray(WORKBOOK)
    for place, byte in changes:
        data[int(place * len(data))] = byte
    never_raises(bytes(data))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_no_damage_to_a_sheet_raises(changes):
    def damage(xml: bytes) -> bytes:
        damaged = bytearray(xml)
        for place, byte in changes:
            damaged[int(place * len(damaged))] = byte
        return bytes(damaged)

    never_raises(with_sheet_xml(WORKBOOK, 1, damage))
