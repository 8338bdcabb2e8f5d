"""What is kept of an error of Great Expectations: its kind, and nothing of what it says."""

import pytest

from pipelines.checking.evaluating import _exception

FRAMES = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    f(value)\n'


@pytest.mark.parametrize(
    ("traceback", "kind"),
    [
        (f"{FRAMES}KeyError: 'sex'\n", "KeyError"),
        (f"{FRAMES}pandas.errors.ParserError: of H801200001001", "ParserError"),
        # a message of several lines ends with whatever it quotes
        (f"{FRAMES}ValueError: cannot read\nH801200001001", "ValueError"),
        (f"{FRAMES}ValueError: cannot read\n  H801200001001: a letter too many\n", "ValueError"),
        (
            f"{FRAMES}KeyError: 'a'\n\nDuring handling of the above exception, another one occurred:\n\n{FRAMES}TypeError\n",
            "TypeError",
        ),
        ("", "error"),
    ],
)
def test_an_error_is_known_by_its_kind_alone(traceback, kind):
    assert _exception({"raised_exception": True, "exception_traceback": traceback}) == kind
    assert _exception({"metric": {"raised_exception": True, "exception_traceback": traceback}}) == kind


def test_no_error_is_none():
    assert _exception({"raised_exception": False, "exception_traceback": None}) is None
    assert _exception({}) is None
