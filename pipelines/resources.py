"""What every asset is given: the settings, the warehouse that one run at a time may write, and the run's date."""

import contextlib
from datetime import date, datetime

from dagster import AssetExecutionContext, ConfigurableResource, InitResourceContext
from pydantic import PrivateAttr

from pipelines.settings import Settings, get_settings
from pipelines.warehouse import only_writer, warehouse

ON_TAG = "sen/on"  # the date that a run is to take for today's


class Warehouse(ConfigurableResource):
    """The warehouse, held by this run from its first step to its last."""

    _lock: contextlib.ExitStack = PrivateAttr(default_factory=contextlib.ExitStack)

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Wait until no other run writes."""
        say = context.log.info if context.log else print
        self._lock.enter_context(only_writer(self.settings, say=say))

    def teardown_after_execution(self, context: InitResourceContext) -> None:  # noqa: ARG002
        """Let the next run in."""
        self._lock.close()

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        return get_settings()

    def connect(self):
        """A connection for one step; none is open while dbt runs."""
        return warehouse(self.settings)


def run_time(context: AssetExecutionContext) -> datetime:
    """When this run takes place: `--on` where it was given, else the time at which the run was made."""
    given = context.run.tags.get(ON_TAG)
    if given:
        return datetime.combine(date.fromisoformat(given), datetime.min.time())
    return datetime.now().replace(microsecond=0)
