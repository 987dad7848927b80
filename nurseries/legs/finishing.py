"""Finishes a record that a process has left which is gone, or whose call nobody came back to: ended, scored, summed up,
kept, counted. Asked by whoever has found it, and may have it: see `taking_up` and `orphans`.
"""

from __future__ import annotations

from functools import partial

import msgspec
import structlog
import trio

from agent.errors import StoreError, Unreadable
from agent.keep.ports import CallStore
from agent.keep.record import CallRecord
from agent.keep.tally import tell
from agent.keep.usage import METER, Meter
from agent.model import Ending
from nurseries.keep.keeping import Keeping
from nurseries.legs.holding import Ask
from nurseries.parts import Parts
from nurseries.talk.afterwards import BY_RULES, facts_of, summed_up, taken_up

log = structlog.get_logger(__name__)

GONE = "its process was gone"

PAUSE_S = 2.0
"""Before a store that is away is asked again what it has."""


async def finish(
    record: CallRecord,
    keeping: Keeping,
    parts: Parts,
    *,
    ending: Ending = Ending.INTERRUPTED,
    reason: str = GONE,
    counted: bool = False,
) -> None:
    """The newest that is known of it, which has the ending unless it has one. Runs in a task of its own. Cancelled, it
    leaves the record to whoever comes next. Where another process has the call meanwhile, nothing is kept or counted
    here; nor is it where it is `counted` already."""
    lines, known = facts_of(record)
    record = taken_up(record, ending=ending, reason=reason)
    told = {"call_sid": record.call_sid, "ending": record.ending, "reason": record.reason}
    log.warning("a record that was left unfinished is finished", **told, entries=len(record.entries))
    keeping.update(record)
    meter = Meter(record.usage)
    METER.set(meter)
    try:
        if record.summary_by == BY_RULES:
            record = await summed_up(record, lines, known, parts)
            record = msgspec.structs.replace(record, usage=meter.used)
    finally:
        keeping.finish(record)
        if not (counted or keeping.dropped(record.call_sid)):
            tell(record, parts.prices)
    if parts.purse is not None and not keeping.dropped(record.call_sid):
        await parts.purse.adopt(record)


async def in_store(call_sid: str, store: CallStore, ask: Ask) -> CallRecord | None:
    """What the store has, as soon as it says. None also where nobody can read it: it is left as it is."""
    while True:
        try:
            return await ask(partial(store.get, call_sid))
        except Unreadable as error:
            log.error("a record is not finished", call_sid=call_sid, error=str(error))  # noqa: TRY400  no fault of ours
            return None
        except StoreError as error:
            log.warning("not known yet what the store has of a call", call_sid=call_sid, error=str(error))
            await trio.sleep(PAUSE_S)


def newer(one: CallRecord | None, other: CallRecord) -> CallRecord:
    return one if one is not None and one.revision > other.revision else other
