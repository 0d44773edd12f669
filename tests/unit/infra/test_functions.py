"""The functions: what they run is there, and what they are told is understood."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest

from infra import package
from tests.unit.infra.templates import INFRA, load, resource, resources, text

FUNCTIONS = {name.capitalize(): name for name in package.FUNCTIONS}


def test_there_is_a_zip_for_every_function_and_a_function_for_every_zip() -> None:
    assert resources("AWS::Serverless::Function").keys() == FUNCTIONS.keys()
    for key, name in FUNCTIONS.items():
        where = resource(key)["CodeUri"]
        assert where == {
            "Bucket": {"Ref": "CodeBucket"},
            "Key": {"Fn::Sub": f"${{Release}}/{name}-${{Architecture}}.zip"},
        }


@pytest.mark.parametrize("key", FUNCTIONS)
def test_the_handler_exists(key: str) -> None:
    module, _, name = resource(key)["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_the_runtime_is_what_the_zips_are_compiled_for() -> None:
    assert load()["Globals"]["Function"]["Runtime"] == f"python{package.PYTHON}"


def test_arm64_is_the_default_and_zips_are_built_for_both() -> None:
    parameter = load()["Parameters"]["Architecture"]
    assert (parameter["Default"], set(parameter["AllowedValues"])) == ("arm64", set(package.PLATFORMS))


@pytest.mark.parametrize("key", FUNCTIONS)
def test_every_variable_is_a_setting(key: str) -> None:
    given = {**load()["Globals"]["Function"]["Environment"]["Variables"], **resource(key)["Environment"]["Variables"]}
    known = set(re.findall(r"BYLINE_[A-Z_]+", (INFRA.parent / "src/byline/settings.py").read_text()))
    assert given.keys() <= known


def test_the_query_answers_before_the_gateway_gives_up_and_wakes_from_a_snapshot() -> None:
    query = resource("Query")
    assert query["Timeout"] < 30
    assert query["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert resource("QueryLive")["FunctionVersion"] == {"Fn::GetAtt": "QueryVersion.Version"}


def test_whatever_the_query_is_told_another_value_of_publishes_another_version() -> None:
    """SAM's AutoPublishAlias looks at the template, not at the values of its parameters."""
    told = {**load()["Globals"]["Function"], **resource("Query")}
    told["Environment"] = [load()["Globals"]["Function"]["Environment"], told["Environment"]]
    counted = set(re.findall(r"\w+", text(resource("QuerySettings"))))
    wanted = {name for name in load()["Parameters"] if re.search(rf"\b{name}\b", text(told))}
    assert wanted - counted == set()
    for key, name in (("Query", "Description"), ("QueryVersion", "Description")):
        assert "QuerySettings.LatestVersionNumber" in text(resource(key)[name])


def test_readers_share_one_key_of_cursors_that_nobody_chose() -> None:
    assert "{{resolve:secretsmanager:${CursorKey}" in text(resource("Query")["Environment"]["Variables"])
    assert resource("CursorKey")["GenerateSecretString"]["PasswordLength"] >= 32


@pytest.mark.parametrize("key", FUNCTIONS)
def test_logs_end_some_day(key: str) -> None:
    log: Any = resource(resource(key)["LoggingConfig"]["LogGroup"]["Ref"])
    assert log["RetentionInDays"] == {"Ref": "LogDays"}
