"""Sentences already spoken are kept, the least recently used making room, and never taken for one another."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from agent.speak.cache import ENTRY_BYTES, AudioCache, Key, fnv1a

VOICE, FORMAT = "hibari heart", "mulaw-8000/24000"


def key(text: str, voice: str = VOICE, audio_format: str = FORMAT) -> Key:
    return AudioCache.key(text, voice, audio_format)


def cost(text: str, audio: bytes) -> int:
    return sys.getsizeof(audio) + sys.getsizeof(text) + ENTRY_BYTES


def test_fnv1a_gives_the_published_values():
    published = {
        b"": 0xCBF29CE484222325,
        b"a": 0xAF63DC4C8601EC8C,
        b"b": 0xAF63DF4C8601F1A5,
        b"fo": 0x08985907B541D342,
        b"foo": 0xDCB27518FED9D577,
        b"foob": 0xDD120E790C2512AF,
        b"fooba": 0xCAC165AFA2FEF40A,
        b"foobar": 0x85944171F73967E8,
    }
    assert {data: fnv1a(data) for data in published} == published


def test_what_was_put_comes_back():
    cache = AudioCache(10_000)
    cache.put(key("Hello."), b"hello")
    assert cache.get(key("Hello.")) == b"hello"
    assert cache.get(key("Hello!")) is None
    assert (cache.statistics().hits, cache.statistics().misses) == (1, 1)


def test_another_voice_or_format_is_another_sound():
    cache = AudioCache(10_000)
    cache.put(key("Hello."), b"hello")
    assert cache.get(key("Hello.", voice="hibari other")) is None
    assert cache.get(key("Hello.", audio_format="pcm-8000")) is None


def test_equal_hashes_do_not_make_equal_sentences():
    cache = AudioCache(10_000)
    yes = Key(1, 4, VOICE, FORMAT, "Yes.")
    no = Key(1, 4, VOICE, FORMAT, "Nope")
    cache.put(yes, b"yes")
    assert cache.get(no) is None
    cache.put(no, b"no")
    assert (cache.get(yes), cache.get(no)) == (b"yes", b"no")


def test_the_least_recently_used_makes_room():
    audio = bytes(1000)
    cache = AudioCache(2 * cost("a", audio))
    cache.put(key("a"), audio)
    cache.put(key("b"), audio)
    assert cache.get(key("a")) == audio
    cache.put(key("c"), audio)
    assert cache.get(key("b")) is None
    assert cache.get(key("a")) == cache.get(key("c")) == audio
    assert cache.statistics().evictions == 1


def test_putting_again_replaces_and_refreshes():
    audio = bytes(100)
    cache = AudioCache(2 * cost("a", audio))
    cache.put(key("a"), audio)
    cache.put(key("b"), audio)
    cache.put(key("a"), audio[:50])
    cache.put(key("c"), audio)
    assert cache.get(key("a")) == audio[:50]
    assert cache.get(key("b")) is None
    assert cache.statistics().entries == 2


def test_more_than_the_bound_is_not_kept_and_drives_nothing_out():
    cache = AudioCache(cost("a", bytes(100)))
    cache.put(key("a"), bytes(100))
    cache.put(key("b"), bytes(101))
    assert cache.get(key("b")) is None
    assert cache.get(key("a")) == bytes(100)
    assert cache.statistics().refused == 1


def test_an_entry_that_outgrew_the_bound_is_gone():
    cache = AudioCache(cost("a", bytes(100)))
    cache.put(key("a"), bytes(100))
    cache.put(key("a"), bytes(101))
    assert cache.get(key("a")) is None
    assert cache.statistics().bytes == 0


def test_a_bound_of_nothing_switches_it_off():
    cache = AudioCache(0)
    cache.put(key("a"), b"")
    assert cache.get(key("a")) is None
    assert cache.statistics().entries == 0


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 900)), max_size=60), st.integers(0, 4000))
def test_the_bound_holds_and_the_account_is_right_whatever_is_put(puts: list[tuple[str, int]], bound: int):
    cache = AudioCache(bound)
    last: dict[str, bytes] = {}
    for text, size in puts:
        last[text] = bytes(size)
        cache.put(key(text), last[text])
        assert cache.statistics().bytes <= bound
    kept = {text: audio for text in last if (audio := cache.get(key(text))) is not None}
    assert all(last[text] == audio for text, audio in kept.items())
    assert cache.statistics().bytes == sum(cost(text, audio) for text, audio in kept.items())


def test_keys_share_what_they_name_in_common():
    first, second = (key(text, f"openai tts/{'nova'}/hi-IN") for text in ("Hello.", "Bye."))
    assert first.voice is second.voice
    assert first != key("Hello.", "openai tts/nova/en-IN")
