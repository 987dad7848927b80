"""What a browser itself recorded of a call, of both sides, against the server's record of it.

The agent's voice spells its text and the caller's line carries words that can be counted (agent/rehearsal), so that the
browser's recordings can be read, to the letter and to the word, without anybody's judgement.
"""

from __future__ import annotations

import base64
import re
import wave
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import trio
from playwright.sync_api import Page, expect

from agent.model import BYTES_PER_MS
from agent.rehearsal import codewords, spelling
from agent.rehearsal.playback import Played
from agent.rehearsal.sound import encode
from agent.wire import mulaw
from nurseries.rehearsal.own_speech import find_voice, spoken
from tests.browser.chromium import chromium
from tests.browser.looking import Watched
from tests.calls.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

GREETING = "Hello, this is Priya. I would like to tell you about the flats that we have in Whitefield and in Jayanagar."
BREAKS_IN_S = 3.0
"""Into the microphone's sound: within the greeting, which lasts six seconds."""
NUMBERS = [17, 200, 3, 99, 145, 60, 250, 33]
LATE_MS = 600
"""From the caller's first sound to the agent's last one: what it takes to know speech, and what is on its way."""
LOUD = 2000
"""Of 32,768: a caller's, not the noise that a browser may put below it."""
ANSWERED_MS = 30_000

RECORD = """() => {
    // The tones that carry words would be suppressed as noise.
    const devices = navigator.mediaDevices, ask = devices.getUserMedia.bind(devices);
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    devices.getUserMedia = () => ask({ audio: plain });
    const connect = AudioNode.prototype.connect;
    window.recorded = {};
    const record = (node, name) => {
        const out = node.context.createMediaStreamDestination();
        connect.call(node, out);
        const recorder = new MediaRecorder(out.stream, { mimeType: "audio/webm;codecs=pcm" });
        const parts = [];
        recorder.ondataavailable = ({ data }) => parts.push(data);
        recorder.start(100);
        window.recorded[name] = async () => {
            const sound = await new Blob(parts).arrayBuffer();
            const decoded = await new OfflineAudioContext(1, 1, 8000).decodeAudioData(sound);
            const whole = (sample) => Math.max(-1, Math.min(1, sample)) * 32767;
            const samples = Int16Array.from(decoded.getChannelData(0), whole);
            const bytes = new Uint8Array(samples.buffer);
            let text = "";
            for (let n = 0; n < bytes.length; n += 8192) text += String.fromCharCode(...bytes.subarray(n, n + 8192));
            return btoa(text);
        };
    };
    AudioNode.prototype.connect = function (to, ...rest) {
        if (this instanceof MediaStreamAudioSourceNode) record(this, "caller");
        else if (to === this.context.destination && this.numberOfInputs === 0) record(this, "agent");
        return connect.call(this, to, ...rest);
    };
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Its microphone hears the counted words, once."""
    voice = find_voice()
    assert voice is not None, "the local voice is part of the development environment"
    line = mulaw.decode(codewords.line(trio.run(spoken, voice, "I am looking for a flat in Whitefield."), NUMBERS))
    path = tmp_path_factory.mktemp("sound") / "caller.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        silence = np.zeros(int(BREAKS_IN_S * 8000), np.int16)
        file.writeframes(np.concatenate((silence, line, silence)).tobytes())
    with chromium(path) as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("server"), PROVIDER="scripted", GREETING=GREETING)
    yield found
    found.kill()


def recorded(page: Page, side: str) -> bytes:
    """The browser's own recording of it, as mu-law."""
    samples = base64.b64decode(page.evaluate("(side) => window.recorded[side]()", side))
    return encode(np.frombuffer(samples, "<i2") / 32768)


def letters(text: str) -> str:
    """Between two sentences there is no sound, so spaces do not count."""
    return re.sub(r"\s", "", text)


def test_the_browser_s_own_recording_and_the_server_s_record_say_the_same(visit: Watched) -> None:
    page = visit("#/call")
    page.evaluate(RECORD)
    page.get_by_role("button", name="Call Priya").click()
    expect(page.locator(".bubbles .agent:has(.latency)").first).to_be_visible(timeout=ANSWERED_MS)
    expect(page.locator(".coming")).to_have_count(0, timeout=ANSWERED_MS)  # the answer has been heard
    agent, caller = recorded(page, "agent"), recorded(page, "caller")
    page.get_by_role("button", name="Hang up").click()
    link = page.locator(".outcome a")
    expect(link).to_be_visible()
    sid = (link.get_attribute("href") or "").removeprefix("#/calls/")
    told: dict[str, Any] = page.evaluate("(sid) => fetch(`/api/calls/${sid}`).then((answer) => answer.json())", sid)

    words = codewords.words(caller)
    assert [entry["text"] for entry in told["entries"] if entry["role"] == "caller"] == [f"{words}."]
    assert codewords.numbers(caller) == NUMBERS

    greeting, answer = [entry for entry in told["entries"] if entry["role"] == "agent"]
    assert greeting.get("interrupted")
    assert not answer.get("interrupted")
    assert answer["text"] == f"You said: {words}."
    pieces = spelling.read([Played(agent, 0.0)])  # a busy browser halts within a sentence
    heard = "".join(letters(each.text) for each in pieces)
    before, after = letters(greeting["text"]), letters(answer["text"])
    assert heard.startswith(before)
    assert heard.endswith(after)
    beyond = heard[len(before) : -len(after)]  # a word that was cut within is not in the record
    assert letters(greeting["meant"]).startswith(before + beyond)
    assert len(beyond) <= max(map(len, GREETING.split())), "more was heard than the record says"

    loud = np.flatnonzero(np.abs(mulaw.decode(caller)) > LOUD)
    onset_ms = float(loud[0]) / BYTES_PER_MS
    of_both = list(accumulate(len(letters(each.text)) for each in pieces))
    silent_ms = max(each.end_ms for each, end in zip(pieces, of_both, strict=True) if end <= len(before + beyond))
    assert 0 < silent_ms - onset_ms < LATE_MS, "the agent did not fall silent for the caller"
