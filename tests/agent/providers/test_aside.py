import os

import pytest

from agent.errors import StoreError
from agent.keep.derive import derived
from agent.keep.record import CallRecord
from agent.providers.aside import put_aside, take_back
from agent.providers.sqlite import SqliteStore


def record(call_sid: str) -> CallRecord:
    return CallRecord(call_sid, "AC", "", "", "inbound", "2026-11-22T10:00:00.000+00:00", 1, "failed", ())


def test_what_was_put_aside_is_saved_once(tmp_path) -> None:
    store = SqliteStore(tmp_path / "calls.db")
    for sid in ("CA1", "../../etc/CA2"):
        assert put_aside(tmp_path / "unsaved", record(sid)).parent == tmp_path / "unsaved"

    assert take_back(tmp_path / "unsaved", store, None, set()) == 2
    assert take_back(tmp_path / "unsaved", store, None, set()) == 0
    assert store.get("../../etc/CA2") == derived(record("../../etc/CA2"))
    store.close()


def test_a_store_that_is_still_away_leaves_the_records_where_they_are(tmp_path) -> None:
    store = SqliteStore(tmp_path / "calls.db")
    store.close()
    path = put_aside(tmp_path / "unsaved", record("CA1"))

    with pytest.raises(StoreError):
        take_back(tmp_path / "unsaved", store, None, set())
    assert path.exists()


def test_no_room_to_put_anything_is_an_error_in_words(tmp_path) -> None:
    (tmp_path / "unsaved").write_text("in the way")

    with pytest.raises(StoreError, match=os.strerror(17)):
        put_aside(tmp_path / "unsaved", record("CA1"))


def test_it_is_on_the_disk_before_it_is_one_and_half_of_it_is_none(tmp_path, monkeypatch) -> None:
    flushed: list[int] = []
    fsync = os.fsync

    def watched(file: int) -> None:
        assert list((tmp_path / "unsaved").glob("*.json")) == []
        flushed.append(os.fstat(file).st_size)
        if len(flushed) > 1:
            raise OSError(28, os.strerror(28))
        fsync(file)

    monkeypatch.setattr(os, "fsync", watched)
    path = put_aside(tmp_path / "unsaved", record("CA1"))
    assert flushed == [path.stat().st_size]
    path.unlink()
    with pytest.raises(StoreError, match=os.strerror(28)):
        put_aside(tmp_path / "unsaved", record("CA1"))
    assert list((tmp_path / "unsaved").glob("*.json")) == []


def test_one_that_cannot_be_read_holds_up_no_other(tmp_path) -> None:
    store = SqliteStore(tmp_path / "calls.db")
    put_aside(tmp_path / "unsaved", record("CA1"))
    (tmp_path / "unsaved" / "CA0.json").write_bytes(b"")
    (tmp_path / "unsaved" / "CA00.json").mkdir()
    faults: set[str] = set()

    assert take_back(tmp_path / "unsaved", store, None, faults) == 1
    assert store.get("CA1") is not None
    assert sorted(fault.split("/")[-1][:9] for fault in faults) == ["CA0.json ", "CA00.json"]
    assert {path.name for path in (tmp_path / "unsaved").iterdir()} == {"CA0.json", "CA00.json"}
    store.close()
