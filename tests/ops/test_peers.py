"""What other stacks are given in the benchmark is equal to what ours is given, and their codec to ours."""

from __future__ import annotations

import numpy as np
import pytest

from agent.providers import scripted
from agent.providers.scripted import Script
from agent.wire import mulaw as ours
from ops.bench.peers import mulaw, script
from ops.bench.suite import peers
from ops.bench.suite.workloads import ALL


def test_their_providers_take_as_long_and_say_as_much_as_ours() -> None:
    usual = Script()
    assert (usual.hear_s, usual.first_token_s, usual.token_gap_s) == (
        script.HEAR_S,
        script.FIRST_TOKEN_S,
        script.TOKEN_GAP_S,
    )
    assert (usual.first_chunk_s, usual.realtime_factor) == (script.FIRST_CHUNK_S, script.REALTIME_FACTOR)
    assert scripted.CHUNK_MS == script.CHUNK_S * 1000
    for text in (script.GREETING, script.REPLY):
        spoken_s = sum(len(pcm) for pcm, _ in script.chunks(text)) / 2 / 8000
        assert spoken_s == pytest.approx(scripted.samples(text) / scripted.RATE, abs=script.CHUNK_S)


def test_their_mu_law_is_ours() -> None:
    every = bytes(range(256))
    assert mulaw.decoded(every).tobytes() == np.asarray(ours.decode(every), np.int16).tobytes()
    heard = np.frombuffer(ours.encode(mulaw.decoded(mulaw.encoded(np.arange(-32768, 32768, 7, np.int16)))), np.uint8)
    assert np.array_equal(
        mulaw.decoded(heard.tobytes()), mulaw.decoded(mulaw.encoded(np.arange(-32768, 32768, 7, np.int16)))
    )


def test_each_peer_is_a_workload() -> None:
    assert peers.NAMES.keys() <= ALL.keys()
