"""The parent of several workers: configuration in, an exit code out. One trio run, one port, no call.

SIGTERM and SIGINT are passed on, each once more: all workers leave at once, and the parent behind the last of them.
SIGHUP renews the workers one by one. Where the parent is killed, its workers notice, and leave.
"""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from importlib.metadata import version

import structlog
import trio

from agent import log as logs
from agent.config import Settings
from agent.errors import ConfigError
from agent.guard.seldom import Seldom
from nurseries.listening import listen
from nurseries.signals import once_leaving
from nurseries.workers.crew import Crew
from nurseries.workers.passing import Passing
from nurseries.workers.reaping import reap
from nurseries.workers.shared import Shared

log = structlog.get_logger(__name__)

SPARE_ROWS = 2
"""For a worker that replaces another one, and for one that is about to be gone."""


def parent(settings: Settings) -> int:
    """Serve until told to leave; returns the exit code. Raises ConfigError."""
    logs.configure(settings.LOG_LEVEL, production=settings.production, secrets=settings.secrets, sieve=Seldom())
    with suppress(OSError):  # who needs it tells
        settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    return trio.run(_run, settings)


async def _run(settings: Settings) -> int:
    shared = Shared.new(settings.workers + SPARE_ROWS)
    left = trio.Event()
    once_leaving(left.is_set)
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        listeners, port = await listen(settings)
        crew = Crew(shared, settings.workers, port, secrets.token_hex(32))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_heed, crew, signals, name="signals")
            nursery.start_soon(_pass, crew, listeners, name="port")
            nursery.start_soon(_tell, crew, settings, port, name="tell")
            if os.getpid() == 1:
                nursery.start_soon(reap, lambda: {worker.process.pid for worker in crew.all}, name="reap")
            await crew.run()
            left.set()
            nursery.cancel_scope.cancel("all workers are gone")
    if crew.faults:
        raise ConfigError(crew.faults)
    log.info("stopped", code=crew.code)
    return crew.code


async def _tell(crew: Crew, settings: Settings, port: int) -> None:
    await crew.up.wait()
    told = {"host": settings.host, "port": port, "version": version("calling-agent"), "workers": len(crew.slots)}
    log.info("listening", **told)


async def _heed(crew: Crew, signals: AsyncIterator[int]) -> None:
    renewing = trio.Event()
    async with trio.open_nursery() as nursery:

        async def renew() -> None:
            nonlocal renewing
            while True:
                await renewing.wait()
                renewing = trio.Event()
                log.info("renewing workers, one by one")
                if await crew.renew():
                    log.info("all workers are renewed")
                else:
                    log.error("workers are not renewed: a new one takes no calls, and so the old ones stay")

        nursery.start_soon(renew, name="renew")
        async for number in signals:
            if number == signal.SIGHUP:
                renewing.set()
                continue
            log.info("leaving", signal=signal.Signals(number).name, workers=len(crew.all), time=crew.stage + 1)
            await crew.leave()


async def _pass(crew: Crew, listeners: list[trio.SocketListener]) -> None:
    """Until nobody takes connections any more: then the port is free."""
    async with trio.open_nursery() as nursery:
        passing = Passing(crew, nursery)
        for listener in listeners:
            nursery.start_soon(passing.accept, listener, name="accept")
        while not crew.shut:
            await crew.news.park()
        nursery.cancel_scope.cancel("nobody takes connections any more")
    for listener in listeners:
        await listener.aclose()
