"""The fallbacks file: a path in, who stands in for whom out, and all that is wrong with it, in words."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

Port = Literal["stt", "llm", "tts"]

PORTS: tuple[Port, ...] = ("stt", "llm", "tts")

MOST = 5
"""For one port: each gets a share of one turn's time."""


class Fallback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One provider that stands by."""

    provider: Literal["openai", "local"] = "openai"
    """openai: any server that speaks its API. local: what is installed on this machine."""
    base_url: str = ""
    key: str = ""
    """The name of the environment's variable that has the key; empty: the server wants none."""
    model: str = ""
    voice: str = ""
    api: Literal["chat", "responses"] = "chat"
    reasoning_effort: str = ""
    secret: str = ""
    """The key itself. Never in the file."""


class Fallbacks(msgspec.Struct, frozen=True):
    """By port, in the order in which they are asked."""

    stt: tuple[Fallback, ...] = ()
    llm: tuple[Fallback, ...] = ()
    tts: tuple[Fallback, ...] = ()


ONLY: dict[str, Port] = {"voice": "tts", "api": "llm", "reasoning_effort": "llm"}
"""What belongs to one port."""


def read(path: Path, secret: Callable[[str], str], faults: list[str]) -> Fallbacks:
    """`secret` gives a variable of the environment, "" where it is not set. What is wrong is added to `faults`; no
    secret is."""
    try:
        raw = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        faults.append(f"FALLBACKS_FILE {path} cannot be read: {error.strerror or error}.")
        return Fallbacks()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        faults.append(f"FALLBACKS_FILE {path} is not TOML: {error}.")
        return Fallbacks()
    found: dict[Port, tuple[Fallback, ...]] = {}
    for name, tables in raw.items():
        port = next((port for port in PORTS if port == name), None)
        if port is None or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            faults.append(
                f"FALLBACKS_FILE {path}: {name} is not known here; write [[stt]], [[llm]] and [[tts]] tables."
            )
            continue
        if len(tables) > MOST:
            faults.append(f"FALLBACKS_FILE {path}: {len(tables)} [[{port}]] tables; {MOST} are the most.")
        where = [f"FALLBACKS_FILE {path} [[{port}]] {n}" for n in range(1, len(tables) + 1)]
        members = [_fallback(port, table, at, secret, faults) for table, at in zip(tables, where, strict=True)]
        found[port] = tuple(member for member in members if member is not None)
    return Fallbacks(**found)


def _fallback(
    port: Port, table: dict[str, Any], where: str, secret: Callable[[str], str], faults: list[str]
) -> Fallback | None:
    known = [name for name in Fallback.__struct_fields__ if name != "secret" and ONLY.get(name, port) == port]
    before = len(faults)
    faults += (f"{where}: {name} is not known; known are {', '.join(known)}." for name in table if name not in known)
    try:
        made = msgspec.convert({name: value for name, value in table.items() if name in known}, Fallback)
    except msgspec.ValidationError as error:
        faults.append(f"{where}: {error}.")
        return None
    faults += (f"{where}: {fault}." for fault in _wrong(made, secret))
    return msgspec.structs.replace(made, secret=secret(made.key) if made.key else "") if len(faults) == before else None


def _wrong(made: Fallback, secret: Callable[[str], str]) -> Iterator[str]:
    if made.provider == "local":
        given = [name for name in ("base_url", "key", "model", "voice") if getattr(made, name)]
        if given:
            yield f"{', '.join(given)}: a local provider has none; leave it out"
        return
    if not made.base_url:
        yield "base_url is missing; write where the server is, such as https://llm.example.in/v1"
    elif not _is_url(made.base_url):
        yield "base_url must be a URL such as https://llm.example.in/v1, without a query or a user"
    if not made.model:
        yield "model is missing"
    if made.key and not made.key.replace("_", "a").isalnum():
        yield "key must be the name of an environment variable that has the key, such as OTHER_API_KEY"
    elif made.key and not secret(made.key):
        yield f"key: {made.key} is not set; set it in the environment or in .env"


def _is_url(told: str) -> bool:
    try:
        parts = urlsplit(told)
        whole = bool(parts.scheme in ("http", "https") and parts.hostname and parts.port != 0)
    except ValueError:  # an address or a port that is none
        return False
    return whole and not (parts.query or parts.fragment or parts.username) and told.isprintable() and " " not in told
