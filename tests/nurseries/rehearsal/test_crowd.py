"""Several callers at once over real loopback sockets: their number is kept up, all say words of their own."""

from __future__ import annotations

import base64
import json
import random

import numpy as np
import trio

from agent.rehearsal import codewords
from agent.rehearsal.log import CALLER_HUNG_UP
from agent.rehearsal.plan import CallPlan
from agent.rehearsal.sound import encode, is_audible
from nurseries.rehearsal.crowd import Crowd
from nurseries.rehearsal.webhooks import Target
from tests.nurseries.rehearsal.small_server import PUBLIC, TOKEN, Server, Talk


async def test_a_crowd_talks_until_it_is_enough(nursery: trio.Nursery) -> None:
    heard: dict[str, list[int]] = {}

    async def listening(talk: Talk) -> None:
        await talk.say(100)
        sound, quiet = bytearray(), 0
        while talk.got[-1]["event"] != "stop":
            talk.got.append(json.loads(await talk.socket.get_message()))
            if talk.got[-1]["event"] != "media":
                continue
            piece = base64.b64decode(talk.got.pop()["media"]["payload"])
            sound += piece
            quiet = 0 if is_audible(piece) else quiet + 1
            if quiet == 10 and codewords.numbers(bytes(sound)):
                heard.setdefault(talk.got[1]["start"]["callSid"], []).extend(codewords.numbers(bytes(sound)))
                sound.clear()
                await talk.say(100)

    server = Server(behave=listening)
    await nursery.start(server.serve)
    crowd = Crowd(
        target=Target(url=f"http://127.0.0.1:{server.port}", public_url=PUBLIC, auth_token=TOKEN),
        calls=3,
        account_sid="AC" + "1" * 32,
        plan=CallPlan(patience_ms=5000),
        lines=(1, 2),
        words=(2, 2),
        quiet_ms=(200, 300),
        ramp_s=0.1,
        speech=encode(0.3 * np.sin(np.arange(8000) * 0.3)),
        dice=random.Random(3),
    )

    async def enough() -> None:
        await crowd.talking()
        while len(crowd.logs) < 2:  # noqa: ASYNC110
            await trio.sleep(0.01)
        crowd.enough.set()

    with trio.fail_after(40):
        nursery.start_soon(enough)
        logs = await crowd.run()

    assert len(logs) == crowd.placed >= 5
    assert crowd.up == crowd.exchange.calls == {}
    assert [log.failures + log.violations for log in logs if log.failures or log.violations] == []
    assert {log.ended for log in logs} == {CALLER_HUNG_UP}
    assert len({log.call_sid for log in logs}) == len(logs)
    for log in logs:
        said = " ".join(spoken.line.text for spoken in log.spoken)
        assert said == " ".join(map(codewords.word, heard.get(log.call_sid, [])))
    assert len({spoken.line.text for log in logs for spoken in log.spoken}) > len(logs) / 2
    nursery.cancel_scope.cancel()
