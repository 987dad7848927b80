"""What stands between a recorded call and the world: the same ports, and a take that is told of all that passes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from agent.guard.budget import No
from agent.hear.ports import VoiceActivity
from agent.keep.usage import Meter
from agent.model import CallInfo
from agent.replay import plain
from agent.speak.cache import AudioCache, Key, Statistics
from agent.speak.clips import Clip
from agent.speak.repertoire import Phrases, Repertoire
from agent.think.ports import ToolCall, ToolSpec
from agent.think.tools.ports import Desk, Result, Tool
from agent.think.tools.toolbox import Toolbox
from agent.wire.ports import MediaSocket
from nurseries.parts import HandOver, Parts, Verdict
from nurseries.purse import Account, Purse
from nurseries.replay.recorded_live import recorded_live
from nurseries.replay.recorded_providers import RecordedModel, RecordedRecogniser, RecordedVoice
from nurseries.replay.take import Take


def recorded(parts: Parts, take: Take) -> Parts:
    """One call's, whatever of it can differ from one time to the next."""
    return replace(
        parts,
        recogniser=RecordedRecogniser(parts.recogniser, take),
        go_live=recorded_live(parts.go_live, take),
        model=RecordedModel(parts.model, take),
        voice=RecordedVoice(parts.voice, take),
        vad=lambda: RecordedEar(parts.vad(), take),
        cache=RecordedCache(parts.cache, take),
        repertoire=RecordedRepertoire(parts.repertoire, take),
        toolbox=RecordedToolbox(parts.toolbox, take),
        hand_over=_hand_over(parts.hand_over, take),
        verdict=_verdict(parts.verdict, take) if parts.verdict is not None else None,
        purse=cast("Purse", RecordedPurse(parts.purse, take)) if parts.purse is not None else None,
    )


@dataclass(frozen=True)
class RecordedSocket(MediaSocket):
    """A `MediaSocket`."""

    socket: MediaSocket
    take: Take

    async def receive(self) -> str | bytes | None:
        return await self.take.ask("receive", "", lambda _: self.socket.receive(), plain=_message)

    async def send(self, text: str) -> None:
        self.take.sent(text)
        await self.take.ask("send", "", lambda _: self.socket.send(text))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self.take.ask("close", f"{code} {reason}", lambda _: self.socket.close(code, reason))

    async def abort(self) -> None:
        await self.take.ask("abort", "", lambda _: self.socket.abort())


def _message(message: str | bytes | None) -> Any:
    return {"bytes": message.hex()} if isinstance(message, bytes) else message


@dataclass(frozen=True)
class RecordedEar:
    """A `VoiceActivity`."""

    own: VoiceActivity
    take: Take

    def ahead(self, window: bytes, known: Callable[[], None]) -> None:
        """Not told: no other call's step wakes this one."""

    def __call__(self, window: bytes) -> float:
        return self.take.value("vad", float(self.own(window)))

    def leave(self) -> None:
        self.own.leave()


class RecordedCache(AudioCache):
    """What is in it, others have put there."""

    def __init__(self, own: AudioCache, take: Take) -> None:
        super().__init__(0)
        self._own = own
        self._take = take

    def get(self, key: Key) -> bytes | None:
        return self._take.value("cache", self._own.get(key), lambda sound: sound and self._take.blob(sound), key.text)

    def put(self, key: Key, audio: bytes) -> None:
        self._own.put(key, audio)

    def statistics(self) -> Statistics:
        return self._own.statistics()


@dataclass(frozen=True)
class RecordedRepertoire(Repertoire):
    """A Repertoire."""

    own: Repertoire
    take: Take

    def of(self, words: Mapping[str, str], speaker: str, tag: str) -> Phrases:
        return RecordedPhrases(self.own.of(words, speaker, tag), self.take)


