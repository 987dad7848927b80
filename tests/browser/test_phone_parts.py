"""The softphone's pure parts, in the browser that runs them, against the server's own."""

from __future__ import annotations

import base64
import random
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from agent.rehearsal.playback import Clear, Mark, Media, Message, Playback, Played, Returned
from agent.wire import mulaw
from tests.browser.looking import Watched

LOSS_DB, FOLDED_DB = 1.0, -75.0


@pytest.fixture
def page(visit: Watched) -> Page:
    return visit()


def test_mu_law_is_the_server_s_for_every_byte_and_every_sample(page: Page) -> None:
    decoded, encoded, floats, clipped = page.evaluate("""async () => {
        const { decode, encode, encodeFloat } = await import("/console/phone/mulaw.js");
        const samples = Array.from({ length: 65536 }, (_, n) => n - 32768);
        const floats = samples.map((sample) => encodeFloat(sample / 32768));
        const decoded = Array.from({ length: 256 }, (_, n) => decode(n));
        return [decoded, samples.map(encode), floats, [-2, 2].map(encodeFloat)];
    }""")
    assert decoded == mulaw.decode(bytes(range(256))).tolist()
    assert encoded == floats == list(mulaw.encode(np.arange(-32768, 32768).astype(np.int16)))
    assert clipped == [encoded[0], encoded[-1]]


def played(page: Page, steps: list[list[Any]]) -> list[list[Any]]:
    """What the page's loudspeaker does: a step is what comes (media, mark, clear), or so many samples that pass."""
    return page.evaluate(
        """async (steps) => {
            const { Playback } = await import("/console/phone/playback.js");
            const { encodeFloat } = await import("/console/phone/mulaw.js");
            const playback = new Playback();
            let now = 0;
            const told = [];
            for (const [what, value] of steps) {
                if (what === "media") playback.media(Uint8Array.from(atob(value), (char) => char.charCodeAt(0)));
                if (what === "mark" && playback.mark(value)) told.push([now, value]);
                if (what === "clear") for (const name of playback.clear()) told.push([now, name]);
                if (what === "pass") {
                    const samples = new Float32Array(value);
                    for (const { name, sample } of playback.take(samples)) told.push([now + sample, name]);
                    samples.forEach((sample, n) => sample && told.push([now + n, encodeFloat(sample)]));
                    now += value;
                }
            }
            return told;
        }""",
        steps,
    )


def modelled(steps: list[list[Any]]) -> list[list[Any]]:
    """The same by the rehearsal's model of Twilio."""
    playback, now, told = Playback(), 0, []
    kinds: dict[str, Any] = {
        "media": lambda text: Media(base64.b64decode(text)),
        "mark": Mark,
        "clear": lambda _: Clear(),
    }
    for what, value in steps:
        message: Message | None = kinds[what](value) if what in kinds else None
        now += value if message is None else 0
        events = playback.advance(now / 8) if message is None else playback.receive(message, now / 8)
        for event in events:
            match event:
                case Returned():
                    told.append([round(event.at_ms * 8), event.name])
                case Played():
                    told += [[round(event.at_ms * 8) + n, code] for n, code in enumerate(event.mulaw)]
    return told


@pytest.mark.parametrize("seed", range(5))
def test_it_plays_marks_and_clears_as_twilio_does(page: Page, seed: int) -> None:
    dice = random.Random(seed)
    steps: list[list[Any]] = []
    for n in range(60):
        what = dice.choice(("media", "media", "mark", "pass", "pass", "clear" if dice.random() < 0.3 else "mark"))
        loud = bytes(dice.choice(range(1, 120)) for _ in range(dice.choice((160, 80, 1280, 7))))
        value = {"media": base64.b64encode(loud).decode(), "mark": f"{n}.1", "clear": "", "pass": dice.randint(1, 900)}
        steps.append([what, value[what]])
    steps.append(["pass", 50_000])

    ours, model = played(page, steps), modelled(steps)

    assert sorted(map(str, ours)) == sorted(map(str, model))
    assert [each for each in ours if isinstance(each[1], str)] == [each for each in model if isinstance(each[1], str)]


