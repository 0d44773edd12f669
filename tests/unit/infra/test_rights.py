"""What each function may do: one statement an action, on the narrowest resource, and nothing that unmakes the trail."""

from __future__ import annotations

import pytest

from tests.unit.infra.templates import resource, statements, text

ROLES = ("ProcessorRole", "QueryRole", "AdminRole")


def actions(role: str) -> dict[str, str]:
    return {statement["Action"]: text(statement["Resource"]) for key, statement in statements() if key == role}


def test_a_statement_allows_one_action() -> None:
    for key, statement in [*statements(), *statements("service.yaml")]:
        assert (isinstance(statement["Action"], str), statement["Effect"]) == (True, "Allow"), key
        assert "*" not in statement["Action"], key


def test_everything_is_allowed_on_resources_of_ours_only_but_what_ec2_knows_no_resource_for() -> None:
    everywhere = {statement["Action"] for _, statement in statements() if statement["Resource"] == "*"}
    assert all(action.startswith("ec2:") for action in everywhere)


@pytest.mark.parametrize("role", ROLES)
def test_nothing_in_the_bucket_can_be_deleted_and_nothing_of_it_set_up_anew(role: str) -> None:
    of_s3 = {action for action in actions(role) if action.startswith("s3:")}
    assert not [action for action in of_s3 if action.startswith(("s3:Delete", "s3:PutBucket", "s3:PutLifecycle"))]
    assert {action for action in of_s3 if action.startswith("s3:Put")} <= {"s3:PutObject"}


def test_the_processor_writes_nothing_into_the_bucket() -> None:
    assert "s3:PutObject" not in actions("ProcessorRole")


@pytest.mark.parametrize("role", ROLES)
def test_a_function_knows_a_missing_object_from_a_forbidden_one(role: str) -> None:
    """Only who may list is told that there is nothing (S3 API reference, GetObject)."""
    assert "s3:ListBucket" in actions(role)


@pytest.mark.parametrize("role", ROLES)
def test_each_function_signs_in_to_the_database_as_somebody_else(role: str) -> None:
    user = f"byline_{role.removesuffix('Role').lower()}"
    assert actions(role)["rds-db:connect"].rstrip("'}").endswith(f"/{user}")
    history = resource(role.removesuffix("Role"))["Environment"]["Variables"]["BYLINE_HISTORY"]
    assert f"mysql://{user}@" in text(history)


def test_a_service_may_put_objects_under_its_own_prefix_and_nothing_else() -> None:
    ((_, statement),) = statements("service.yaml")
    assert statement["Action"] == "s3:PutObject"
    assert text(statement["Resource"]).rstrip("'}").endswith("/events/micro_service_name=${ServiceName}/*")
