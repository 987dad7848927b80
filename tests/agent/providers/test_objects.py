"""One contract, two object stores: a folder, and a bucket at a server that checks signatures."""

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Settings
from agent.errors import NotKept, StoreError
from agent.keep.keys import is_recording, parts, public_url, recording_key
from agent.keep.ports import ObjectStore
from agent.providers import spool
from agent.providers.local_objects import LocalObjects
from agent.providers.s3_objects import S3Objects
from tests.fakes.s3 import S3Server

KEY = "2026/11/27/CA1.wav"
ONCE = {"max_retries": 0, "retry_timeout": timedelta(seconds=1)}


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "folder":
        made: ObjectStore = LocalObjects(tmp_path / "new" / "recordings")
    else:
        server = request.getfixturevalue("s3_server")
        server.empty()
        made = S3Objects(server.settings())
    yield made
    made.close()


@pytest.fixture
def file(tmp_path: Path):
    def write(data: bytes) -> Path:
        path = tmp_path / f"sound{len(list(tmp_path.iterdir()))}"
        path.write_bytes(data)
        return path

    return write


def whole(store: ObjectStore, key: str, *bounds: int | None) -> bytes:
    return b"".join(store.read(key, *bounds))


def test_what_is_put_is_there(store: ObjectStore, file) -> None:
    data = os.urandom(700_000)
    store.put(KEY, file(data), "audio/wav")

    pieces = list(store.read(KEY))
    assert b"".join(pieces) == data
    assert len(pieces) > 1
    assert store.size(KEY) == len(data)


def test_an_object_is_replaced_whole(store: ObjectStore, file) -> None:
    store.put(KEY, file(b"longer than the next"), "audio/wav")
    store.put(KEY, file(b"short"), "audio/wav")

    assert whole(store, KEY) == b"short"


def test_an_empty_one_is_one(store: ObjectStore, file) -> None:
    store.put(KEY, file(b""), "audio/wav")

    assert store.size(KEY) == 0
    assert whole(store, KEY) == b""


def test_a_part_can_be_read(store: ObjectStore, file) -> None:
    store.put(KEY, file(b"0123456789"), "audio/wav")

    assert whole(store, KEY, 3) == b"3456789"
    assert whole(store, KEY, 3, 5) == b"34"
    assert whole(store, KEY, 0, 4) == b"0123"
    assert whole(store, KEY, 8, 100) == b"89"
    assert whole(store, KEY, 10) == b""
    assert whole(store, KEY, 4, 4) == b""
    assert whole(store, KEY, 0, 0) == b""


def test_what_is_not_there_is_not_kept(store: ObjectStore, file) -> None:
    store.put(KEY, file(b"x"), "audio/wav")

    for key in ("2026/11/27/CA2.wav", "2026", "2026/11", f"{KEY}/more"):
        with pytest.raises(NotKept):
            store.size(key)
        with pytest.raises(NotKept):
            next(store.read(key))
        with pytest.raises(NotKept):
            next(store.read(key, 5, 9))


def test_a_deleted_one_is_gone_and_may_be_deleted_again(store: ObjectStore, file) -> None:
    store.put(KEY, file(b"x"), "audio/wav")
    store.delete(KEY)
    store.delete(KEY)
    store.delete("never/was")

    with pytest.raises(NotKept):
        store.size(KEY)


def test_old_ones_are_listed(store: ObjectStore, file) -> None:
    assert list(store.older(0)) == []
    keys = [f"2026/11/{day}/CA {day}+ü.wav" for day in range(10, 15)]
    for key in keys:
        store.put(key, file(b"x"), "audio/wav")

    assert sorted(store.older(-5)) == keys  # whatever the server's clock says
    assert list(store.older(3600)) == []


@pytest.mark.parametrize(
    "key", ["", "/", "/etc/passwd", "a//b", "a/", "../x", "a/../b", "a/./b", "a\\b", "a\0b", "\ud800"]
)
def test_no_key_leads_out(store: ObjectStore, file, key: str) -> None:
    path = file(b"x")
    for use in (
        lambda: store.put(key, path, "audio/wav"),
        lambda: next(store.read(key)),
        lambda: store.size(key),
        lambda: store.delete(key),
    ):
        with pytest.raises(StoreError, match="not a key"):
            use()


