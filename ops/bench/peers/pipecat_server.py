"""Pipecat from its published package, as its guides put a Twilio line together: FastAPI's transport, Twilio's
serializer, Silero, its own turn strategies; and providers as quick and as cheap as ours are in the benchmark.

    python -m ops.bench.peers.pipecat_server [--no-smart-turn]
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from dataclasses import fields
from typing import Any

from fastapi import WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from ops.bench.peers.script import FIRST_CHUNK_S, FIRST_TOKEN_S, GREETING, HEAR_S, REPLY, TOKEN_GAP_S, chunks
from ops.bench.peers.serve import serve

SMART = "--no-smart-turn" not in sys.argv


class Ears(SegmentedSTTService):
    def __init__(self) -> None:
        super().__init__(ttfs_p99_latency=HEAR_S, settings=STTSettings(model="scripted", language=None))

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        await asyncio.sleep(HEAR_S)
        yield TranscriptionFrame(f"I have spoken for {len(audio) // 16} milliseconds.", "", time_now_iso8601())


class Mind(LLMService[Any]):
    def __init__(self) -> None:
        unset = {each.name: None for each in fields(LLMSettings) if each.init and each.name != "extra"}
        super().__init__(settings=LLMSettings(**unset | {"model": "scripted"}))

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        await asyncio.sleep(FIRST_TOKEN_S)
        for word in REPLY.split():
            await self.push_frame(LLMTextFrame(f"{word} "))
            await asyncio.sleep(TOKEN_GAP_S)
        await self.push_frame(LLMFullResponseEndFrame())


class Voice(TTSService):
    def __init__(self) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=8000,
            settings=TTSSettings(model="scripted", voice="scripted", language=None),
        )

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        await asyncio.sleep(FIRST_CHUNK_S)
        for pcm, pause_s in chunks(text):
            yield TTSAudioRawFrame(pcm, 8000, 1, context_id=context_id)
            await asyncio.sleep(pause_s)


async def call(websocket: WebSocket) -> None:
    """From the handshake to the hang-up."""
    await websocket.accept()
    await websocket.receive_text()
    start = json.loads(await websocket.receive_text())["start"]
    transport = FastAPIWebsocketTransport(
        websocket,
        FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            add_wav_header=False,
            serializer=TwilioFrameSerializer(
                start["streamSid"],
                start["callSid"],
                params=TwilioFrameSerializer.InputParams(auto_hang_up=False),
            ),
        ),
    )
    user = LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    if not SMART:
        user.user_turn_strategies = UserTurnStrategies(stop=[SpeechTimeoutUserTurnStopStrategy()])
    pair = LLMContextAggregatorPair(LLMContext(), user_params=user)
    pipeline = Pipeline([transport.input(), Ears(), pair.user(), Mind(), Voice(), transport.output(), pair.assistant()])
    worker = PipelineWorker(pipeline, params=PipelineParams(audio_in_sample_rate=8000, audio_out_sample_rate=8000))

    @transport.event_handler("on_client_connected")
    async def connected(_transport: object, _client: object) -> None:
        await worker.queue_frames([TTSSpeakFrame(GREETING)])

    @transport.event_handler("on_client_disconnected")
    async def gone(_transport: object, _client: object) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def main() -> None:
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    serve(call)


if __name__ == "__main__":
    main()
