"""The templates' form: what CloudFormation takes, and what a person who deploys them reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.unit.infra.templates import INFRA, NAMES, load


def test_the_linter_finds_nothing() -> None:
    files = [str(INFRA / name) for name in NAMES]
    linter = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([linter, *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", NAMES)
def test_no_template_uses_what_cloudformation_does_not_read(name: str) -> None:
    """It knows no aliases ("Template format", AWS CloudFormation user guide), and takes 51,200 bytes in a call."""
    content = (INFRA / name).read_text()
    assert not [token for token in yaml.scan(content) if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]
    assert len(content.encode()) <= 51_200


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_and_output_says_what_it_is(name: str) -> None:
    template = load(name)
    for key, one in {**template["Parameters"], **template["Outputs"]}.items():
        assert one.get("Description", "").endswith("."), key


def test_every_parameter_is_shown_in_a_group() -> None:
    template = load()
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(template["Parameters"])


def test_what_the_database_wants_to_know_it_is_told() -> None:
    given = load()["Resources"]["Database"]["Properties"]["Parameters"]
    wanted = load("database.yaml")["Parameters"]
    assert given.keys() <= wanted.keys()
    assert {name for name, one in wanted.items() if "Default" not in one} <= given.keys()