def test_odd_keys_are_kept_apart(store: ObjectStore, file) -> None:
    keys = ["a b", "a+b", "a%20b", "a?b", "a#b", "a&b=c", "नमस्ते", "a:b", "~x", "a*b", "A B", '"q"']
    for key in keys:
        store.put(f"d/{key}", file(key.encode()), "audio/wav")

    assert [whole(store, f"d/{key}").decode() for key in keys] == keys
    assert sorted(store.older(-5)) == sorted(f"d/{key}" for key in keys)


def test_many_threads_put_one_key(store: ObjectStore, file) -> None:
    files = [file(bytes([n]) * 50_000) for n in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda path: store.put(KEY, path, "audio/wav"), files))

    assert whole(store, KEY) in {path.read_bytes() for path in files}
    assert list(store.older(-5)) == [KEY]


def test_a_file_that_is_gone_is_told(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        store.put(KEY, tmp_path / "no such file", "audio/wav")
    assert not isinstance(caught.value, NotKept)  # which would be an answer about the object
    with pytest.raises(NotKept):
        store.size(KEY)


@given(st.text(), st.dates(), st.integers(1, 999))
def test_recordings_are_known_by_their_keys(call_sid: str, day: date, leg: int) -> None:
    assert is_recording(recording_key(call_sid, f"{day.isoformat()}T10:00:00.000+00:00", leg))


@given(
    st.tuples(st.text("a+.2 ", max_size=6), st.integers(1, 30)),
    st.tuples(st.text("a+.2 ", max_size=6), st.integers(1, 30)),
)
def test_no_two_legs_have_one_key(one: tuple[str, int], other: tuple[str, int]) -> None:
    keys = {recording_key(call_sid, "2026-11-27T10:00:00.000+00:00", leg) for call_sid, leg in (one, other)}
    assert len(keys) == len({one, other})


@pytest.mark.parametrize(
    "key",
    ["CA1.wav", "backups/2026/11/27/CA1.wav", "2026/13/27/CA1.wav", "2026/11/27/CA1.wav.bak", "2026/11/27/a/b.wav", ""],
)
def test_other_keys_are_no_recordings(key: str) -> None:
    assert not is_recording(key)


# The folder.


def test_no_link_leads_out(tmp_path: Path, file) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / "way").symlink_to(outside)
    (folder / "file").symlink_to(outside / "secret")
    store = LocalObjects(folder)

    for key in ("way/secret", "file"):
        with pytest.raises(StoreError):
            next(store.read(key))
        with pytest.raises(StoreError):
            store.size(key)
    with pytest.raises(StoreError):
        store.put("way/new", file(b"x"), "audio/wav")
    store.put("file", file(b"ours"), "audio/wav")  # replaces the link, not what it led to
    assert (outside / "secret").read_bytes() == b"secret"
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert list(store.older(-5)) == ["file"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, file) -> None:
    (tmp_path / "recordings").write_bytes(b"in the way")
    with pytest.raises(StoreError, match="recordings"):
        LocalObjects(tmp_path / "recordings").put(KEY, file(b"x"), "audio/wav")


def test_nobody_else_may_look(tmp_path: Path, file) -> None:
    LocalObjects(tmp_path / "recordings").put(KEY, file(b"x"), "audio/wav")
    assert (tmp_path / "recordings" / KEY).stat().st_mode & 0o077 == 0


