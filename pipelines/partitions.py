"""The terms of the calendar as partitions: by term, never by school, so that a fixed cost is paid once a term."""

from dagster import BackfillPolicy, StaticPartitionsDefinition

from pipelines.settings import get_settings
from pipelines.terms import load_calendar

terms = StaticPartitionsDefinition(list(load_calendar(get_settings())))
# one run for a contiguous range of terms
one_run_a_range = BackfillPolicy.single_run()
