from __future__ import annotations

from byline.model.event import Action
from byline.model.query import ChangeItem
from byline.model.undo import PatchOperation, Refusal, UndoPlan, UndoStep
from byline.web.pages.sheet import Step, sheet
from byline.web.sentence import plain

PATCH = [PatchOperation(op="replace", path="/x", value=1)]
SINCE = Refusal(
    attribute="on_hand",
    reason="changed_since",
    detail="It was set later.",
    event_id="e",
    occurred_at="2026-07-23T14:11:20Z",
    microservice_name="inventory",
    request_id="88ab01f4",
)


def item(name: str, value: str | None = "1", kind: str = "number") -> ChangeItem:
    return ChangeItem(name, "2", value, "number", kind)  # type: ignore[arg-type]


def step(action: Action, *restore: ChangeItem, refused: tuple[Refusal, ...] = (), patch: bool = True) -> UndoStep:
    return UndoStep(
        table_id="orders",
        entity_id="7",
        action=action,
        restore=list(restore),
        data={},
        json_patch=PATCH if patch else [],
        refused=list(refused),
        event_ids=["e2", "e1"],
    )


def told(one: UndoStep) -> Step:
    plan = UndoPlan(request_id="r", event_id=None, steps=[one], complete=not one.refused, notes=[])
    [shown] = sheet(plan, {"e1": 1, "e2": 2}).steps
    return shown


def test_a_step_is_in_the_imperative() -> None:
    assert plain(told(step("update", item("note", None, "null"))).sentence) == "Set `note` of orders 7 back to null."
    assert plain(told(step("update", item("a"), item("b"))).sentence) == "Set 2 attributes of orders 7 back."
    assert plain(told(step("delete")).sentence) == "Delete orders 7."
    assert plain(told(step("create", item("a"))).sentence) == "Create orders 7 again, with its 1 attribute."


def test_a_step_has_the_numbers_of_the_events_that_it_undoes() -> None:
    assert told(step("delete")).numbers == [2, 1]


def test_a_refusal_keeps_its_place_and_says_who_changed_it_since() -> None:
    shown = told(step("update", refused=(SINCE,), patch=False))
    assert plain(shown.sentence) == "Leave `on_hand` of orders 7 as it is."
    assert shown.whole
    [refused] = shown.refused
    assert (plain(refused.who), refused.request_id) == ("inventory, with no one signed in", "88ab01f4")


def test_what_is_refused_in_part_is_undone_in_part() -> None:
    shown = told(step("update", item("a"), refused=(SINCE,)))
    assert not shown.whole
    assert plain(shown.sentence) == "Set `a` of orders 7 back to 1."


def test_the_deck_counts_what_can_be_undone_and_says_that_nothing_is_done() -> None:
    steps = [step("delete"), step("update", refused=(SINCE,), patch=False)]
    plan = UndoPlan(request_id="r", event_id=None, steps=steps, complete=False, notes=[])
    assert sheet(plan, {}).deck.startswith("1 of 2 steps can be undone.")
    assert sheet(plan, {}).deck.endswith("Byline writes the plan and changes nothing itself.")
    assert sheet(
        UndoPlan(request_id="r", event_id=None, steps=[steps[0]], complete=True, notes=[]), {}
    ).deck.startswith("It can be undone.")
