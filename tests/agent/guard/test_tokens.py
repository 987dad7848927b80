"""A token's life: minted for one call, taken once, by anyone who has the key."""

import itertools
import secrets

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.guard.seal import derive_key
from agent.guard.tokens import REPLAY_S, Claims, Reason, Refusal, Tokens

NOW = 1_800_000_000.0
CALL = Claims("CA" + "b" * 32, "AC" + "c" * 32, "+919876543210", "+918000000000", "inbound")


def tokens(key=b"k" * 32, ttl_s=120.0):
    counter = itertools.count()
    return Tokens(key, ttl_s=ttl_s, random=lambda size: next(counter).to_bytes(size, "big"))


def redeem(house, token, now=NOW, call=CALL):
    return house.redeem(token, call.call_sid, call.account_sid, now)


def test_a_token_gives_back_what_the_webhook_told():
    house = tokens()

    assert redeem(house, house.mint(CALL, NOW)) == CALL


def test_a_token_is_taken_once():
    house = tokens()
    token = house.mint(CALL, NOW)
    redeem(house, token)

    assert redeem(house, token, NOW + 1) == Refusal(Reason.USED)


def test_two_tokens_of_one_call_are_two_tokens():
    house = tokens()
    first, second = house.mint(CALL, NOW), house.mint(CALL, NOW)

    assert [redeem(house, first), redeem(house, second)] == [CALL, CALL]


def test_a_token_made_by_one_process_is_taken_by_another_with_the_same_key():
    assert redeem(tokens(derive_key("secret")), tokens(derive_key("secret")).mint(CALL, NOW)) == CALL


def test_a_token_made_with_another_key_is_forged():
    assert redeem(tokens(derive_key("a")), tokens(derive_key("b")).mint(CALL, NOW)) == Refusal(Reason.FORGED)


def test_a_token_expires():
    house = tokens(ttl_s=120)
    token = house.mint(CALL, NOW)

    assert redeem(house, token, NOW + 120) == Refusal(Reason.EXPIRED)
    assert redeem(house, token, NOW + 119.9) == CALL


@pytest.mark.parametrize("field", ["call_sid", "account_sid"])
def test_a_token_is_bound_to_its_call_and_account_and_survives_a_stranger(field):
    house = tokens()
    token = house.mint(CALL, NOW)
    stranger = msgspec.structs.replace(CALL, **{field: "XX" + "d" * 32})

    assert redeem(house, token, call=stranger) == Refusal(Reason.OTHER_CALL)
    assert redeem(house, token) == CALL


def test_used_tokens_are_forgotten_once_they_would_be_refused_anyway():
    house = tokens(ttl_s=10)
    for second in range(100):
        redeem(house, house.mint(CALL, NOW + second), NOW + second)

    assert house.remembered <= 40


def test_nothing_that_could_still_be_shown_is_forgotten_among_many_others():
    house = tokens(ttl_s=10)
    other = msgspec.structs.replace(CALL, call_sid="CA" + "f" * 32)
    used, never_shown = house.mint(CALL, NOW), house.mint(other, NOW)
    assert redeem(house, used) == CALL
    assert redeem(house, house.mint(other, NOW + 1), NOW + 1, call=other) == other
    for n in range(100):
        call = msgspec.structs.replace(CALL, call_sid=f"CA{n:032}")
        assert redeem(house, house.mint(call, NOW + 2), NOW + 2, call=call) == call

    assert redeem(house, used, NOW + 9.9) == Refusal(Reason.USED)
    assert redeem(house, never_shown, NOW + 9.9, call=other) == Refusal(Reason.USED)


@pytest.mark.parametrize("token", ["", ".", "a.b", "!!!.!!!", "x" * 10_000, "ключ.ключ", "\ud800.a", "AAAA."])
def test_nonsense_is_malformed_or_forged_never_an_error(token):
    answer = redeem(tokens(), token)

    assert isinstance(answer, Refusal)
    assert answer.reason in {Reason.MALFORMED, Reason.FORGED}


@given(st.data())
def test_no_changed_token_is_taken(data):
    house = tokens()
    token = house.mint(CALL, NOW)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != token[place]))

    assert isinstance(redeem(house, token[:place] + other + token[place + 1 :]), Refusal)


def test_a_token_tells_the_line_the_language_and_the_voice():
    house = tokens()
    call = msgspec.structs.replace(CALL, line="sales-hindi", language="hi-IN", voice="shimmer")

    assert redeem(house, house.mint(call, NOW)) == call


