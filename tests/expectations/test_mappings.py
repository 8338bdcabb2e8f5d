"""Mappings of schools' own exports: every one in the folder can be loaded, and a wrong one says where it is wrong."""

import pytest

from expectations.contracts import load_contract
from expectations.mappings import MappingError, load_mapping, mapping_names
from pipelines.reading.headers import folded
from pipelines.warehouse import LATEST_CONTRACT

RIGHT = """
label: Ours
exports:
  register:
    table: pupils
    recognised_by: [upn]
    headers: {UPN: upn, SEN status: sen_provision}
    ignored: [Surname]
codes:
  sen_provision: {SEN support: K, None: N}
"""


def test_there_is_a_mapping_for_a_typical_system():
    assert "typical_mis" in mapping_names()


@pytest.mark.parametrize("name", mapping_names())
def test_every_mapping_of_the_folder_can_be_loaded_and_gives_what_identifies_a_row(name):
    mapping = load_mapping(name)
    tables = load_contract(LATEST_CONTRACT).tables
    for export in mapping.exports:
        assert {*tables[export.table].key} <= {*export.headers.values()}, export.name


@pytest.mark.parametrize("name", mapping_names())
def test_every_export_of_a_mapping_is_told_from_the_others_by_its_headings(name):
    exports = load_mapping(name).exports
    for one in exports:
        for other in exports:
            if one is not other:
                # of all its headings together the other one is not recognised by more of them
                said = one.headers.keys()
                assert len(said & other.headers.keys()) < len(said)


def test_values_are_what_is_written_and_keys_do_not_mind_case_and_spaces(tmp_path):
    mapping = load_mapping(str(write(tmp_path, RIGHT)))
    assert mapping.codes == {"sen_provision": {"sensupport": "K", "none": "N"}}
    [register] = mapping.exports
    assert register.headers == {"upn": "upn", "senstatus": "sen_provision"}
    assert register.ignored == {folded("SURNAME")}


@pytest.mark.parametrize(
    ("change", "to", "says"),
    [
        ("SEN status: sen_provision", "SEN status: sen_prevision", "'SEN status' is said to be sen_prevision, which"),
        ("table: pupils", "table: children", "export register: there is no table children"),
        ("SEN support: K", "SEN support: SUPPORT", "codes of sen_provision: 'SEN support' is said to be SUPPORT"),
        ("SEN support: K", "SEN support: K, sen-support: E", "'sen-support' is there twice, with different meanings"),
        ("  sen_provision: {", "  provision: {", "codes of provision: there is no such code list"),
        ("recognised_by: [upn]", "recognised_by: [uln]", "recognised_by: no heading is uln"),
        ("recognised_by: [upn]", "recognised_by: []", "name a field at least"),
        ("recognised_by: [upn]", "recognised_by: upn", "write it as a list"),
        ("ignored: [Surname]", "ignored: [UPN]", "heading 'upn' is both a field and ignored"),
        ("ignored: [Surname]", "passed_over: [Surname]", "passed_over is not known here"),
        ("label: Ours", "", "label is missing"),
        ("label: Ours", "label: Ours\ndates: ['%d/%m/%y']", "has no year of four digits"),
        ("ignored: [Surname]", "ranked: {1: primary_need}", "recognised_by must name rank and ranked"),
        ("table: pupils", "table: return", "there is no table return"),
        ("UPN: upn,", "UPN: upn, UPN: uln,", "UPN is there twice"),
        ("exports:", "exports: [", "cannot be read"),
    ],
)
def test_a_wrong_mapping_says_where_it_is_wrong(tmp_path, change, to, says):
    assert RIGHT.count(change) == 1
    with pytest.raises(MappingError) as error:
        load_mapping(str(write(tmp_path, RIGHT.replace(change, to))))
    assert says in str(error.value)


def test_an_export_without_what_says_which_row_is_which_is_none(tmp_path):
    text = RIGHT.replace("[upn]", "[sen_provision]").replace("UPN: upn, ", "")
    with pytest.raises(MappingError, match="no heading is upn, which says which row of pupils it is"):
        load_mapping(str(write(tmp_path, text)))


def test_of_a_sheet_of_one_row_there_is_one_export(tmp_path):
    one = "\n    table: arrangements\n    recognised_by: [senco_award]\n    headers: {Award: senco_award}"
    with pytest.raises(MappingError, match="two exports are of arrangements, which is one row"):
        load_mapping(str(write(tmp_path, f"label: Ours\nexports:\n  a:{one}\n  b:{one}\n")))


def test_a_mapping_that_is_not_there_says_which_are():
    with pytest.raises(MappingError, match=r"There is no mapping sims. There are: .*typical_mis"):
        load_mapping("sims")


def write(folder, text):
    path = folder / "ours.yml"
    path.write_text(text, encoding="utf-8")
    return path
