"""What a played call has in place of the world: the same ports, and a player that answers as it was answered then."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from agent.guard.budget import No
from agent.keep.usage import Meter
from agent.model import CallInfo, Emit, Utterance
from agent.replay import plain
from agent.speak.cache import AudioCache, Key
from agent.speak.clips import Clip
from agent.speak.repertoire import Phrases, Repertoire
from agent.think.ports import Prompt, Reply, ToolCall, ToolSpec
from agent.think.tools.ports import Desk, Result, Tool
from agent.think.tools.toolbox import Toolbox
from agent.wire.ports import MediaSocket
from nurseries.parts import HandOver, Verdict
from nurseries.purse import Account
from nurseries.replay.recorded_providers import asked, asked_about, heard


class Player(Protocol):
    """Who answers: as it was recorded, or as near to it as can be."""

    @property
    def blobs(self) -> Mapping[str, bytes]:
        """Sounds, by their names."""
        ...

    async def ask(self, port: str, what: str, emit: Callable[[Any], Awaitable[None]] = ..., about: str = "") -> Any:
        """What came of it, once it comes; pieces are emitted. Raises what was raised."""
        ...

    def value(self, port: str, about: str = "") -> Any:
        """What was told without waiting. Not a checkpoint."""
        ...

    def sent(self, text: str) -> None:
        """The call sends this. Not a checkpoint."""
        ...


@dataclass(frozen=True)
class PlayedSocket(MediaSocket):
    """A `MediaSocket`."""

    player: Player

    async def receive(self) -> str | bytes | None:
        message = await self.player.ask("receive", "")
        return bytes.fromhex(message["bytes"]) if isinstance(message, dict) else message

    async def send(self, text: str) -> None:
        self.player.sent(text)
        await self.player.ask("send", "")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self.player.ask("close", f"{code} {reason}")

    async def abort(self) -> None:
        await self.player.ask("abort", "")


@dataclass(frozen=True)
class PlayedRecogniser:
    """The Recogniser port."""

    name: str
    player: Player

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        return str(await self.player.ask("hear", heard(utterance, language)))


@dataclass(frozen=True)
class PlayedModel:
    """The LanguageModel port."""

    name: str
    player: Player

    async def reply(self, prompt: Prompt, emit: Emit[str]) -> Reply:
        return plain.to_reply(await self.player.ask("think", asked(prompt), emit, asked_about(prompt)))


@dataclass(frozen=True)
class PlayedVoice:
    """The Voice port."""

    name: str
    rate: int
    player: Player

    async def synthesise(self, text: str, emit: Emit[bytes], *, voice: str = "", language: str = "") -> bool | None:
        async def hand_on(name: str) -> None:
            await emit(self.player.blobs[name])

        own: bool | None = await self.player.ask("speak", f"{voice}/{language}: {text}", hand_on)
        return own


@dataclass(frozen=True)
class PlayedEar:
    """A `VoiceActivity`."""

    player: Player

    def ahead(self, window: bytes, known: Callable[[], None]) -> None:
        """What comes of it is known."""

    def __call__(self, window: bytes) -> float:  # noqa: ARG002  what was heard is known
        return float(self.player.value("vad"))

    def leave(self) -> None:
        """Nobody waits."""


class PlayedCache(AudioCache):
    """Has what it had."""

    def __init__(self, player: Player) -> None:
        super().__init__(0)
        self._player = player

    def get(self, key: Key) -> bytes | None:
        name = self._player.value("cache", key.text)
        return None if name is None else self._player.blobs[name]


class PlayedRepertoire(Repertoire):
    """Has what it had."""

    def __init__(self, player: Player) -> None:
        super().__init__()
        self._player = player

    def of(self, words: Any, speaker: str, tag: str) -> Phrases:
        return _PlayedPhrases(super().of(words, speaker, tag), self._player)


class _PlayedPhrases(Phrases):
    def __init__(self, own: Phrases, player: Player) -> None:
        self._own = own
        self._player = player

    def __call__(self, clip: Clip) -> Clip:
        value = self._player.value("clip", clip.name)
        return self._own(clip) if value is None else self._clip(value)

    def words(self, clip: Clip) -> str:
        return self._own.words(clip)

    def texts(self, clips: Any) -> frozenset[str]:
        return self._own.texts(clips)

    def begin(self) -> Clip | None:
        value = self._player.value("phrase")
        return None if value is None else self._clip(value)

    def made(self, clip: Clip) -> None:
        """Others' business."""

    def left(self, clip: Clip) -> None:
        """Others' business."""

    def _clip(self, value: list[str]) -> Clip:
        name, text, sound = value
        return Clip(name, text, self._player.blobs[sound])


class PlayedToolbox(Toolbox):
    """Tools that are not run: what came of it is known."""

    def __init__(self, names: frozenset[str], player: Player) -> None:
        super().__init__(())
        self._names = names
        self._player = player

    @property
    def names(self) -> frozenset[str]:
        return self._names

    def offered(self, desk: Desk) -> tuple[ToolSpec, ...]:  # noqa: ARG002  what was asked for is known
        return plain.to_tools(self._player.value("offered"))

    def prepare(self, call: ToolCall) -> tuple[Tool, Any] | Result:
        about = f"{call.name} {call.arguments}"
        refused = self._player.value("prepared", about)
        if refused is not None:
            return plain.to_result(refused)

        async def run(_arguments: Any, _desk: Desk) -> Result:
            return plain.to_result(await self._player.ask("tool", call.name, about=about))

        return Tool(call.name, "", msgspec.Struct, run), None


def played_hand_over(player: Player) -> HandOver:
    async def hand_over(_call_sid: str, to: str) -> bool:
        return bool(await player.ask("hand over", to))

    return hand_over


def played_verdict(player: Player) -> Verdict:
    async def verdict(order: str) -> str:
        return str(await player.ask("verdict", order))

    return verdict


@dataclass(frozen=True)
class PlayedPurse:
    """Pays for what it paid for."""

    player: Player

    def open(self, info: CallInfo, meter: Meter) -> Account:
        refused = plain.to_no(self.player.value("account"))
        return _PlayedAccount(None, info.call_sid, "", meter, refused, player=self.player)  # type: ignore[arg-type]


@dataclass(kw_only=True)
class _PlayedAccount(Account):
    player: Player

    async def afford(self) -> No | None:
        return plain.to_no(await self.player.ask("afford", ""))

    def settle(self) -> None:
        """Nobody counts."""

    def close(self) -> None:
        """Nobody counts."""


def played_before(name: str, player: Player) -> Callable[[], Awaitable[None]]:
    """What is awaited at a call's end."""

    async def work() -> None:
        await player.ask(name, "")

    return work


def played_ready(player: Player) -> Callable[[], AbstractAsyncContextManager[bool]]:
    """What is entered before a hand-off."""

    @asynccontextmanager
    async def ready() -> AsyncIterator[bool]:
        known = await player.ask("ready", "")
        try:
            yield bool(known)
        finally:
            await player.ask("gone", "")  # noqa: ASYNC102  the recording bounds it

    return ready
