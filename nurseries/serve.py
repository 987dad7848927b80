"""A server's process: configuration in, a running server out. One process, one trio run, one port; or one of several
workers behind that port, which has a post."""

from __future__ import annotations

import gc
import os
import resource
import secrets
import sys
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

import structlog
import trio

from agent import log as logs
from agent.config import Settings
from agent.doctor.retirement import ending_soon
from agent.guard.ports import DialRules
from agent.guard.seal import derive_key
from agent.guard.seldom import Seldom
from agent.guard.sessions import Sessions
from agent.guard.tokens import Tokens
from agent.keep.ports import ObjectStore
from agent.providers.journal_file import JournalFile
from agent.web.app import create_app
from agent.web.calling_out import CallingOut
from agent.web.entrance import Entrance
from agent.web.metrics import Readings
from agent.web.rates import Limits
from agent.web.security import Gate
from agent.web.state import ProcessState
from nurseries.compose import compose
from nurseries.doctor.at_work import AtWork
from nurseries.door.front_door import Listeners
from nurseries.keep.archive import Archive
from nurseries.keep.erasing import Erasing
from nurseries.keep.keeping import Keeping
from nurseries.keep.reading import Reading
from nurseries.keep.storing import Storing
from nurseries.keys.keyring import KeyRing
from nurseries.leaving import longest_drain_s
from nurseries.legs.hand_overs import HandOvers
from nurseries.legs.holding import Holding
from nurseries.legs.orphans import Orphans
from nurseries.legs.turnstile import Turnstile
from nurseries.legs.ways_back import WaysBackOf
from nurseries.listening import listen
from nurseries.outbound.affording import Affording
from nurseries.outbound.dialling import Dialling
from nurseries.outbound.orders import Orders
from nurseries.outbound.placing import Placing
from nurseries.outbound.refraining import Refraining
from nurseries.outbound.vacancy import Vacancy
from nurseries.parts import Parts
from nurseries.process import Process
from nurseries.purse import open_purse
from nurseries.replay.pass_clock import PassClock, Watcher, listen_in
from nurseries.replay.taking import Taking
from nurseries.signals import HangUps, once_leaving
from nurseries.stores import Stores, open_objects, open_stores
from nurseries.watch.bulletin import Bulletin
from nurseries.watch.pulse import Pulse
from nurseries.watch.standing import standing
from nurseries.watch.tracing import open_tracing
from nurseries.watchdog import Watchdog
from nurseries.welcome import names, welcome
from nurseries.workers.post import Post

log = structlog.get_logger(__name__)


def serve(settings: Settings, post: Post | None = None) -> int:
    """Serve until told to leave; returns the exit code. Raises ConfigError before anything is listened on."""
    logs.configure(
        settings.LOG_LEVEL, production=settings.production, secrets=settings.secrets, sieve=Seldom(), first=listen_in
    )
    raise_files()
    with suppress(OSError):  # who needs it tells
        settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_stores(settings) as stores, closing(open_objects(settings)) as objects:
        if not settings.sessions_share:
            return trio.run(_run, settings, stores, objects, None, post)
        clock = PassClock()
        taking = Taking(settings, watcher := Watcher(clock))
        return trio.run(_run, settings, stores, objects, taking, post, clock=clock, instruments=[watcher])


