"""A tool's arguments as the JSON schema that a model is given: msgspec's, with nothing by reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.think.tools.ports import Tool

_LEFT_OUT = frozenset({"title", "$defs", "discriminator"})
"""What says nothing to a model, or points to what is not there any more."""

_BY_NAME = frozenset({"properties", "patternProperties"})
"""Keywords whose keys are names of the tool's own."""


def schema(tool: Tool) -> Mapping[str, Any]:
    """The schema of one object, as OpenAI and those like it take it: not every server knows `$ref`.

    A struct within itself ends as "any object". Raises TypeError where the arguments cannot be described, or are no
    object.
    """
    whole = msgspec.json.schema(tool.arguments)
    definitions: dict[str, Any] = whole.get("$defs", {})

    def resolved(node: Any, within: tuple[str, ...]) -> Any:
        if isinstance(node, list):
            return [resolved(each, within) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = str(node["$ref"]).rsplit("/", 1)[-1]
            beside = {key: value for key, value in node.items() if key != "$ref"}
            target = {"type": "object"} if name in within else resolved(definitions[name], (*within, name))
            return target | resolved(beside, within)
        return {
            key: {name: resolved(each, within) for name, each in value.items()}
            if key in _BY_NAME
            else resolved(value, within)
            for key, value in node.items()
            if key not in _LEFT_OUT
        }

    flat: dict[str, Any] = resolved(whole, ())
    if flat.get("type") != "object":
        raise TypeError(f"they must be one object with named fields, not {flat.get('type', 'a choice of types')}")
    return {"type": "object", "properties": {}, **flat}
