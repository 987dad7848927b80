"""A call's sound over HTTP, as players ask for it."""

import io
import wave

import pytest

from agent.keep import wav
from agent.keep.piece import Piece
from agent.keep.thread import Leg
from tests.agent.web.test_calls_face import record

SOUND = bytes(range(256)) * 10
PATH = f"/api/calls/{record().call_sid}/recording"


@pytest.fixture
def player(house):
    built, archive = house()
    archive.store.save(record(recording="2026/CA1.wav"), record(2))
    archive.objects.sounds["2026/CA1.wav"] = SOUND
    return built.client, archive


async def test_the_whole_of_it(player):
    response = await player[0].get(PATH)

    assert response.status_code == 200
    assert await response.get_data() == SOUND
    assert response.headers["Content-Length"] == "2560"
    assert response.headers["Content-Type"] == "audio/wav"
    assert response.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-2099", 1000, 2100),
        ("bytes=2500-", 2500, 2560),
        ("bytes=2500-99999", 2500, 2560),
        ("bytes=-60", 2500, 2560),
        ("bytes=-99999", 0, 2560),
    ],
)
async def test_a_part_of_it(player, asked, start, end):
    response = await player[0].get(PATH, headers={"Range": asked})

    assert response.status_code == 206
    assert await response.get_data() == SOUND[start:end]
    assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/2560"
    assert response.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=2560-", "bytes=9999-10000", "bytes=-0"])
async def test_a_part_that_there_is_not(player, asked):
    response = await player[0].get(PATH, headers={"Range": asked})

    assert response.status_code == 416
    assert response.headers["Content-Range"] == "bytes */2560"
    assert (await response.get_json(force=True))["status"] == 416


@pytest.mark.parametrize("asked", ["bytes=5-1", "bytes=-", "bytes=a-b", "pages=1-2", "bytes=0-1,5-6"])
async def test_a_range_that_is_none_or_several_gets_all(player, asked):
    response = await player[0].get(PATH, headers={"Range": asked})

    assert response.status_code == 200
    assert await response.get_data() == SOUND


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=0-5", "bytes=-5"])
async def test_of_a_sound_of_nothing_there_is_no_part(player, asked):
    player[1].objects.sounds = dict.fromkeys(player[1].objects.sounds, b"")
    response = await player[0].get(PATH, headers={"Range": asked})

    assert (response.status_code, await response.get_data()) == (200, b"")
    assert "Content-Range" not in response.headers


async def test_a_sound_that_is_public_is_to_be_fetched_there(player):
    player[1].objects.public = "https://sounds.example.in"
    response = await player[0].get(PATH)

    assert response.status_code == 302
    assert response.headers["Location"] == "https://sounds.example.in/2026/CA1.wav"


async def test_a_call_that_was_not_recorded_and_a_sound_that_is_gone_are_404s(player):
    client, archive = player
    archive.objects.sounds.clear()

    assert (await client.get(PATH)).status_code == 404
    answer = await client.get(f"/api/calls/{record(2).call_sid}/recording")
    assert answer.status_code == 404
    assert "or is not stored yet" in (await answer.get_json(force=True))["detail"]


async def test_a_sound_that_ends_too_early_is_no_whole_one(player):
    client, archive = player
    archive.objects.size = lambda _: 3000

    with pytest.RaisesGroup(
        pytest.RaisesExc(ConnectionAbortedError, match="440 bytes too early"), flatten_subgroups=True
    ):
        await (await client.get(PATH)).get_data()


def leg(n: int, samples: int) -> tuple[Piece, bytes]:
    began_ms = 100 * (n - 1)
    head = wav.header(wav.Label(record().call_sid, record().started_at, n, began_ms))
    return Piece(n, f"2026/CA1+{n}.wav", began_ms, samples), head + bytes([n]) * (4 * samples)


async def test_a_call_of_several_legs_is_one_sound(player):
    client, archive = player
    legs = tuple(Leg(f"p{n}", 100 * (n - 1)) for n in (1, 2, 3))
    archive.store.save(record(legs=legs, duration_ms=250))
    archive.objects.public = "https://sounds.example.in"
    for piece, data in (leg(3, 400), leg(1, 700)):
        archive.objects.sounds[piece.key] = data
        archive.store.add_piece(record().call_sid, piece)
    whole = await client.get(PATH)
    body = await whole.get_data()
    part = await client.get(PATH, headers={"Range": f"bytes=2700-{len(body) - 1590}"})

    assert (whole.status_code, whole.headers["Recording-Missing"]) == (200, "2")
    assert whole.headers["Content-Length"] == str(len(body))
    with wave.open(io.BytesIO(body)) as file:
        frames = file.readframes(file.getnframes())
    assert frames == b"\1" * 2800 + bytes(3600) + b"\3" * 1600
    assert (part.status_code, await part.get_data()) == (206, body[2700:-1589])


async def test_of_several_legs_all_can_be_gone(player):
    client, archive = player
    archive.store.save(record(legs=(Leg("p1"), Leg("p2", 1000))))
    archive.store.add_piece(record().call_sid, leg(1, 10)[0])

    assert (await client.get(PATH)).status_code == 404


async def test_a_page_gets_a_public_sound_from_this_server(player):
    client, archive = player
    archive.objects.public = "https://sound.example.in"
    there = await client.get(PATH)
    here = await client.get(f"{PATH}?redirect=no")
    wrong = await client.get(f"{PATH}?redirect=yes")

    assert (there.status_code, there.headers["Location"]) == (302, "https://sound.example.in/2026/CA1.wav")
    assert (here.status_code, await here.get_data()) == (200, SOUND)
    assert (wrong.status_code, (await wrong.get_json(force=True))["errors"][0]["parameter"]) == (400, "redirect")
