"""What has fields: named tuples, dataclasses, msgspec's, attrs' and pydantic's classes. None of them is imported for
it."""

from __future__ import annotations

from typing import Any

_UNSET = object()


def fields_of(value: Any) -> dict[str, Any] | None:
    """Names and values of the fields; ``None`` for what has none. Raises what reading an attribute raises."""
    names = _names(type(value))
    if names is None:
        return None
    fields = ((name, getattr(value, name, _UNSET)) for name in names)
    return {name: member for name, member in fields if member is not _UNSET}


def _names(kind: type) -> list[str] | None:
    for attribute in ("__dataclass_fields__", "__struct_fields__", "__pydantic_fields__", "model_fields"):
        fields = getattr(kind, attribute, None)
        if isinstance(fields, dict | tuple):
            return [str(name) for name in fields]
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return list(kind._fields)
    attrs = getattr(kind, "__attrs_attrs__", None)
    return [attribute.name for attribute in attrs] if isinstance(attrs, tuple) else None


def row_key(value: Any) -> Any:
    """The primary key of a row of SQLAlchemy's or Django's, as far as it is known without asking the database; ``None``
    for anything else. A row that has no key yet has an empty one."""
    kind = type(value)
    if hasattr(kind, "__mapper__"):
        return getattr(vars(value).get("_sa_instance_state"), "identity", None) or ()
    meta: Any = getattr(kind, "_meta", None)
    if hasattr(meta, "pk") and hasattr(meta, "label"):
        return (vars(value).get(meta.pk.attname),)
    return None
