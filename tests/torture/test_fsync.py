"""With ``durability="fsync"`` neither a crash nor a power loss takes anything. A sample, and canaries."""

from __future__ import annotations

from pathlib import Path

from tests.torture import sampling

pytestmark = sampling.needs_strace


def test_killed_anywhere_or_without_power_it_loses_nothing_that_was_promised_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    assert sampling.kill_anywhere("fsync", tmp_path).verdict.faults == []


def test_killed_at_its_own_pace_it_loses_nothing_to_a_power_loss(tmp_path: Path) -> None:
    assert sampling.kill_at_its_own_pace("fsync", tmp_path).verdict.faults == []


def test_a_disk_that_fails_loses_nothing_that_was_promised_and_the_rest_is_counted(tmp_path: Path) -> None:
    assert sampling.let_the_disk_fail("fsync", tmp_path).verdict.faults == []


def test_without_a_canary_nothing_is_found(tmp_path: Path) -> None:
    assert sampling.play("fsync", tmp_path).verdict.faults == []


def test_an_fsync_that_does_nothing_is_found(tmp_path: Path) -> None:
    sampling.find_canary("fsync", "fsync", "lost", tmp_path)
