"""The templates, read as CloudFormation reads them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

INFRA = Path(__file__).parents[3] / "infra"
NAMES = ("template.yaml", "database.yaml", "service.yaml")

Resource = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Knows CloudFormation's short forms."""


def _long_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _long_form)


@lru_cache
def load(name: str = "template.yaml") -> dict[str, Any]:
    """One of them, which nobody changes."""
    found: dict[str, Any] = yaml.load((INFRA / name).read_text(), _Loader)
    return found


def resources(kind: str, name: str = "template.yaml") -> dict[str, Resource]:
    """Those of a type: name → properties."""
    return {key: one["Properties"] for key, one in load(name)["Resources"].items() if one["Type"] == kind}


def resource(key: str, name: str = "template.yaml") -> Resource:
    """The properties of one."""
    found: Resource = load(name)["Resources"][key]["Properties"]
    return found


def statements(name: str = "template.yaml") -> Iterator[tuple[str, Resource]]:
    """What roles and managed policies allow, each with the name of its resource; conditional ones included."""
    for key, one in load(name)["Resources"].items():
        documents = [policy["PolicyDocument"] for policy in one.get("Properties", {}).get("Policies", [])]
        if one["Type"] == "AWS::IAM::ManagedPolicy":
            documents.append(one["Properties"]["PolicyDocument"])
        for document in documents:
            for statement in document["Statement"]:
                yield key, statement["Fn::If"][1] if "Fn::If" in statement else statement


def text(value: Any) -> str:
    """A value with its references, as one text to look into."""
    return repr(value)
