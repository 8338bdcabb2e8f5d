import os
import time

from pipelines.landing import list_landing
from tests.landing.conftest import a_return

NAME = "8012001_2025-26_autumn_01.zip"


def test_a_listing_changes_when_a_file_comes_changes_or_goes_and_not_otherwise(settled, landing):
    listings = [list_landing(settled)]
    (landing / NAME).write_bytes(a_return())
    listings.append(list_landing(settled))
    (landing / NAME).write_bytes(a_return(note=",more"))
    listings.append(list_landing(settled))
    assert list_landing(settled) == listings[-1]
    (landing / "link").symlink_to(landing)
    listings.append(list_landing(settled))
    assert len({str(listing) for listing in listings}) == 4


def test_a_file_still_being_written_is_listed_once_it_is_whole(settings, landing):
    slow = settings.model_copy(update={"settling_seconds": 60.0})
    (landing / NAME).write_bytes(a_return())
    assert list_landing(slow) == []
    os.utime(landing / NAME, (time.time() - 61, time.time() - 61))
    assert [path for path, _ in list_landing(slow)] == [NAME]


def test_a_landing_zone_that_is_itself_a_link_is_the_las_own_choice(settings, tmp_path):
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / NAME).write_bytes(a_return())
    (tmp_path / "landing").symlink_to(tmp_path / "share")
    linked = settings.model_copy(update={"landing_url": str(tmp_path / "landing"), "settling_seconds": 0.0})
    assert [path for path, _ in list_landing(linked)] == [NAME]
