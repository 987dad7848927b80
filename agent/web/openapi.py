"""The API's description: its routes in, OpenAPI 3.1 as JSON out, at /openapi.json. Open to all: it tells no secret.

quart-schema writes it in an application of its own, since it changes how one makes its answers: the one that answers
Twilio is left as it is. There is no page to look at it, as those that quart-schema has fetch scripts from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import msgspec
from quart import Blueprint
from quart_schema import QuartSchema
from quart_schema.openapi import HttpSecurityScheme, Info
from quart_trio import QuartTrio
from quart_trio.wrappers import TrioResponse as Response

from agent.guard.dial_book import DoNotCall
from agent.guard.order import Order, Refused
from agent.keep.erasure import Erased
from agent.keep.record import CallRecord
from agent.keep.shown import OWN
from agent.keep.thread import Thread, Told
from agent.keep.transcript import Transcript
from agent.seen.live_call import LiveCall
from agent.trying import Setting, Tried
from agent.web.dialling import KEY, CallRequest, Verdict
from agent.web.do_not_call import DoNotCallPage, Unwanted
from agent.web.live import EVENTS, SOUND
from agent.web.parameters import E164, NUMBER, TRANSCRIPTS
from agent.web.problem import MEDIA_TYPE
from agent.web.spending import Spend
from agent.wire.media_stream import StartBody

_PROBLEMS = {
    400: "A parameter cannot be used: `errors` tells which, and what to write instead.",
    401: "No key, or none that is valid.",
    403: "The key has not the scope that this takes, who asks is not on this machine, or the call is not allowed "
    "(`refused`).",
    404: "There is no such call, order, number or line, or it has no sound.",
    409: "The idempotency key has been used for another call.",
    415: "The body is not JSON.",
    416: "The range is behind the sound's end.",
    422: "The number, or ours, is none that can be used: `refused` tells every rule that says no.",
    429: "Too many requests of one client, no free line, or not now (`refused` tells why): `Retry-After` tells when "
    "to ask again.",
    503: "The store does not answer, or not everything could be erased.",
}
_PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["status", "title"],
    "properties": {
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "detail": {"type": "string", "description": "In words: what, where, and what to do."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["parameter", "detail"],
                "properties": {"parameter": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "erased": {"$ref": "#/components/schemas/Erased"},
        "refused": {"type": "array", "items": {"$ref": "#/components/schemas/Refused"}},
    },
}
_STRUCTS = (
    CallRecord,
    Transcript,
    Erased,
    Spend,
    CallRequest,
    Verdict,
    Order,
    Refused,
    DoNotCall,
    Unwanted,
    DoNotCallPage,
    StartBody,
    LiveCall,
    Setting,
    Tried,
)
_REFERENCE = "#/components/schemas/{name}"
_PLACES = ("/api/calls", "post")
_SOFTPHONE = "/api/softphone"
_NAMES_ONE = ("/api/calls/{call_sid}", "/api/live/", "/api/do-not-call/", "/api/orders/{order_id}", _SOFTPHONE)
_ONLY: dict[int, Callable[[str, str], bool]] = {
    404: lambda path, _: path.startswith(_NAMES_ONE),
    415: lambda path, _: path in {"/session", _SOFTPHONE},
    409: lambda path, method: (path, method) == _PLACES,
    416: lambda path, _: path.endswith("/recording"),
    422: lambda path, method: (path, method) == _PLACES,
}
"""Where the problems are that not every route has."""

_BYTES = {"schema": {"type": "string", "format": "binary"}}
_TEXT = {"schema": {"type": "string"}}
_CONTENTS: dict[str, dict[int, dict[str, Any]]] = {
    "/api/calls/{call_sid}/transcript": {200: dict.fromkeys((TRANSCRIPTS["text"], TRANSCRIPTS["vtt"]), _TEXT)},
    "/api/calls/{call_sid}/recording": {200: {"audio/*": _BYTES}, 206: {"audio/*": _BYTES}, 302: {}},
    "/api/export": {200: {"text/csv": _TEXT, "application/jsonl": _TEXT}},
    "/api/live": {200: {EVENTS: _TEXT}},
    "/api/live/{call_sid}": {200: {EVENTS: _TEXT}},
    "/api/live/{call_sid}/sound": {200: {SOUND: _BYTES}},
}
"""What else than JSON there is."""


def _problem(words: str) -> dict[str, Any]:
    return {"description": words, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


_OTHERS: dict[tuple[str, str], dict[str, dict[str, Any]]] = {
    ("delete", "/api/calls/{call_sid}"): {
        "204": {"description": "It is over."},
        "502": _problem("The carrier has refused."),
    },
    ("post", "/api/live/{call_sid}/hang-up"): {
        "202": {"description": "It is being ended."},
        "409": _problem("It is ending already, or is a browser's that another process holds."),
        "502": _problem("Another process holds it, and the carrier has refused to end it."),
    },
    ("post", "/api/live/{call_sid}/transfer"): {
        "202": {"description": "The caller is being told, and passed on."},
        "409": _problem("The caller cannot be passed on: there is nobody, the call is a browser's, or it is ending."),
    },
    ("get", "/api/live/{call_sid}/sound"): {"409": _problem("Another process holds it.")},
    ("delete", "/session"): {"204": {"description": "There is none any more."}},
}
"""Answers of single operations."""
_OPEN = frozenset({("delete", "/session"), ("post", "/session")})
"""What is asked without a key in the headers."""


def openapi_route(*described_routes: Blueprint) -> Blueprint:
    """Tell what these routes are."""
    routes = Blueprint("openapi", __name__)
    described = msgspec.json.encode(description(*described_routes))

    @routes.get("/openapi.json")
    async def openapi() -> Response:
        return Response(described, content_type="application/json")

    return routes


def description(*blueprints: Blueprint) -> dict[str, Any]:
    """The whole document."""
    aside = QuartTrio(__name__, static_folder=None)
    for blueprint in blueprints:
        aside.register_blueprint(blueprint)
    schema = QuartSchema(
        aside,
        openapi_path=None,
        info=Info(
            "Calling Agent", version("calling-agent"), description="What is kept of calls, and calls to be placed."
        ),
        security_schemes={"token": HttpSecurityScheme("bearer")},
        security=[{"token": []}],
        conversion_preference="msgspec",
    )
    document: dict[str, Any] = schema.openapi_provider.schema()
    # quart-schema refers to what a struct consists of, and leaves it out.
    _, structs = msgspec.json.schema_components(_STRUCTS, ref_template=_REFERENCE)
    document["components"]["schemas"] |= structs | {"Problem": _PROBLEM}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)
            operation["responses"] |= _OTHERS.get((method, path), {})
            if {"202", "204"} & operation["responses"].keys():
                operation["responses"].pop("200", None)
    for struct in (Thread, Told):
        del document["components"]["schemas"][struct.__name__]
    _hide(document)
    return document


def _hide(described: Any) -> None:
    """What is in no record that is shown."""
    if isinstance(described, dict):
        for own in OWN:
            described.get("properties", {}).pop(own, None)
        described = list(described.values())
    for each in described if isinstance(described, list) else ():
        _hide(each)


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """With what quart-schema does not know."""
    _complete_request(path, method, operation)
    responses = operation["responses"]
    if method == "delete" and not responses:
        responses[204] = {"description": "Done."}
    for status, contents in _CONTENTS.get(path, {}).items():
        known = responses.setdefault(status, {"description": _WORDS[status]})
        if contents:
            known.setdefault("content", {}).update(contents)
    if (method, path) in _OPEN:
        operation["security"] = []
    for status, words in _PROBLEMS.items():
        if status in _ONLY and not _ONLY[status](path, method):
            continue
        responses[status] = _problem(words)
    for status in list(responses):
        responses[str(status)] = responses.pop(status)


def _complete_request(path: str, method: str, operation: dict[str, Any]) -> None:
    for parameter in operation["parameters"]:
        if parameter["in"] == "path" and parameter["name"] == "number":
            parameter["schema"]["pattern"] = E164 if "do-not-call" in path else NUMBER
    if (path, method) == _PLACES:
        key = {"type": "string", "pattern": KEY}
        operation["parameters"].append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": key})
    if "requestBody" in operation:
        operation["requestBody"]["required"] = path != _SOFTPHONE  # whose body may be left out


_WORDS = {200: "All of it.", 206: "The range that was asked for.", 302: "It is public, at `Location`."}