def test_it_takes_no_room_on_the_same_disk(tmp_path: Path, file, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SPARE_BYTES", 1 << 60)  # the disk is as good as full
    store, sound = LocalObjects(tmp_path / "recordings"), file(b"sound")
    for _ in range(2):  # a crash may have come between storing and removing
        store.put(KEY, sound, "audio/wav")
        assert sound.samefile(tmp_path / "recordings" / KEY)
        assert list(store.older(-5)) == [KEY]
    sound.unlink()
    assert whole(store, KEY) == b"sound"


@pytest.mark.parametrize("room", [True, False])
def test_from_another_disk_it_is_copied_while_there_is_room(
    tmp_path: Path, file, monkeypatch: pytest.MonkeyPatch, *, room: bool
) -> None:
    def other_disk(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", other_disk)
    store, sound = LocalObjects(tmp_path / "recordings"), file(b"sound")
    if room:
        store.put(KEY, sound, "audio/wav")
        assert not sound.samefile(tmp_path / "recordings" / KEY)
        assert whole(store, KEY) == b"sound"
        return
    monkeypatch.setattr(spool, "SPARE_BYTES", 1 << 60)
    with pytest.raises(StoreError, match="would be left on the disk"):
        store.put(KEY, sound, "audio/wav")
    assert list(store.older(-5)) == []


@pytest.mark.parametrize("disk", ["the same", "another"])
def test_a_sound_is_on_the_disk_before_it_has_its_name_and_the_name_then(
    tmp_path: Path, file, monkeypatch: pytest.MonkeyPatch, disk: str
) -> None:
    def other_disk(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    store, at = LocalObjects(tmp_path / "recordings"), tmp_path / "recordings" / KEY
    at.parent.mkdir(parents=True)
    flushed: list[tuple[object, bool]] = []
    fsync = os.fsync

    def watched(opened: int) -> None:
        status = os.fstat(opened)
        flushed.append(("the name" if stat.S_ISDIR(status.st_mode) else status.st_size, at.exists()))
        fsync(opened)

    monkeypatch.setattr(os, "fsync", watched)
    if disk == "another":
        monkeypatch.setattr(os, "link", other_disk)
    store.put(KEY, file(b"sound"), "audio/wav")
    assert flushed == [(len(b"sound"), False), ("the name", True)]


# The bucket.


def test_a_wrong_secret_is_refused(s3_server: S3Server, file) -> None:
    s3_server.empty()
    store = S3Objects(s3_server.settings(S3_SECRET_KEY="wrong"))
    with pytest.raises(StoreError, match=r"403|SignatureDoesNotMatch"):
        store.put(KEY, file(b"x"), "audio/wav")
    with pytest.raises(StoreError):
        store.size(KEY)
    with pytest.raises(NotKept):
        S3Objects(s3_server.settings()).size(KEY)


def test_no_secret_is_told(s3_server: S3Server, file) -> None:
    with pytest.raises(StoreError) as caught:
        S3Objects(s3_server.settings(S3_SECRET_KEY="wrong-secret-of-ours")).put(KEY, file(b"x"), "audio/wav")
    assert "wrong-secret-of-ours" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_an_error_and_not_an_absence(s3_server: S3Server, file) -> None:
    store = S3Objects(s3_server.settings(S3_BUCKET="elsewhere"), retries=ONCE)
    for ask in (
        lambda: store.put(KEY, file(b"a word"), "audio/wav"),
        lambda: list(store.read(KEY)),
        lambda: store.delete(KEY),
        lambda: list(store.older(0)),
    ):
        with pytest.raises(StoreError, match="elsewhere") as caught:
            ask()
        assert not isinstance(caught.value, NotKept)


def test_a_server_that_is_away_is_told_in_time(file) -> None:
    settings = Settings(
        _env_file=None, S3_BUCKET="b", S3_ENDPOINT="http://127.0.0.1:9", S3_ACCESS_KEY="k", S3_SECRET_KEY="s"
    )
    with pytest.raises(StoreError, match=r"s3://b: 2026/11/27/CA1\.wav"):
        S3Objects(settings, retries=ONCE).put(KEY, file(b"x"), "audio/wav")


def test_the_type_is_kept(s3_server: S3Server, file) -> None:
    S3Objects(s3_server.settings()).put(KEY, file(b"x"), "audio/wav")
    client = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint,
        aws_access_key_id=s3_server.key,
        aws_secret_access_key=s3_server.secret,
        region_name="us-east-1",
    )
    assert client.head_object(Bucket="recordings", Key=KEY)["ContentType"] == "audio/wav"


# Keys and addresses.


def test_an_address_has_the_slashes_and_quotes_the_rest() -> None:
    base = "https://sound.example.in/calls/"
    assert public_url(base, "2026/11/27/CA 1+ü.wav") == "https://sound.example.in/calls/2026/11/27/CA%201%2B%C3%BC.wav"
    settings = Settings(_env_file=None, S3_BUCKET="b", S3_PUBLIC_URL=base, S3_ACCESS_KEY="k", S3_SECRET_KEY="s")
    assert S3Objects(settings).url("a/b?c") == "https://sound.example.in/calls/a/b%3Fc"
    assert S3Objects(Settings(_env_file=None, S3_BUCKET="b")).url("a") == ""


@given(st.text())
def test_every_call_has_a_key(call_sid: str) -> None:
    key = recording_key(call_sid.encode("utf-8", "replace").decode(), "2026-11-27T09:45:12.123+00:00")
    assert parts(key)[:3] == ["2026", "11", "27"]
    assert len(parts(key)) == 4