def raise_files() -> None:
    """As many open files as may be: the usual 1,024 are for programs that use select, and a call needs several."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems take less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def keep_what_there_is() -> None:
    """Modules, parts and the application live as long as the process: a full collection, in which no call gets any
    sound, would look through 100,000 objects of theirs, for 40 ms or more, and find nothing. From now on garbage is
    collected: see `nurseries.starting`."""
    gc.freeze()
    gc.enable()


async def _run(
    settings: Settings, stores: Stores, objects: ObjectStore, taking: Taking | None, post: Post | None
) -> int:
    state, store = ProcessState(most=settings.MAX_CONCURRENT_CALLS), stores.calls
    seed = post.charter.seed if post is not None else secrets.token_hex(32)
    hand_overs = HandOvers(store, state)
    orders, refraining = Orders(stores.orders), Refraining(settings, stores.dial_book)
    async with compose(settings, hand_overs.hand_over, verdict=orders.verdict, refrain=refraining.ask) as composed:
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        purse = open_purse(composed.budgeting, settings, lambda: stores.budgets, composed.prices, name)
        pulse, tracing = Pulse(state, settings.DRAIN_MODE, longest_drain_s(settings)), open_tracing(settings, name)
        parts = replace(composed, purse=purse, spans=tracing.tell if tracing else None)
        rules: DialRules = Dialling(settings, stores.dial_book, asked=refraining.asked)
        rules = Vacancy(Affording(rules, purse) if purse is not None else rules, state)
        if post is None or post.first:
            _warn(settings, parts)
        listeners: Listeners
        listeners, port = ([post.listener], post.charter.port) if post is not None else await listen(settings)
        state.degraded = lambda: parts.breakers.degraded
        gate = Gate(settings)
        keys = _keys_for(settings, "media token 1", seed)
        tokens = Tokens(*keys, ttl_s=settings.TOKEN_TTL_S, random=secrets.token_bytes)
        journal = JournalFile(settings.DATA_DIR / "journal", name)
        holding = Holding(stores.leases, name, passed_on=lambda call_sid: state.hand_overs.get(call_sid, ""))
        if purse is not None:
            purse.epoch = holding.epoch
        keeping = Keeping(
            *(store, journal, state, parts.prices), over=refraining.over, epoch=holding.epoch, kept=holding.done
        )
        orphans = Orphans(holding, keeping, store, parts)
        storing = Storing(objects, store, keeping)
        archive = Archive(storing, settings.DATA_DIR / "spool", name=name, recording=settings.RECORD_CALLS)
        records = Reading(store, objects, _erasing(settings, stores, objects), keeping, settings.DATA_DIR / "sessions")
        placing = _placing(parts, orders, rules, state)
        softphones = Tokens(
            *_keys_for(settings, "softphone 1", seed), ttl_s=settings.SOFTPHONE_TOKEN_S, random=secrets.token_bytes
        )
        ways = WaysBackOf(holding, hand_overs.handed_over, state, settings, parts.carrier, over=orphans.hasten)
        beside = {"refraining": refraining.run, "orphans": orphans.run, "pulse": pulse.run, "ways back": ways.run}
        beside |= ({"placing": placing.run} if placing else {}) | ({"sessions": taking.run} if taking else {})
        process = Process(
            *(parts, store, tokens, state, keeping, archive, objects),
            orders=stores.orders,
            beside=beside
            | {"hang-ups": HangUps().run, "erasing": records.run}
            | ({"tracing": tracing.run} if tracing else {})
            | ({"post": post.run} if post is not None else {}),
            turnstile=Turnstile(stores.access, softphones),
            holding=holding,
            watchdog=Watchdog(trio.lowlevel.current_root_task()),
            taking=taking,
            stages=post.stages if post is not None else None,
            elsewhere=post.elsewhere if post is not None else None,
            erased=records.erased,
        )
        entrance = Entrance(settings, KeyRing(stores.access), _sessions(settings, seed))
        limits = Limits(settings)
        readings: Readings = lambda: [  # noqa: E731  a name for what two have
            *standing(state, keeping, purse),
            *parts.breakers.readings(),
            *pulse.readings(),
        ]
        if post is not None:
            post.join(state, readings)
        app = create_app(
            *(settings, tokens, state, gate, parts.lines, hand_overs.handed_over, records),
            limits=limits,
            entrance=entrance,
            readings=readings,
            calling_out=CallingOut(
                rules=rules,
                placing=placing,
                do_not_call=refraining,
                orders=orders,
                hang_up=placing.hang_up if placing else None,
                news=orders,
            ),
            spending=purse,
            softphones=softphones,
            ways=ways,
            watching=process.watching,
            others=post.others if post is not None else None,
            tries=process.tries,
            bulletin=Bulletin(
                *(settings, post.name if post is not None else name, state, keeping, records, pulse, parts.breakers),
                names(parts),
                AtWork(settings, parts.lines.warnings).checks,
                purse=purse,
                others=post.others if post is not None else None,
                store=store.name,
            ),
        )
        async with trio.open_nursery() as nursery:
            once_leaving(lambda: state.draining)
            await nursery.start(partial(process.run, listeners, app, gate, limits=limits))
            keep_what_there_is()
            if post is not None:
                post.ready(longest_drain_s(settings))
            log.info(
                "listening" if post is None else "worker ready",
                host=settings.host,
                port=port,
                version=version("calling-agent"),
                **names(parts),
                store=store.name,
                api=settings.api,
            )
            if post is None and not settings.production:
                _show(welcome(settings, parts, store, objects, port))
        return process.code


def _show(text: str) -> None:
    """As far as standard output takes it."""
    with suppress(OSError, ValueError):
        if sys.stdout is not None:
            sys.stdout.write(text)
            sys.stdout.flush()


def _warn(settings: Settings, parts: Parts) -> None:
    """Of what is not wrong, but may be meant otherwise."""
    for doubt in parts.lines.warnings:
        log.warning("line", doubt=doubt)
    for model in ending_soon(settings, datetime.now(UTC).date()):
        log.warning(
            "model ends",
            setting=model.setting,
            model=model.model,
            last_day=f"{model.last_day:%d %B %Y}",  # digits alone would be masked as a telephone number
            days_left=model.days_left,
            instead=model.instead,
        )
    if settings.api == "keys":
        log.info("the API takes keys: `calling-agent keys create` makes them")
    if settings.RECORD_CALLS and settings.sounds_apart:
        log.warning("recordings are on this machine alone: with more than one, set S3_BUCKET")


def _keys_for(settings: Settings, purpose: str, seed: str) -> list[bytes]:
    """The same in every process of one account, so that any of them can take what another one has sealed; without an
    account, the same behind one port."""
    return [derive_key(secret, purpose) for secret in settings.auth_tokens or [seed]]


def _erasing(settings: Settings, stores: Stores, objects: ObjectStore) -> Erasing:
    return Erasing(stores.calls, objects, settings, orders=stores.orders, leases=stores.leases)


def _sessions(settings: Settings, seed: str) -> Sessions:
    return Sessions(*_keys_for(settings, "session 1", seed), ttl_s=settings.SESSION_HOURS * 3600)


def _placing(parts: Parts, orders: Orders, rules: DialRules, state: ProcessState) -> Placing | None:
    """None where calling out is not set up."""
    if parts.carrier is None:
        return None
    return Placing(parts.carrier, orders, rules, parts.settings, leaving=lambda: state.draining)
