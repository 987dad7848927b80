"""The workloads: each is one round of one question, from a fresh server to its figures.

Names of figures end in their unit. `cost_ms` is milliseconds of the server's processor a call-second, the figure that
all others stand behind: 1000 / `cost_ms` calls fill a core.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from ops.bench.suite import peers, stages, starts
from ops.bench.suite.figures import Figures, quantile
from ops.bench.suite.load import Result
from ops.bench.suite.server import Server, play, running, serving

MEDIA = "/twilio/media"
INSTANT = {"hear_s": 0.0, "first_token_s": 0.0, "token_gap_s": 0.0, "first_chunk_s": 0.0, "realtime_factor": 0.0}


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    seconds: float = 20.0
    """Measured in each round."""
    media_calls: int = 500
    calls: int = 220
    turn_calls: int = 30
    local_calls: int = 3
    ramp_calls: int = 100
    peer_calls: int = 6
    curve: tuple[int, ...] = (1, 10, 100, 300, 1000)
    settle_s: float = 3.0


SMOKE = Scale(
    seconds=1.5,
    media_calls=3,
    calls=2,
    turn_calls=1,
    local_calls=1,
    ramp_calls=3,
    peer_calls=1,
    curve=(1,),
    settle_s=0.5,
)


def media(scale: Scale, module: str, *arguments: str) -> Figures:
    """The same bytes there and back."""
    with running(module, *arguments) as server:
        heard = _play(server, scale, calls=scale.media_calls, manner="listens", path=MEDIA, echo=True)
    frames = heard.seconds * heard.calls * 50
    return _costs(heard) | {
        "held_up": float(heard.messages * int(arguments[-1]) / 20 < frames * WHOLE),
        "echo_p50_ms": quantile(heard.echoes_ms, 0.5),
        "echo_p99_ms": quantile(heard.echoes_ms, 0.99),
    }


def calls(scale: Scale, count: int, **settings: str) -> Figures:
    """Conversations, the agent talking about half of the time."""
    with serving(**settings) as server:
        heard = _play(server, scale, calls=count, manner="talks")
        dropped = server.dropped()
    return (
        _costs(heard)
        | _lateness(heard)
        | {"held_up": float(dropped > 0), "talk_share": heard.talk, "memory_mb": heard.memory_kb / 1024}
    )


def curve(scale: Scale, provider: str) -> Figures:
    """What a call costs by how many there are, as far as a core goes; and what memory one more takes."""
    found: Figures = {}
    memory: list[tuple[int, float]] = []
    for count in scale.curve:
        one = calls(scale, count, PROVIDER=provider)
        found |= {f"at_{count}_{name}": one[name] for name in ("cost_ms", "core_share", "late_p99_ms")}
        memory.append((count, one["memory_mb"]))
        if one["core_share"] > FULL:
            break
    least, most = memory[min(1, len(memory) - 1)], memory[-1]
    if most[0] - least[0] >= ENOUGH:
        found["memory_a_call_kb"] = (most[1] - least[1]) * 1024 / (most[0] - least[0])
    return found | {"memory_of_one_call_mb": memory[0][1]}


ENOUGH = 50
"""More calls, for what one takes to stand out from what the first ones of a process leave behind."""
WHOLE = 0.98
"""Of what was sent, what has to come back: else somebody was held up, and processor time counts what was not done."""
FULL = 0.9
"""Of a core: more calls are not tried."""


def ramp(scale: Scale) -> Figures:
    """From nothing to all calls within a second."""
    with serving(PROVIDER="scripted") as server:
        plan = {"calls": scale.ramp_calls, "ramp_s": 1.0, "settle_s": 0.0, "seconds": max(5.0, scale.seconds / 4)}
        heard = _result(play(server, manner="talks", **plan))
    return _lateness(heard) | {
        "greeted_p50_ms": quantile(heard.greeted_ms, 0.5),
        "greeted_last_ms": quantile(heard.greeted_ms, 1),
        "not_greeted_calls": heard.calls - len(heard.greeted_ms),
        "faults": len(heard.faults),
    }


def barge_in(scale: Scale) -> Figures:
    """From the onset of speech over the agent's to `clear`, where most of a core is taken."""
    with serving(PROVIDER="scripted") as server:
        heard = _play(server, scale, calls=scale.calls, manner="interrupts")
        dropped = server.dropped()
    return _costs(heard) | {
        "clear_p50_ms": quantile(heard.clears_ms, 0.5),
        "clear_p99_ms": quantile(heard.clears_ms, 0.99),
        "held_up": float(dropped > 0),
        "clears": len(heard.clears_ms),
        "unheeded": heard.unheeded,
    }


