"""The terms of the calendar as partitions: by term, never by school, so that a fixed cost is paid once a term."""

from dagster import BackfillPolicy, DagsterRun, StaticPartitionsDefinition
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from pipelines.settings import get_settings
from pipelines.terms import load_calendar

terms = StaticPartitionsDefinition(list(load_calendar(get_settings())))
# one run for a contiguous range of terms
one_run_a_range = BackfillPolicy.single_run()


def terms_of_run(run: DagsterRun) -> list[str]:
    """The terms that a run is for; every term of the calendar where it says none, as when only models are built."""
    keys = terms.get_partition_keys()
    first = run.tags.get(ASSET_PARTITION_RANGE_START_TAG) or run.tags.get(PARTITION_NAME_TAG) or keys[0]
    last = run.tags.get(ASSET_PARTITION_RANGE_END_TAG) or run.tags.get(PARTITION_NAME_TAG) or keys[-1]
    return keys[keys.index(first) : keys.index(last) + 1]