LONG = st.text(max_size=100) | st.text(alphabet="x\u0930\U0001f600", min_size=70, max_size=100)


@given(LONG, LONG, LONG)
def test_whatever_a_caller_calls_himself_a_token_fits_a_stream_parameter(caller, called, told):
    house = tokens()
    call = Claims("C" * 40, "A" * 40, caller, called, "outbound-api-and-more", told, told, told)

    token = house.mint(call, NOW)

    assert len("token" + token) < 500
    assert isinstance(redeem(house, token, call=call), Claims)


def test_a_long_number_is_cut_between_characters():
    house = tokens()
    call = msgspec.structs.replace(CALL, caller="रवि" * 30)

    answer = redeem(house, house.mint(call, NOW))

    assert isinstance(answer, Claims)
    assert call.caller.startswith(answer.caller)
    assert 53 <= len(answer.caller.encode()) <= 56


def test_a_sid_that_cannot_be_twilios_makes_no_token():
    with pytest.raises(ValueError, match="40 bytes"):
        tokens().mint(Claims("C" * 41, "AC1"), NOW)


def test_a_sealed_token_of_another_version_is_malformed():
    house = tokens()
    payload = msgspec.msgpack.encode(["something", "else"])
    token = house._seal.close(payload)

    assert redeem(house, token) == Refusal(Reason.MALFORMED)


def test_a_token_of_a_process_that_knew_no_lines_yet_is_taken():
    house = tokens()
    claims = ["CA1", "AC1", "+919876543210", "+918000000000", "inbound"]
    payload = msgspec.msgpack.encode([claims, NOW + 1, b"n"])
    token = house._seal.close(payload)

    assert house.redeem(token, "CA1", "AC1", NOW) == Claims(*claims)


def test_the_first_token_that_comes_voids_those_its_call_was_given_before():
    house = tokens()
    first, again = house.mint(CALL, NOW), house.mint(CALL, NOW + 1)
    assert isinstance(redeem(house, again, now=NOW + 2), Claims)

    assert redeem(house, first, now=NOW + 3) == Refusal(Reason.USED)
    assert isinstance(redeem(house, house.mint(CALL, NOW + 4), now=NOW + 5), Claims), "a call that is redirected later"


def test_the_longest_token_of_a_placed_call_fits_and_keeps_its_order() -> None:
    order, tokens = "OR" + "f" * 32, Tokens(b"key", ttl_s=60, random=secrets.token_bytes)
    claims = Claims("C" * 40, "A" * 40, "1" * 99, "2" * 99, "x" * 99, "l" * 99, "e" * 99, "v" * 99, order, "m" * 99)

    token = tokens.mint(claims, 1e9, "the signature of its webhook")

    assert len(token) <= 484
    taken = tokens.redeem(token, "C" * 40, "A" * 40, 1e9)
    assert isinstance(taken, Claims)
    assert (taken.order, taken.campaign, taken.caller) == (order, "m" * 40, "1" * 18)


def test_an_announcement_that_is_sent_again_announces_no_second_call():
    house, another = tokens(), tokens()
    first, again = (house.mint(CALL, NOW + later, "its signature") for later in (0, 3600))

    assert redeem(house, first) == CALL
    assert redeem(house, again, NOW + 3600) == Refusal(Reason.USED)
    assert redeem(house, house.mint(CALL, NOW + 3600, "another"), NOW + 3600) == CALL
    assert house.mark(first, NOW)[0] == another.mark(again, NOW)[0]
    assert house.mark(first, NOW)[1] == NOW + REPLAY_S


def test_a_token_that_tells_its_call_is_taken_once():
    house = tokens()
    token = house.mint(CALL, NOW)

    assert house.admit(token, NOW) == CALL
    assert house.admit(token, NOW) == Refusal(Reason.USED)
    assert house.admit(house.mint(CALL, NOW), NOW + 120) == Refusal(Reason.EXPIRED)
    assert house.admit("nonsense", NOW) == Refusal(Reason.MALFORMED)


def test_while_the_secret_is_changed_both_are_taken():
    old, new = tokens(b"o" * 32), Tokens(b"n" * 32, b"o" * 32, ttl_s=120, random=lambda n: b"r" * n)

    assert redeem(new, old.mint(CALL, NOW)) == CALL
    assert redeem(old, new.mint(CALL, NOW)) == Refusal(Reason.FORGED)
