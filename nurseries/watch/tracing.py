"""Sends what calls tell of themselves to whoever keeps traces: spans in, batches out, in a thread.

Runs beside the calls. A collector that is slow or dead costs them nothing: what does not fit the queue, or is not
taken, is dropped and counted. At the end it has LEAVE_S for what is left.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Protocol, TypeVar

import structlog
import trio

from agent.config import Settings
from agent.errors import ConfigError
from agent.metrics import Count
from agent.seen.exporter import Exporter
from agent.seen.spans import Span

log = structlog.get_logger(__name__)

T = TypeVar("T")

LEAVE_S = 2.0
"""For the last spans, when the process leaves; the last calls are over by then."""

STUCK_S = 15.0
"""For one batch; the exporter's own limit, OTEL_EXPORTER_OTLP_TIMEOUT, is shorter unless somebody has raised it."""

SPANS = Count("spans", "Spans of traces, by what became of them.", "result")
for _result in ("exported", "failed", "dropped"):
    SPANS.begin(result=_result)


NO_EXTRA = (
    "OTEL_EXPORTER_OTLP_ENDPOINT is set, and what sends traces is not installed. "
    "Install the extra: pip install 'calling-agent[traces]' (docs/traces.md); or unset it."
)


def open_tracing(settings: Settings, process: str, environ: Mapping[str, str] = os.environ) -> Tracing | None:
    """What sends this process's spans; None where nobody wants them. `process` is its name. Raises ConfigError."""
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if not settings.traces_to or off:
        return None
    faults = [
        f"{name}={environ[name]} is not supported: set it to http/protobuf, usually with port 4318."
        for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
        if environ.get(name, "http/protobuf") != "http/protobuf"
    ]
    sizes = {"OTEL_BSP_MAX_QUEUE_SIZE": 2048, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": 512, "OTEL_BSP_SCHEDULE_DELAY": 5000}
    for name in sizes:
        told = environ.get(name, "").strip()
        if told and not (told.isdecimal() and int(told) > 0):
            faults.append(f"{name}={told} is no number above 0.")
        elif told:
            sizes[name] = int(told)
    try:
        from agent.providers.otel import OtlpExporter
    except ModuleNotFoundError:
        faults.append(NO_EXTRA)
    if faults:
        raise ConfigError(tuple(faults))
    most, batch, every_ms = sizes.values()
    exporter = OtlpExporter(settings.traces_to, version=version("calling-agent"), process=process)
    return Tracing(exporter, most=most, batch=min(batch, most), every_s=every_ms / 1000)


class Ask(Protocol):
    """Has an exporter work, elsewhere than on the loop."""

    async def __call__(self, work: Callable[[], T]) -> T: ...


class InThread:
    """One at a time. Cancelled, the thread is left to itself."""

    def __init__(self) -> None:
        self._one = trio.CapacityLimiter(1)

    async def __call__(self, work: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(work, limiter=self._one, abandon_on_cancel=True)


class Tracing:
    """One process's."""

    def __init__(
        self, exporter: Exporter, *, most: int = 2048, batch: int = 512, every_s: float = 5.0, ask: Ask | None = None
    ) -> None:
        """Of `most` spans that wait, `batch` are sent as soon as there are so many, and others every `every_s`."""
        self._exporter = exporter
        self._most = most
        self._batch = batch
        self._every_s = every_s
        self._ask = ask or InThread()
        self._waiting: deque[Span] = deque()
        self._full = trio.Event()
        self._leaving = False
        self._sending = trio.CancelScope(shield=True)
        self._fault = ""

    def tell(self, spans: Sequence[Span]) -> None:
        """These are over. Not a checkpoint."""
        if not spans or not self._exporter.wanted(spans[0].trace_id):
            return
        room = max(self._most - len(self._waiting), 0)
        self._waiting.extend(spans[:room])
        SPANS.add(len(spans) - room, result="dropped")
        if len(self._waiting) >= self._batch:
            self._full.set()

    async def run(self) -> None:
        """Send until cancelled; then what is left, for LEAVE_S at most. What is being sent then is sent to its end."""
        log.info("calls are traced", to=self._exporter.name)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._serve, name="send spans")
                try:
                    await trio.sleep_forever()
                finally:
                    self._leaving = True
                    self._full.set()
                    self._sending.deadline = trio.current_time() + LEAVE_S
        finally:
            SPANS.add(len(self._waiting), result="dropped")
            self._waiting.clear()
            self._exporter.close()

    async def _serve(self) -> None:
        with self._sending:
            while not self._leaving or self._waiting:
                with trio.move_on_after(self._every_s):
                    await self._full.wait()
                if not self._leaving:
                    self._full = trio.Event()
                await self._send()

    async def _send(self) -> None:
        """All that waits now."""
        left = len(self._waiting)
        while left > 0:
            spans = [self._waiting.popleft() for _ in range(min(left, self._batch))]
            left -= len(spans)
            fault = f"no answer for {STUCK_S:g} s"
            try:
                with trio.move_on_after(STUCK_S):
                    fault = await self._ask(lambda spans=spans: self._exporter.export(spans))  # type: ignore[misc]
            except BaseException:
                SPANS.add(len(spans), result="failed")
                raise
            SPANS.add(len(spans), result="failed" if fault else "exported")
            self._told(fault)

    def _told(self, fault: str) -> None:
        if fault and not self._fault:
            log.warning("traces are not taken, and dropped", to=self._exporter.name, error=fault)
        elif self._fault and not fault:
            log.info("traces are taken again")
        self._fault = fault
