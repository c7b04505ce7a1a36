"""The evaluation record as a JSON Schema, made from the types that it is written from.

Invariants: a member is described by the docstring of the type that holds it; one without a
description is a fault of ours, found by a test.
"""

import dataclasses
import inspect
import re
import types
import typing
from typing import Any, Final

from overt.evaluation.record import FORMAT, EvaluationRecord

SCHEMA_ID: Final = "evaluation.schema.json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: Final = {
    str: "string",
    int: "integer",
    bool: "boolean",
    types.NoneType: "null",
}


def json_schema() -> dict[str, Any]:
    """Return the schema of the file that ``overt eval identify --out`` writes."""
    defs: dict[str, Any] = {}
    record = _object(EvaluationRecord, defs)
    record["properties"] = {"format": {"const": FORMAT}, **record["properties"]}
    record["required"].insert(0, "format")
    defs["Record"] = record
    defs["Signature"] = _closed(
        {
            "person": _text("Id in the register of whoever answers for the record."),
            "public_key": _text("Their Ed25519 public key, 32 bytes in base64."),
            "signature": _text(
                "Over the prefix overt-evaluation/1 with a line end and the SHA-256 of the "
                "record's canonical bytes, in base64."
            ),
        }
    )
    return {
        "$schema": _DIALECT,
        "$id": SCHEMA_ID,
        "title": "Evaluation record",
        **_closed(
            {
                "record": {"$ref": "#/$defs/Record"},
                "signature": {
                    "anyOf": [{"$ref": "#/$defs/Signature"}, {"type": "null"}],
                    "description": "Null where nobody signed.",
                },
            }
        ),
        "$defs": dict(sorted(defs.items())),
    }


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _object(cls: type[Any], defs: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a dataclass; those that it holds are added to ``defs``."""
    said = _attributes(cls)
    hints = typing.get_type_hints(cls)
    properties = {}
    for each in dataclasses.fields(cls):
        fractional = _is_fraction(hints[each.name])
        name = f"{each.name}_micro" if fractional else each.name
        description = said[each.name] + (" In millionths." if fractional else "")
        properties[name] = {**_of(hints[each.name], defs), "description": description}
    return _closed(properties)


def _is_fraction(hint: Any) -> bool:
    return hint is float or float in typing.get_args(hint)


def _of(hint: Any, defs: dict[str, Any]) -> dict[str, Any]:
    if isinstance(hint, typing.NewType):
        return _of(hint.__supertype__, defs)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        name = hint.__name__
        if name not in defs:
            defs[name] = {}
            defs[name].update(_object(hint, defs))
        return {"$ref": f"#/$defs/{name}"}
    if typing.get_origin(hint) is not None:
        return _of_generic(hint, defs)
    # What is no number is null; see overt.evaluation.record.
    return {"type": ["integer", "null"] if hint is float else _SCALARS[hint]}


def _of_generic(hint: Any, defs: dict[str, Any]) -> dict[str, Any]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {"enum": list(inner)}
    if origin in {typing.Union, types.UnionType}:
        return {"anyOf": [_of(each, defs) for each in inner]}
    if origin is tuple:
        return {"type": "array", "items": _of(inner[0], defs)}
    return {"type": "object", "additionalProperties": _of(inner[1], defs)}


def _attributes(cls: type[Any]) -> dict[str, str]:
    """Return what a dataclass's docstring says of each attribute."""
    _, _, attributes = (inspect.getdoc(cls) or "").partition("Attributes:\n")
    found = re.findall(r"^    (\w+): (.+(?:\n        .+)*)", attributes, re.MULTILINE)
    return {name: _sentence(" ".join(text.split())) for name, text in found}


def _sentence(text: str) -> str:
    plain = re.sub(r":\w+:`[~.]?(?:[\w.]+\.)?(\w+)`|``([^`]+)``", r"\1\2", text)
    return plain[:1].upper() + plain[1:]