class RecordedPhrases(Phrases):
    """Which of them are there, others have made."""

    def __init__(self, own: Phrases, take: Take) -> None:
        self._own = own
        self._take = take

    def __call__(self, clip: Clip) -> Clip:
        return self._take.value("clip", self._own(clip), self._plain, clip.name)

    def words(self, clip: Clip) -> str:
        return self._own.words(clip)

    def texts(self, clips: Any) -> frozenset[str]:
        return self._own.texts(clips)

    def begin(self) -> Clip | None:
        return self._take.value("phrase", self._own.begin(), lambda clip: clip and self._plain(clip))

    def made(self, clip: Clip) -> None:
        self._own.made(clip)

    def left(self, clip: Clip) -> None:
        self._own.left(clip)

    def _plain(self, clip: Clip) -> list[str]:
        return [clip.name, clip.text, self._take.blob(clip.mulaw)]


class RecordedToolbox(Toolbox):
    """A Toolbox whose tools are told of."""

    def __init__(self, own: Toolbox, take: Take) -> None:
        self._own = own
        self._take = take

    @property
    def names(self) -> frozenset[str]:
        return self._own.names

    def offered(self, desk: Desk) -> tuple[ToolSpec, ...]:
        return self._take.value("offered", self._own.offered(desk), plain.of)

    def prepare(self, call: ToolCall) -> tuple[Tool, Any] | Result:
        about = f"{call.name} {call.arguments}"
        prepared = self._take.value("prepared", self._own.prepare(call), _prepared, about)
        if isinstance(prepared, Result):
            return prepared
        tool, arguments = prepared
        return replace(tool, run=self._runs(tool, about)), arguments

    def _runs(self, tool: Tool, about: str) -> Callable[[Any, Desk], Awaitable[Result]]:
        async def run(arguments: Any, desk: Desk) -> Result:
            def work(_: object) -> Awaitable[Result]:
                return tool.run(arguments, desk)

            return await self._take.ask("tool", tool.name, work, plain=plain.of_result, about=about)

        return run


def _prepared(prepared: tuple[Tool, Any] | Result) -> Any:
    return plain.of_result(prepared) if isinstance(prepared, Result) else None


def _hand_over(own: HandOver, take: Take) -> HandOver:
    async def hand_over(call_sid: str, to: str) -> bool:
        return await take.ask("hand over", to, lambda _: own(call_sid, to))

    return hand_over


def _verdict(own: Verdict, take: Take) -> Verdict:
    async def verdict(order: str) -> str:
        return await take.ask("verdict", order, lambda _: own(order))

    return verdict


@dataclass(frozen=True)
class RecordedPurse:
    """What a call asks of a purse."""

    own: Purse
    take: Take

    def open(self, info: CallInfo, meter: Meter) -> Account:
        own = self.own.open(info, meter)
        self.take.value("account", own.refused, plain.of)
        return RecordedAccount(own.purse, own.call_sid, own.key, own.meter, own.refused, own=own, take=self.take)


@dataclass(kw_only=True)
class RecordedAccount(Account):
    """An Account."""

    own: Account
    take: Take

    async def afford(self) -> No | None:
        return await self.take.ask("afford", "", lambda _: self.own.afford(), plain=plain.of)

    def settle(self) -> None:
        self.own.settle()

    def close(self) -> None:
        self.own.close()


def told_before(name: str, own: Callable[[], Awaitable[None]], take: Take) -> Callable[[], Awaitable[None]]:
    """What is awaited at a call's end."""

    async def work() -> None:
        await take.ask(name, "", lambda _: own())

    return work


def told_ready(
    own: Callable[[], AbstractAsyncContextManager[bool]], take: Take
) -> Callable[[], AbstractAsyncContextManager[bool]]:
    """What is entered before a hand-off."""

    @asynccontextmanager
    async def ready() -> Any:
        entered = own()
        known = await take.ask("ready", "", lambda _: entered.__aenter__())
        try:
            yield known
        finally:
            await take.ask("gone", "", lambda _: entered.__aexit__(None, None, None))  # noqa: ASYNC102  it is bounded

    return ready
