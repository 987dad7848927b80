"""The messages on the media socket look like Twilio's."""

from __future__ import annotations

import base64
import json
import random
from itertools import pairwise
from typing import Any

from agent.rehearsal.carrier import Identity
from agent.rehearsal.sound import tone
from agent.rehearsal.stream import Hold, Rudeness, Stream

IDENTITY = Identity("AC" + "c" * 32, "CA" + "b" * 32, "MZ" + "a" * 32)


def stream(rudeness: Rudeness | None = None, seed: int = 1) -> Stream:
    return Stream(IDENTITY, {"token": "t"}, random.Random(seed), rudeness or Rudeness())


def sent(*texts: str) -> list[Any]:
    return [json.loads(text) for text in texts]


def test_the_beginning_of_a_stream() -> None:
    made = stream()

    assert sent(made.connected(), made.start()) == [
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        {
            "event": "start",
            "sequenceNumber": "1",
            "start": {
                "accountSid": IDENTITY.account_sid,
                "streamSid": IDENTITY.stream_sid,
                "callSid": IDENTITY.call_sid,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"token": "t"},
            },
            "streamSid": IDENTITY.stream_sid,
        },
    ]


def test_one_counter_for_all_messages_and_one_for_the_media() -> None:
    made = stream()
    made.start()
    texts = [*made.media(tone(20)), made.dtmf("5"), made.mark("m"), *made.media(tone(20)), made.stop()]
    media, dtmf, mark, again, stop = sent(*texts)

    assert [message["sequenceNumber"] for message in (media, dtmf, mark, again, stop)] == ["2", "3", "4", "5", "6"]
    assert (media["media"]["chunk"], again["media"]["chunk"]) == ("1", "2")
    assert media["media"]["track"] == "inbound"
    assert base64.b64decode(media["media"]["payload"]) == tone(20)
    assert dtmf["dtmf"] == {"track": "inbound_track", "digit": "5"}
    assert mark["mark"] == {"name": "m"}
    assert stop["stop"] == {"accountSid": IDENTITY.account_sid, "callSid": IDENTITY.call_sid}


def test_timestamps_begin_late_and_grow_by_about_twenty() -> None:
    for seed in range(20):
        made = stream(seed=seed)
        stamps = [int(sent(*made.media(bytes(160)))[0]["media"]["timestamp"]) for _ in range(200)]

        assert 100 <= stamps[0] <= 170
        steps = [after - before for before, after in pairwise(stamps)]
        assert set(steps) <= {18, 19, 20, 21, 22}
        assert len(set(steps)) > 1
        assert abs(stamps[-1] - stamps[0] - 199 * 20) <= 2


def test_silence_is_a_mix_of_both_zeros() -> None:
    hush = stream().silence(8000)

    assert len(hush) == 8000
    assert set(hush) == {0x7F, 0xFF}
    assert 3500 < hush.count(0x7F) < 4500


def test_rude_streams_carry_more_than_documented() -> None:
    made = stream(Rudeness(unknown_fields=True, unknown_event_every=2, jump_at_ms=150, jump_by_ms=5000))
    assert "shade" in sent(made.connected())[0]
    messages = sent(*[text for _ in range(20) for text in made.media(bytes(160))])

    assert [message["event"] for message in messages[:3]] == ["media", "weather", "media"]
    assert [message["sequenceNumber"] for message in messages] == [str(n + 1) for n in range(30)]
    media = [message["media"] for message in messages if message["event"] == "media"]
    assert "tint" in media[0]
    assert int(media[-1]["timestamp"]) - int(media[0]["timestamp"]) > 5000


def test_a_hold_delays_what_falls_into_it() -> None:
    rudeness = Rudeness(holds=(Hold(1000, 300),))

    assert [rudeness.held_until(at) for at in (999, 1000, 1299, 1300)] == [999, 1300, 1300, 1300]
