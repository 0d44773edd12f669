"""With ``durability="group"`` a crash takes nothing, and a power loss what is younger than 20 ms. A sample, and
canaries; and what ships a folder from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture import sampling
from tests.torture.case import Case
from tests.torture.setup import Broken

pytestmark = sampling.needs_strace


def test_killed_anywhere_or_without_power_it_loses_nothing_that_was_promised_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    assert sampling.kill_anywhere("group", tmp_path).verdict.faults == []


def test_killed_at_its_own_pace_it_loses_no_more_to_a_power_loss_than_the_last_20_milliseconds(tmp_path: Path) -> None:
    assert sampling.kill_at_its_own_pace("group", tmp_path).verdict.faults == []


def test_a_disk_that_fails_loses_nothing_that_was_promised_and_the_rest_is_counted(tmp_path: Path) -> None:
    assert sampling.let_the_disk_fail("group", tmp_path).verdict.faults == []


def test_shipping_killed_anywhere_loses_and_doubles_nothing(tmp_path: Path) -> None:
    cases = [Case(road="ship", bucket=bucket) for bucket in ("well", "failing", "twice")]
    came_to = sampling.killed([(case, 3) for case in cases], tmp_path)
    assert came_to.verdict.faults == []
    assert came_to.kills


def test_without_a_canary_nothing_is_found(tmp_path: Path) -> None:
    assert sampling.play("group", tmp_path).verdict.faults == []


@pytest.mark.parametrize(
    ("broken", "found"),
    [("write", "lost"), ("fsync", "lost"), ("exposure", "lost"), ("once", "doubled"), ("commit", "undone")],
)
def test_a_canary_is_found(broken: Broken, found: str, tmp_path: Path) -> None:
    sampling.find_canary(broken, "group", found, tmp_path)
