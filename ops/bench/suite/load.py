"""The load client: many callers in one process, on one thread, over real sockets. A plan (JSON) in, what was heard out.

One epoll for all calls and one wheel of 20 slots a frame's time: each call has its slot, a millisecond apart, and is
ticked there every 20 ms by a clock that does not drift. Written for the other core: what it costs itself, and how late
it was itself, is told, so that it is known when it was the client that was measured.

    python -m ops.bench.suite.load '{"port": 3000, "calls": 100, "seconds": 20}'
"""

from __future__ import annotations

import gc
import os
import resource
import select
import sys
import time
from pathlib import Path

import msgspec

from ops.bench.suite import script, voices
from ops.bench.suite.caller import Caller, Heard, Part

SLOTS = 20
TICK_S = 0.02


class Plan(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is played."""

    port: int
    calls: int
    seconds: float
    """That are measured, from when all calls have begun."""
    ramp_s: float = 2.0
    """In which they begin, evenly."""
    settle_s: float = 1.0
    """Between the last call's beginning and the measuring."""
    manner: str = "talks"
    path: str = ""
    echo: bool = False
    pid: int = 0
    """Of a server, whose processor time is taken where measuring begins and ends."""
    signal: int = 0
    """Sent to the server where measuring begins."""
    lines: int = 3


class Result(msgspec.Struct, kw_only=True):
    """What was heard. Times in milliseconds, of all calls together."""

    calls: int
    seconds: float
    server_s: float
    """Processor time of the server while it was measured."""
    memory_kb: int
    """Of the server, at the end of the measuring: its proportional set."""
    client_s: float
    faults: list[str]
    greeted_ms: list[float]
    late_ms: list[float]
    clears_ms: list[float]
    unheeded: int
    unasked: int
    echoes_ms: list[float]
    sent_late_ms: float
    """The client's own lateness: the 99th percentile."""
    talk: float
    """The agent's share of the time."""
    lines: int
    messages: int


class Load:
    """All calls of one plan."""

    def __init__(self, plan: Plan) -> None:
        lines = voices.lines(plan.lines)
        manner = script.MANNERS[plan.manner]
        part = Part(("127.0.0.1", plan.port), lines, script.silence(), manner, plan.path, plan.echo)
        self._plan = plan
        self._epoll = select.epoll()
        self._by_fd: dict[int, Caller] = {}
        self._callers = [Caller(part, self._opened, number) for number in range(plan.calls)]
        self._wheel = [self._callers[slot::SLOTS] for slot in range(SLOTS)]
        self._late: list[float] = []

    def run(self) -> Result:
        """Ring, settle, measure, hang up."""
        plan, clock = self._plan, time.perf_counter
        ringing = [(plan.ramp_s * number / plan.calls, each) for number, each in enumerate(self._callers)][::-1]
        began = clock()
        due, slot = began, 0
        measure_from = began + plan.ramp_s + plan.settle_s
        until = measure_from + plan.seconds
        before: tuple[float, float, float] | None = None
        while (now := clock()) < until:
            while ringing and ringing[-1][0] <= now - began:
                ringing.pop()[1].ring()
            if before is None and now >= measure_from:
                if plan.signal:
                    os.kill(plan.pid, plan.signal)
                before = (_cpu(plan.pid), _own(), now)
                self._forget()
            if due <= now:
                if before is not None:
                    self._late.append((now - due) * 1000)
                for each in self._wheel[slot]:
                    if each.streaming:
                        each.tick(now)
                slot = (slot + 1) % SLOTS
                due += TICK_S / SLOTS
            self._poll(max(due - clock(), 0))
        server_s, client_s, since = before or (0.0, 0.0, now)
        server_s, client_s, took = _cpu(plan.pid) - server_s, _own() - client_s, now - since
        memory = _memory(plan.pid)
        faults = [each.heard.fault for each in self._callers if each.heard.fault]
        faults += ["never connected"] * sum(not each.streaming and not each.over for each in self._callers)
        talked = sum(each.playout.played_s - max(0.0, each.playout.ends - now) for each in self._callers)
        for each in self._callers:
            each.hang_up()
        return self._result(took, server_s, client_s, memory, faults, talked)

    def _result(
        self, took: float, server_s: float, client_s: float, memory: int, faults: list[str], talked: float
    ) -> Result:
        heard = [each.heard for each in self._callers]
        late = sorted(self._late) or [0.0]
        return Result(
            calls=len(heard),
            seconds=took,
            server_s=server_s,
            client_s=client_s,
            memory_kb=memory,
            faults=faults,
            greeted_ms=[each.greeted_ms for each in heard if each.greeted_ms is not None],
            late_ms=[late for each in self._callers for late in each.playout.late_ms],
            clears_ms=_all(heard, "clears_ms"),
            unheeded=sum(each.unheeded for each in heard),
            unasked=sum(each.unasked for each in heard),
            echoes_ms=_all(heard, "echoes_ms"),
            sent_late_ms=late[int(len(late) * 0.99)],
            talk=talked / took / len(heard),
            lines=sum(each.lines for each in heard),
            messages=sum(each.messages for each in heard),
        )

    def _forget(self) -> None:
        """What was heard before the measuring, but for greetings."""
        for each in self._callers:
            each.heard = Heard(each.heard.fault, each.heard.greeted_ms)
            each.playout.late_ms = [] if self._plan.settle_s else each.playout.late_ms
            each.playout.played_s = max(0.0, each.playout.ends - time.perf_counter())

    def _poll(self, wait_s: float) -> None:
        now = 0.0
        for fd, event in self._epoll.poll(wait_s):
            now = now or time.perf_counter()
            each = self._by_fd[fd]
            if event & select.EPOLLOUT:
                self._epoll.modify(fd, select.EPOLLIN)
                each.writable()
            if event & ~select.EPOLLOUT and not each.over and each.socket.fileno() == fd:
                each.received(now)

    def _opened(self, caller: Caller) -> None:
        fd = caller.socket.fileno()
        self._by_fd[fd] = caller
        self._epoll.register(fd, select.EPOLLIN | select.EPOLLOUT)


def _all(heard: list[Heard], name: str) -> list[float]:
    return [ms for each in heard for ms in getattr(each, name)]


def _cpu(pid: int) -> float:
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> int:
    """Proportional set, in KB; 0 where there is no server."""
    if not pid:
        return 0
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1])


def _own() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    load = Load(plan)
    gc.freeze()
    gc.disable()  # nothing here is a cycle, and a pause would be taken for the server's
    sys.stdout.write(msgspec.json.encode(load.run()).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
