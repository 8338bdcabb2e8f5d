"""Great Expectations' expectations, asked for nothing but the rows that break them.

As they come, each works out six figures, and writes out its own configuration a hundred times on the way: three
quarters of the time of a run over a term, and the same for a table of forty rows as for one of forty thousand.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import ColumnMapExpectation, ColumnPairMapExpectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.validator.validator import ValidationDependencies


@lru_cache
def by_row(kind: str) -> "type[ColumnMapExpectation | ColumnPairMapExpectation]":
    """The expectation of a type (`expect_column_values_to_be_in_set`, ...), of columns or pairs of columns row by row.

    It succeeds where no row breaks it (`mostly` is not heeded); its result has `unexpected_index_list` alone, and wants
    the result format COMPLETE for it to be all of them.
    """
    from great_expectations.compatibility.pydantic import PrivateAttr
    from great_expectations.expectations.registry import get_expectation_impl, get_metric_kwargs
    from great_expectations.validator.metric_configuration import MetricConfiguration
    from great_expectations.validator.validator import ValidationDependencies

    standard = get_expectation_impl(kind)
    condition = f"{standard.map_metric}.condition"

    def configuration(self: Any) -> "ExpectationConfiguration":
        if self._written is None:
            self._written = standard.configuration.fget(self)
        return self._written

    def get_validation_dependencies(
        self: Any, *_: object, runtime_configuration: dict | None = None, **__: object
    ) -> "ValidationDependencies":
        asked = get_metric_kwargs(condition, self.configuration, runtime_configuration)
        metric = MetricConfiguration(condition, asked["metric_domain_kwargs"], asked["metric_value_kwargs"])
        return ValidationDependencies({condition: metric}, runtime_configuration["result_format"])

    def _validate(_self: object, metrics: dict, *_: object, **__: object) -> dict:
        breaks = metrics[condition][0].fillna(value=False)
        rows = breaks.index[breaks.to_numpy(dtype=bool)].to_list()
        return {"success": not rows, "result": {"unexpected_index_list": rows}}

    # made so, and not by a class statement, for its name is that under which Great Expectations registers it
    return type(
        f"{standard.__name__}ByRow",
        (standard,),
        {
            "__module__": __name__,
            "_written": PrivateAttr(default=None),
            "configuration": property(configuration),
            "get_validation_dependencies": get_validation_dependencies,
            "_validate": _validate,
        },
    )
