"""LiveKit Agents from its published package: an AgentSession without a LiveKit server, its input and output on Twilio's
media socket; Silero, its own turn taking; and providers as quick and as cheap as ours are in the benchmark.

    python -m ops.bench.peers.livekit_server
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import numpy as np
from fastapi import WebSocket, WebSocketDisconnect
from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt, tts
from livekit.agents.language import LanguageCode
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.voice import io
from livekit.plugins import silero

from ops.bench.peers.mulaw import decoded, encoded
from ops.bench.peers.script import FIRST_CHUNK_S, FIRST_TOKEN_S, GREETING, HEAR_S, REPLY, TOKEN_GAP_S, chunks
from ops.bench.peers.serve import serve

RATE = 8000


class Ears(stt.STT):
    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))

    async def _recognize_impl(self, buffer: Any, **_: Any) -> stt.SpeechEvent:
        await asyncio.sleep(HEAR_S)
        frames = buffer if isinstance(buffer, list) else [buffer]
        spoken_ms = sum(frame.duration for frame in frames) * 1000
        said = stt.SpeechData(LanguageCode("en"), f"I have spoken for {spoken_ms:.0f} milliseconds.")
        return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[said])


class Mind(llm.LLM):
    def chat(
        self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS, **_: Any
    ) -> Any:
        return Thought(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class Thought(llm.LLMStream):
    async def _run(self) -> None:
        await asyncio.sleep(FIRST_TOKEN_S)
        for word in REPLY.split():
            delta = llm.ChoiceDelta(role="assistant", content=f"{word} ")
            self._event_ch.send_nowait(llm.ChatChunk(id="scripted", delta=delta))
            await asyncio.sleep(TOKEN_GAP_S)


class Voice(tts.TTS):
    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE, num_channels=1)

    def synthesize(self, text: str, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> Any:
        return Spoken(tts=self, input_text=text, conn_options=conn_options)


class Spoken(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(request_id="scripted", sample_rate=RATE, num_channels=1, mime_type="audio/pcm")
        await asyncio.sleep(FIRST_CHUNK_S)
        for pcm, pause_s in chunks(self.input_text):
            output_emitter.push(pcm)
            await asyncio.sleep(pause_s)
        output_emitter.flush()


class Caller(io.AudioInput):
    """The socket's frames, as the session wants them."""

    def __init__(self) -> None:
        super().__init__(label="Twilio")
        self.frames: asyncio.Queue[rtc.AudioFrame | None] = asyncio.Queue()

    def __aiter__(self) -> AsyncIterator[rtc.AudioFrame]:
        return self

    async def __anext__(self) -> rtc.AudioFrame:
        frame = await self.frames.get()
        if frame is None:
            raise StopAsyncIteration
        return frame


class Line(io.AudioOutput):
    """What the session says, onto the socket; when it has played is what the caller's marks say."""

    def __init__(self, websocket: WebSocket, stream_sid: str) -> None:
        super().__init__(label="Twilio", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=RATE)
        self._websocket, self._stream_sid = websocket, stream_sid
        self._said_s, self._first, self._marks = 0.0, 0.0, 0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._said_s:
            self._first = time.time()
            self.on_playback_started(created_at=self._first)
        self._said_s += frame.duration
        payload = base64.b64encode(encoded(np.frombuffer(frame.data, np.int16))).decode()
        await self._send({"event": "media", "media": {"payload": payload}})

    def flush(self) -> None:
        super().flush()
        if self._said_s:
            self._marks += 1
            self._soon({"event": "mark", "mark": {"name": str(self._marks)}})

    def clear_buffer(self) -> None:
        if self._said_s:
            self._soon({"event": "clear"})
            self._over(min(time.time() - self._first, self._said_s), interrupted=True)

    def marked(self, name: str) -> None:
        """This one has come back."""
        if self._said_s and name == str(self._marks):
            self._over(self._said_s, interrupted=False)

    def _over(self, played_s: float, *, interrupted: bool) -> None:
        self._said_s = 0.0
        self.on_playback_finished(playback_position=played_s, interrupted=interrupted)

    def _soon(self, message: dict[str, Any]) -> None:
        self._sending = asyncio.ensure_future(self._send(message))

    async def _send(self, message: dict[str, Any]) -> None:
        with suppress(WebSocketDisconnect):  # the caller is gone, and the reader finds that out
            await self._websocket.send_text(json.dumps({**message, "streamSid": self._stream_sid}))


async def call(websocket: WebSocket) -> None:
    """From the handshake to the hang-up."""
    await websocket.accept()
    await websocket.receive_text()
    start = json.loads(await websocket.receive_text())["start"]
    session: AgentSession[None] = AgentSession(vad=VAD, stt=Ears(), llm=Mind(), tts=Voice())
    heard, line = Caller(), Line(websocket, start["streamSid"])
    session.input.audio, session.output.audio = heard, line
    await session.start(Agent(instructions="Answer."), record=False)
    session.say(GREETING)
    try:
        while True:
            message = json.loads(await websocket.receive_text())
            if message["event"] == "media":
                pcm = decoded(base64.b64decode(message["media"]["payload"]))
                heard.frames.put_nowait(rtc.AudioFrame(pcm.tobytes(), RATE, 1, len(pcm)))
            elif message["event"] == "mark":
                line.marked(message["mark"]["name"])
            elif message["event"] == "stop":
                break
    except WebSocketDisconnect:
        pass
    heard.frames.put_nowait(None)
    await session.aclose()


VAD = silero.VAD.load(sample_rate=RATE)


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    serve(call)


if __name__ == "__main__":
    main()
