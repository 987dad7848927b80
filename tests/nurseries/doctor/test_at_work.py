"""What the doctor sees beside calls."""

from __future__ import annotations

import threading

import trio

from agent.config import Settings
from agent.doctor.check import Check
from nurseries.doctor import at_work
from nurseries.doctor.at_work import AtWork


async def test_the_disk_is_looked_at_once_for_all_who_ask(monkeypatch, tmp_path) -> None:
    looks = []

    def disk(settings: Settings) -> Check:
        looks.append(settings)
        return Check("disk", "fine", "much room")

    monkeypatch.setattr(at_work.machine, "disk", disk)
    doctor = AtWork(Settings(_env_file=None, DATA_DIR=tmp_path))
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(doctor.checks)
    assert len(looks) == 1
    monkeypatch.setattr(at_work, "AGAIN_S", 0)
    assert await doctor.checks() == (Check("disk", "fine", "much room"),)
    assert len(looks) == 2


async def test_a_disk_that_hangs_is_told_and_waited_for_no_longer(monkeypatch, tmp_path) -> None:
    free, looks = threading.Event(), []

    def disk(settings: Settings) -> Check:
        looks.append(settings)
        free.wait()
        return Check("disk", "fine", "much room")

    monkeypatch.setattr(at_work.machine, "disk", disk)
    monkeypatch.setattr(at_work, "LOOK_S", 0.05)
    monkeypatch.setattr(at_work, "AGAIN_S", 0)
    doctor = AtWork(Settings(_env_file=None, DATA_DIR=tmp_path))
    try:
        for _ in range(2):
            (found,) = await doctor.checks()
            assert (found.name, found.state) == ("disk", "failure")
        assert len(looks) == 1, "each look takes a thread for good"
    finally:
        free.set()


async def test_the_worst_is_told_first(tmp_path) -> None:
    settings = Settings(
        _env_file=None,
        DATA_DIR=tmp_path,
        RECORD_CALLS=True,
        MONGODB_URI="mongodb://db",
        OPENAI_API_KEY="a-key",
        OPENAI_LLM_MODEL="gpt-5-mini",
    )
    found = await AtWork(settings, ["the line hindi has no greeting"]).checks()
    assert {each.name for each in found} >= {"disk", "model", "line", "recordings"}
    order = [("failure", "warning", "unknown", "fine").index(each.state) for each in found]
    assert order == sorted(order)
    assert any("gpt-5-mini" in each.says and "OPENAI_LLM_MODEL" in each.do for each in found)