def test_nothing_folds_on_the_way_down_nor_is_mirrored_on_the_way_up(page: Page) -> None:
    levels = page.evaluate("""async () => {
        const { Resampler } = await import("/console/phone/resample.js");
        const level = (from, to, hz, parts) => {
            const resampler = new Resampler(from, to);
            const out = [];
            for (let at = 0; at < from / 4; at += 128) {
                const sine = (_, n) => Math.sin((2 * Math.PI * hz * (at + n)) / from);
                const samples = Float32Array.from({ length: 128 }, sine);
                for (let n = 0; n < 128; n += parts) out.push(...resampler.feed(samples.slice(n, n + parts)));
            }
            const middle = out.slice(out.length / 4, (out.length * 3) / 4);
            return 10 * Math.log10((2 * middle.reduce((sum, each) => sum + each * each, 0)) / middle.length + 1e-12);
        };
        return [[48000, 8000], [44100, 8000], [16000, 8000], [8000, 48000], [8000, 44100]].map(([from, to]) =>
            [300, 3000, 5000, 7000].filter((hz) => hz < from / 2).map((hz) => [hz, level(from, to, hz, 32)]));
    }""")
    for each in levels:
        for hz, db in each:
            assert (abs(db) < LOSS_DB) if hz < 4000 else (db < FOLDED_DB), (hz, db)


def test_captions_stand_as_the_record_will_have_them(page: Page) -> None:
    shown = page.evaluate("""async () => {
        const { Talk, parts } = await import("/console/phone/talk.js");
        const talk = new Talk();
        const say = (piece, text) => ({ kind: "say", turn: 1, piece, text, mark: `1.${piece + 4}` });
        for (const moment of [
            say(1, "We have several homes."),
            { kind: "cut", turn: 1, heard: "We have", meant: "We have several homes." },
            { kind: "backchannel", what: "mm-hm" },
            { kind: "going on" },
            say(2, "several homes."),
            say(3, "Which one?"),
            { kind: "partial", text: "I wa" },
            { kind: "turn", text: "I want to sell." },
            { kind: "keys", keys: "42" },
            { kind: "partial", text: "And" },
        ]) talk.take(moment);
        talk.marked("1.6");
        const caller = (line) => [line.text, line.keys || line.state || line.aside || ""];
        const all = () => talk.shown().map((line) => (line.role === "agent" ? parts(line) : caller(line)));
        const before = all();
        talk.cleared();
        talk.settle({ entries: [{ role: "agent", text: "several homes. Which" }] });
        return [before, all()];
    }""")
    heard = {"heard": "We have", "coming": "", "gone": ""}
    before, after = shown
    said = [["mm-hm", True], {"heard": "several homes.", "coming": "Which one?", "gone": ""}, ["I want to sell.", ""]]
    assert before == [heard, *said, ["", "42"], ["And", "partial"]]
    assert after[2] == {"heard": "several homes. Which", "coming": "", "gone": "one?"}
    assert after[-1] == ["", "42"]


def test_captions_that_are_asked_for_anew_are_told_once(page: Page) -> None:
    said = page.evaluate("""async () => {
        const sources = [];
        window.EventSource = class extends EventTarget {
            constructor() { super(); sources.push(this); }
            close() {}
            tell(id, text) {
                const data = JSON.stringify({ kind: "turn", text });
                this.dispatchEvent(new MessageEvent("moment", { data, lastEventId: String(id) }));
            }
        };
        window.EventSource.CLOSED = 2;
        const { Captions } = await import("/console/phone/captions.js");
        const captions = new Captions("CA1", () => {});
        sources[0].tell(1000001, "one");
        sources[0].tell(1000002, "two");
        sources[0].readyState = 2;
        sources[0].onerror();
        const waited = captions.waiting;
        while (sources.length < 2) await new Promise((resume) => setTimeout(resume, 10));
        sources[1].onopen();
        for (const [n, text] of ["one", "two", "three"].entries()) sources[1].tell(1000001 + n, text);
        captions.stop();
        return [waited, captions.waiting, captions.talk.lines.map(({ text }) => text)];
    }""")
    assert said == [True, False, ["one", "two", "three"]]


def test_words_that_took_long_to_be_understood_are_before_what_was_said_meanwhile(page: Page) -> None:
    said = page.evaluate("""async () => {
        const { Talk, parts } = await import("/console/phone/talk.js");
        const talk = new Talk();
        const say = (at_ms, turn, text) => ({ at_ms, kind: "say", turn, piece: turn, text, mark: String(turn) });
        for (const moment of [
            say(700, 1, "Hello."),
            say(6000, 2, "One moment."),
            { at_ms: 7000, kind: "turn", text: "I want to buy.", start_ms: 2000, end_ms: 3000 },
            { at_ms: 9000, kind: "turn", text: "A flat.", start_ms: 5500, end_ms: 8500 },
            { at_ms: 9500, kind: "keys", keys: "4" },
        ]) talk.take(moment);
        return talk.shown().map((line) => (line.pieces ? parts(line).coming : line.text || line.keys));
    }""")
    assert said == ["Hello.", "I want to buy.", "One moment.", "A flat.", "4"]
