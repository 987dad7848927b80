"""Where things are kept: the store of records and the store of sounds, each asked to keep something and give it back.

What is written goes away by itself, or at once. In threads; a store that is away is a verdict, not an error.
"""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.config import Settings
from agent.doctor import check
from agent.doctor.check import Check
from agent.errors import StoreError
from nurseries.stores import open_objects, open_stores

SLOW_MS = 250.0
"""Of a store, for what is written and read at once: calls do not wait for it, the webhooks of a transfer do."""


def store(settings: Settings) -> list[Check]:
    """Blocks, for as long as the store takes to fail. A database that is not there yet is not begun."""
    uri, path = settings.MONGODB_URI.get_secret_value(), settings.DATA_DIR / "calls.db"
    if not uri and not path.exists():
        return [Check("store", "fine", f"{path} is not there yet: the server makes it")]
    where, do = (
        ("MongoDB", "Check MONGODB_URI, and that this machine reaches the server and may write to the database.")
        if uri
        else (str(path), "Let the server's user write the file; of a newer version's, run that version.")
    )
    try:
        found = [_kept(settings)]
        return [*found, *_mongo(uri)] if uri else found
    except StoreError as error:
        return [Check("store", "failure", f"{where}: {error}", do)]


def _kept(settings: Settings) -> Check:
    """As a transfer is told and asked for: it is forgotten after ten minutes."""
    call_sid, to = "doctor", secrets.token_hex(4)
    with open_stores(settings) as stores:
        stores.calls.handed_over(call_sid)  # connects
        began = time.perf_counter()
        stores.calls.hand_over(call_sid, to)
        back = stores.calls.handed_over(call_sid)
        took_ms = (time.perf_counter() - began) * 1000
        says = f"{stores.calls.name}: written and read back in {took_ms:.0f} ms"
    if back != to:
        return Check("store", "failure", f"{says}, as something else", "Two doctors at once? Else mend the store.")
    if took_ms > SLOW_MS:
        return Check("store", "warning", says, "Have the database nearer: each webhook of a transfer waits for it.")
    return Check("store", "fine", says)


def _mongo(uri: str) -> list[Check]:
    """Whether it is one server or several, and what time it has there."""
    from agent.providers.mongo_database import Mongo

    mongo = Mongo(uri)
    with contextlib.closing(mongo):
        hello: Callable[[], dict[str, Any]] = lambda: mongo.database.client.admin.command("hello")  # noqa: E731
        mongo.do(hello)  # connects
        asked, began = datetime.now(UTC), time.perf_counter()
        told = mongo.do(hello)
        took_s = time.perf_counter() - began
    ahead_s = (asked - told["localTime"].replace(tzinfo=UTC)).total_seconds() + took_s / 2
    clock = check.clock("MongoDB's", ahead_s, took_s / 2 + 0.001)
    if "setName" not in told and told.get("msg") != "isdbgrid":
        do = "With more than one pod, or where records matter, run a replica set: a lone server is a single disk."
        return [Check("store", "warning", "MongoDB is a lone server", do), clock]
    return [Check("store", "fine", f"MongoDB is a replica set ({told.get('setName', 'sharded')})"), clock]


def objects(settings: Settings) -> Check:
    """Blocks. A small object is put, read and removed; nothing where calls are not recorded and no bucket is named."""
    if not (settings.RECORD_CALLS or settings.S3_BUCKET):
        return Check("recordings", "unknown", "RECORD_CALLS is off")
    body, key = secrets.token_bytes(64), f"doctor/{secrets.token_hex(8)}"
    try:
        with contextlib.closing(open_objects(settings)) as kept, tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "probe")
            file.write_bytes(body)
            began = time.perf_counter()
            kept.put(key, file, "application/octet-stream")
            back = b"".join(kept.read(key))
            kept.delete(key)
            says = f"{kept.name}: put, read and removed in {(time.perf_counter() - began) * 1000:.0f} ms"
    except StoreError as error:
        do = "Check S3_BUCKET, S3_ENDPOINT, S3_REGION and what the key may do (put, get, delete)."
        return Check("recordings", "failure", str(error), do if settings.S3_BUCKET else "Let the user write there.")
    if back != body:
        return Check(
            "recordings", "failure", f"{says}, with other bytes", "Mend the store: it changes what it is given."
        )
    return Check("recordings", "fine", says)