def turn(scale: Scale) -> Figures:
    """From the end of a turn to the first byte of its answer, where the providers take no time at all."""
    with _file() as told:
        with serving({"script": INSTANT, "turns": str(told)}, PROVIDER="scripted") as server:
            _play(server, scale, calls=scale.turn_calls, manner="talks")
        took = [seconds * 1000 for seconds in msgspec.json.decode(told.read_bytes())]
    return {"turn_p50_ms": quantile(took, 0.5), "turn_p99_ms": quantile(took, 0.99), "turns": len(took)}


def profile(scale: Scale) -> Figures:
    """The cost of a call by stage: microseconds of the server's processor a frame of the caller's."""
    with _file() as told:
        with serving({"profile": str(told)}, PROVIDER="scripted") as server:
            heard = _play(server, scale, calls=scale.calls, manner="talks", signal=int(signal.SIGUSR2))
            dropped = server.dropped()
        shares = stages.shares(told)
    a_frame_us = _costs(heard)["cost_ms"] * 1000 / 50
    return {f"{name}_us": share * a_frame_us for name, share in shares.items()} | {"held_up": float(dropped > 0)}


def peer(scale: Scale, name: str, *arguments: str) -> Figures:
    """Another stack: conversations, then callers who interrupt. Its own sound is in its own hands, so that a hole in it
    is not told."""
    found: Figures = {}
    for manner in ("talks", "interrupts"):
        with peers.running(name, *arguments) as server:
            heard = _play(server, scale, calls=scale.peer_calls, manner=manner, path=MEDIA)
        if manner == "talks":
            found = _costs(heard) | {"talk_share": heard.talk, "memory_mb": heard.memory_kb / 1024}
    return found | {
        "clear_p50_ms": quantile(heard.clears_ms, 0.5),
        "clear_p99_ms": quantile(heard.clears_ms, 0.99),
        "clears": len(heard.clears_ms),
        "unheeded": heard.unheeded,
    }


def here(scale: Scale) -> Figures:
    """The same of ours: as few calls as peers are given, for the fewer there are, the more each costs."""
    clears = barge_in(replace(scale, calls=scale.peer_calls))
    told = {name: value for name, value in clears.items() if name.startswith("clear")}
    return calls(scale, scale.peer_calls, PROVIDER="scripted") | told


def start(_scale: Scale) -> Figures:
    """From nothing to the first call, and what imports take of that."""
    return starts.measure()


def _play(server: Server, scale: Scale, **plan: object) -> Result:
    ramp_s = 1.0 if scale.seconds < 5 else 3.0
    return _result(play(server, seconds=scale.seconds, ramp_s=ramp_s, settle_s=scale.settle_s, **plan))


def _result(told: dict[str, object]) -> Result:
    return msgspec.convert(told, Result)


def _costs(heard: Result) -> Figures:
    whole = heard.seconds * heard.calls
    return {
        "cost_ms": heard.server_s / whole * 1000,
        "calls_a_core": whole / max(heard.server_s, 1e-9),
        "core_share": heard.server_s / heard.seconds,
        "faults": len(heard.faults),
        "client_late_p99_ms": heard.sent_late_ms,
        "client_cost_ms": heard.client_s / whole * 1000,
    }


def _lateness(heard: Result) -> Figures:
    return {
        "late_p99_ms": quantile(heard.late_ms, 0.99),
        "latest_ms": quantile(heard.late_ms, 1),
        "gaps": sum(late > 0 for late in heard.late_ms),
        "messages": len(heard.late_ms),
    }


@contextmanager
def _file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "told.json")


Workload = Callable[[Scale], Figures]

ECHO, FLOOR = "ops.bench.suite.echoed", "ops.bench.suite.floor"
ALL: dict[str, Workload] = {
    "media 20 ms": lambda scale: media(scale, ECHO, "20"),
    "media 200 ms": lambda scale: media(scale, ECHO, "200"),
    "floor Trio 20 ms": lambda scale: media(scale, FLOOR, "trio", "20"),
    "floor Trio 200 ms": lambda scale: media(scale, FLOOR, "trio", "200"),
    "floor uvloop 20 ms": lambda scale: media(scale, FLOOR, "uvloop", "20"),
    "floor uvloop 200 ms": lambda scale: media(scale, FLOOR, "uvloop", "200"),
    "calls": lambda scale: calls(scale, scale.calls, PROVIDER="scripted"),
    "local calls": lambda scale: calls(scale, scale.local_calls, PROVIDER="local"),
    "ramp": ramp,
    "curve": lambda scale: curve(scale, "scripted"),
    "barge-in": barge_in,
    "turn": turn,
    "start": start,
    "profile": profile,
    "Pipecat": lambda scale: peer(scale, "pipecat"),
    "Pipecat without SmartTurn": lambda scale: peer(scale, "pipecat", "--no-smart-turn"),
    "LiveKit Agents": lambda scale: peer(scale, "livekit"),
    "as many calls here": here,
}
"""In the order in which they are run and told; one round of each before the next round of any."""
