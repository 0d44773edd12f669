"""The page about cost says what the script computes."""

from __future__ import annotations

from byline.aws import sweeping
from infra import cost
from tests.unit.infra.templates import INFRA, load, resource, resources

PAGE = INFRA.parent / "docs/explanation/scale-and-cost.md"


def test_the_pages_table_is_what_the_script_prints() -> None:
    assert cost.table() in PAGE.read_text()
    assert cost.PRICES in PAGE.read_text().replace("\n", " ")


def test_a_million_changes_cost_less_the_more_there_are() -> None:
    together = [sum(cost.per_million(load).values()) for load in cost.LOADS]
    assert together == sorted(together, reverse=True)


def test_what_the_script_takes_from_the_stack_is_what_the_stack_says() -> None:
    source = resource("Processor")["Events"]["Announced"]["Properties"]
    assert source["MaximumBatchingWindowInSeconds"] == cost.WINDOW
    assert load()["Parameters"]["BatchSize"]["Default"] == cost.MESSAGES_A_CALL
    assert resource("Processor")["MemorySize"] / 1024 == cost.PROCESSOR_GB
    assert resource("Query")["MemorySize"] / 1024 == cost.QUERY_GB
    assert load()["Parameters"]["MinCapacity"]["Default"] == cost.LEAST_ACU
    assert resource("Admin")["Timeout"] == cost.SECONDS_OF_A_SWEEP + sweeping.SPARE
    alarms = [resources("AWS::CloudWatch::Alarm", name) for name in ("template.yaml", "database.yaml")]
    assert sum(map(len, alarms)) == cost.ALARMS
