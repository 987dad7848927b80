"""Keys: what is shown, what is kept, what fits."""

import itertools

import pytest

from agent.guard.api_keys import ApiKey, covers, fits, new_key, read_key
from agent.guard.seal import derive_key
from agent.guard.sessions import Sessions

NOW = 1_800_000_000.0


def made(scope="read", *, days=None, seed=0) -> tuple[ApiKey, str]:
    counter = itertools.count(seed)
    return new_key("crm", scope, days=days, now=NOW, random=lambda n: bytes(next(counter) % 256 for _ in range(n)))


def test_a_key_is_shown_once_and_kept_as_a_hash() -> None:
    key, shown = made()

    key_id, secret = read_key(shown) or ("", "")
    assert shown == f"ca_{key.key_id}_{secret}"
    assert (key_id, len(bytes.fromhex(secret))) == (key.key_id, 32)
    assert fits(key, secret)
    assert secret not in repr(key)


@pytest.mark.parametrize(
    "change", [str.upper, lambda s: s[:-1], lambda s: s + "0", lambda s: " " + s, lambda s: s + "\n", lambda _: "ca__"]
)
def test_what_is_not_spelt_like_a_key_is_none(change) -> None:
    assert read_key(change(made()[1])) is None


def test_the_secret_of_another_key_does_not_fit() -> None:
    other = read_key(made(seed=7)[1])

    assert other is not None
    assert not fits(made()[0], other[1])


@pytest.mark.parametrize(
    ("has", "may"),
    [("read", {"read"}), ("call", {"read", "call"}), ("admin", {"read", "call", "admin"})],
)
def test_each_scope_includes_those_before_it(has, may) -> None:
    assert {needed for needed in ("read", "call", "admin") if covers(has, needed)} == may


def test_a_key_ends_with_its_days_and_when_it_is_revoked() -> None:
    key, _ = made(days=1)

    assert [key.state(NOW + s) for s in (0, 86_399, 86_400)] == ["valid", "valid", "expired"]
    assert ApiKey("a", "n", "read", "", NOW, revoked_at=NOW + 1).state(NOW + 2) == "revoked"


def test_a_session_is_of_one_key_and_one_secret_and_ends() -> None:
    key, _ = made()
    old, new = derive_key("old", "session 1"), derive_key("new", "session 1")
    cookie = Sessions(old, ttl_s=60).begin(key, NOW)
    rotated = Sessions(new, old, ttl_s=60)

    session = rotated.read(cookie, NOW + 59)
    assert session is not None
    assert Sessions.of(session, key)
    assert not Sessions.of(session, made(seed=9)[0])
    assert rotated.read(cookie, NOW + 60) is None
    assert Sessions(new, ttl_s=60).read(cookie, NOW) is None
    assert rotated.read(cookie[:-2] + "AA", NOW) is None
    assert rotated.read("nonsense", NOW) is None


def test_a_session_is_no_longer_than_its_key() -> None:
    key, _ = made(days=1)
    sessions = Sessions(b"k", ttl_s=10 * 86_400)

    assert sessions.read(sessions.begin(key, NOW), NOW + 86_400) is None
