"""Card-like numbers are found however they are written, spoken or spread; other numbers are left alone."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.keep import redact
from agent.keep.record import CallRecord, Entry, Evidence, Lead, Points
from agent.keep.thread import Thread, Told

CALL = CallRecord("CA1", "AC", "+919876543210", "+918012345678", "inbound", "2026-11-22T10:00:00+00:00", 1, "", ())
CARD = "4111111111111111"
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
HINDI = ["शून्य", "एक", "दो", "तीन", "चार", "पांच", "छह", "सात", "आठ", "नौ"]
KEEPS = re.compile(r"\[card(?: ending (\d{4}))?\]")


def luhn(digits: str) -> str:
    """With the digit that makes it valid."""
    total = sum(sum(divmod(int(d) * (2 - n % 2), 10)) for n, d in enumerate(reversed(digits)))
    return digits + str(-total % 10)


cards = st.integers(12, 18).flatmap(
    lambda n: st.builds(lambda first, rest: luhn(first + rest), st.sampled_from("123456789"),
                        st.text("0123456789", min_size=n - 1, max_size=n - 1))
)  # fmt: skip
issued = st.builds(
    lambda first, rest: luhn((first + rest)[:15]),
    st.sampled_from(["4", "51", "55", "2221", "6011", "65", "60", "81", "50", "3528"]),
    st.text("0123456789", min_size=14, max_size=14),
)


@st.composite
def written(draw: st.DrawFn, card: str, *, spoken: bool = True) -> str:
    size = draw(st.sampled_from([4, 4, 4, 1, 2, 3, 99]))
    groups = [card[n : n + size] for n in range(0, len(card), size)]
    style = draw(st.sampled_from(["digits", "words", "hindi", "devanagari"] if spoken else ["digits", "devanagari"]))
    if style in {"words", "hindi"}:
        names = WORDS if style == "words" else HINDI
        groups = [" ".join(names[int(d)] for d in group) for group in groups]
    elif style == "devanagari":
        groups = [group.translate(str.maketrans("0123456789", "०१२३४५६७८९")) for group in groups]
    return draw(st.sampled_from([" ", "-", ", ", " - ", "  "])).join(groups)


around = st.sampled_from(["", "my card is", "it is", "That is the number.", "नंबर है"])


@given(st.data(), issued)
def test_a_card_by_itself_is_found_however_it_is_told(data: st.DataObject, card: str) -> None:
    before, after = data.draw(around), data.draw(around)
    text = f"{before} {data.draw(written(card))} {after}".strip()

    told = redact.text(text)

    assert told == f"{before} [card ending {card[-4:]}] {after}".strip()
    assert redact.text(told) == told


@given(st.data(), cards)
def test_of_any_number_that_may_be_a_card_s_no_more_is_left_than_its_end(data: st.DataObject, card: str) -> None:
    """Spoken, it must begin as cards do: a telephone number and a pin code are spoken in such a row as well."""
    told = redact.text(data.draw(written(card, spoken=False)))

    found = KEEPS.match(told)
    assert found
    assert len(re.findall(r"\d|" + "|".join(WORDS + HINDI), told[found.end() :])) <= 19 - 13


@given(st.data(), issued, st.integers(1, 3))
def test_a_card_that_is_spread_over_a_side_s_turns_is_found(data: st.DataObject, card: str, parts: int) -> None:
    cuts = sorted(data.draw(st.sets(st.sampled_from([4, 8, 12]), min_size=parts, max_size=parts)))
    pieces = [card[a:b] for a, b in zip([0, *cuts], [*cuts, 16], strict=True)]
    said = [data.draw(written(piece)) for piece in pieces]
    entries = []
    for n, piece in enumerate(said):
        first = "Sure, it is " if n == 0 else data.draw(st.sampled_from(["", "uh, ", "okay "]))
        last = ". Did you get it?" if n == len(said) - 1 else data.draw(st.sampled_from(["", ".", ","]))
        entries += [Entry("caller", f"{first}{piece}{last}", n, n), Entry("agent", "Yes, go on.", n, n)]
    record = msgspec.structs.replace(CALL, entries=tuple(entries))

    found = redact.redacted(record)

    left = " ".join(entry.text for entry in found.entries if entry.role == "caller")
    assert [match[1] for match in KEEPS.finditer(left)] == [None] * (len(said) - 1) + [card[-4:]]
    assert not re.search(r"\d|" + "|".join(WORDS + HINDI), KEEPS.sub("", left).replace("[", ""))
    assert redact.redacted(found) is found


numbers = st.text("0123456789", min_size=10, max_size=10).filter(lambda d: d[0] in "6789")
moments = st.integers(0, 10**9).map(lambda s: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=s))
plain = st.one_of(
    numbers.map(lambda d: f"+91{d}"),
    numbers.map(lambda d: f"+91 {d[:5]} {d[5:]}"),
    numbers.map(lambda d: f"0{d}"),
    numbers.map(lambda d: " ".join(WORDS[int(c)] for c in d)),
    st.text("123456789", min_size=12, max_size=12).map(lambda d: f"Aadhaar {d[:4]} {d[4:8]} {d[8:]}"),
    st.integers(0, 10**9).map(lambda n: f"₹{n:,}"),
    st.integers(0, 10**7).map(lambda n: f"{n} rupees"),
    moments.map(lambda m: m.isoformat()),
    moments.map(lambda m: f"{m:%Y-%m-%d %H:%M:%S}"),
    moments.map(lambda m: f"{m:%d-%m-%Y} {m:%d.%m.%Y}"),
    st.sampled_from(["560001", "2 BHK", "eighty lakhs", "RERA PRM/KA/RERA/1251/446/PR/171015/000433", "10 to 11"]),
)


@given(st.lists(plain, min_size=1, max_size=5), st.sampled_from([" and ", ", or ", " to ", ". My other one is "]))
def test_telephone_numbers_prices_and_dates_are_left_alone(told: list[str], between: str) -> None:
    text = between.join(told)
    assert redact.text(text) == text


@given(st.text(max_size=60))
def test_no_text_is_too_odd(text: str) -> None:
    told = redact.text(text)
    assert redact.text(told) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("4242 4242 4242 4242 12/28 123", "[card ending 4242] 12/28 123"),
        ("4242424242424242 123", "[card ending 4242] 123"),
        ("Three seven eight two, eight two two four six three one double zero zero five", "[card ending 0005]"),
        ("four triple one triple one triple one triple one triple one", "[card ending 1111]"),
        ("forty one eleven eleven eleven eleven eleven eleven eleven", "[card ending 1111]"),
        ("char ek ek ek, ek ek ek ek, ek ek ek ek, ek ek ek ek ji", "[card ending 1111] ji"),
        ("4111 1111 1111 1112", "4111 1111 1111 1112"),
        ("9876543210, 9123456780", "9876543210, 9123456780"),
        ("+4111111111111111", "+[card ending 1111]"),
    ],
)
def test_cases(text: str, told: str) -> None:
    assert redact.text(text) == told


def test_every_field_that_is_written_down_is_looked_at() -> None:
    said = f"card {CARD}"
    lead = Lead(1, (Points(1, "why", "f", CARD, said, said),), (Evidence("f", CARD, said, said),))
    arguments = f'{{"n":["{said}",{CARD},7]}}'
    record = msgspec.structs.replace(
        CALL,
        entries=(
            Entry("caller", said, 0, 1, keys=f"{CARD}#"),
            Entry("agent", "So it is", 0, 1, interrupted=True, meant=f"So it is {CARD}?"),
            Entry("tool", f'{{"ok": true, "card": {CARD}}}', 0, 1, tool="pay", arguments=arguments),
            Entry("tool", said, 0, 1, tool="pay", arguments=f"{{not json {CARD}"),
        ),
        facts={"budget": "80 lakh", "card": CARD},
        summary=said,
        purpose=said,
        variables={"card": said, "name": "Asha"},
        lead=lead,
        thread=Thread(unsaid=(said, "4111 1111"), facts=(Told("f", CARD, said, said, 0, (Told("f", said),)),)),
    )

    found = redact.redacted(record)

    assert CARD not in msgspec.json.encode(found).decode()
    assert found.entries[0].keys == "[card ending 1111]#"
    assert msgspec.json.decode(found.entries[2].arguments) == {
        "n": ["card [card ending 1111]", "[card ending 1111]", 7]
    }
    assert msgspec.json.decode(found.entries[2].text) == {"ok": True, "card": "[card ending 1111]"}
    assert found.facts["budget"] == "80 lakh"
    assert found.variables["name"] == "Asha"
    assert redact.redacted(found) is found
    assert redact.redacted(CALL) is CALL


def test_a_card_that_the_agent_reads_back_is_found_before_it_has_said_all_of_it() -> None:
    entries = (Entry("agent", "4111 1111", 0, 1), Entry("caller", "Yes.", 1, 2), Entry("agent", "1111", 2, 3))
    first = msgspec.structs.replace(CALL, entries=entries, thread=Thread(unsaid=("1111.", "Is that right?")))
    then = msgspec.structs.replace(first, thread=Thread(unsaid=("Sorry?",)))
    redactor = redact.Redactor()

    for found in (redact.redacted(first), redactor.redacted(first)):
        assert [entry.text for entry in found.entries] == ["[card]", "Yes.", "[card]"]
        assert found.thread == Thread(unsaid=("[card ending 1111].", "Is that right?"))
        assert redact.redacted(found) is found
    assert redactor.redacted(then) == redact.redacted(then) == then


@given(
    st.integers(30, 400), st.integers(1, 40), st.sampled_from(["{} - {}", "{}-{}", "{}, {}", "{} to {}", "{} and {}"])
)
def test_a_range_of_prices_is_none(low: int, more: int, how: str) -> None:
    prices = (
        f"{lakh // 100},{lakh % 100:02},00,000" if lakh >= 100 else f"{lakh},00,000" for lakh in (low, low + more)
    )
    told = f"My budget is {how.format(*prices)}"
    assert redact.text(told) == told


@given(numbers, st.integers(560001, 560110))
def test_a_pin_code_beside_a_telephone_number_is_none(number: str, pin: int) -> None:
    spoken = " ".join(WORDS[int(c)] for c in f"9{number[1:]}")
    for several in (
        [f"pin {pin}", number],
        [number, f"{pin}"],
        [f"my number is {spoken}", " ".join(WORDS[int(c)] for c in str(pin))],
    ):
        assert redact.texts(several) == several


@pytest.mark.parametrize(
    "told",
    [
        "4111 1111, right, 1111 1111",
        "4111 1111, yeah, 1111 1111",
        "4111-1111 then it's 1111/1111",
        "four, triple one, quadruple one, quadruple one, quadruple one",
        "फोर वन वन वन वन वन वन वन वन वन वन वन वन वन वन वन",
        "फ़ोर ट्रिपल वन डबल वन डबल वन डबल वन डबल वन डबल वन डबल वन",
    ],
)
def test_what_stands_between_the_parts_of_a_card_hides_none(told: str) -> None:
    assert "[card ending 1111]" in redact.text(told)


def test_of_what_was_cut_off_no_more_is_left_than_of_what_was_meant() -> None:
    cut = Entry("agent", "I have 4111 1111 1111", 0, 1, interrupted=True, meant=f"I have {CARD}, is that right?")
    spaced = msgspec.structs.replace(cut, meant="I have 4111 1111 1111 1111, is that right?")
    (found,) = redact.redacted(msgspec.structs.replace(CALL, entries=(spaced,))).entries
    assert (found.text, found.meant) == ("I have [card]", "I have [card ending 1111], is that right?")


def test_what_a_fact_rests_on_is_redacted_with_the_turns_it_was_told_in() -> None:
    first = "My card 4111 1111 1111"
    rests = Evidence("budget", "80 lakh", "4111 1111 1111", first, 0)
    lead = Lead(1, (Points(1, "said", "budget", "80 lakh", "4111 1111 1111", first, 0),), (rests,))
    entries = (Entry("caller", first, 0, 1), Entry("caller", "1111 is it.", 1, 2))
    found = redact.redacted(msgspec.structs.replace(CALL, entries=entries, lead=lead))
    assert "4111" not in str(found)


texts = st.one_of(
    plain,
    st.sampled_from(["", "uh", "yes,", "4111 1111", "1111 1111", "four one one one", "1111", "go on.", "and 1111"]),
)
steps = st.lists(st.tuples(st.sampled_from(["caller", "agent", "tool", "keys"]), texts, st.booleans()), max_size=14)


@example(
    [
        ("caller", "Aadhaar 1111 1111 1111", False),
        ("agent", "Aadhaar 1111 1111 1111", False),
        ("caller", "2 BHK", False),
        ("caller", "Aadhaar 1111 1111 1111", False),
    ]
)
@given(steps)
def test_a_record_that_grows_is_redacted_as_it_would_be_at_once(told: list[tuple[str, str, bool]]) -> None:
    redactor = redact.Redactor()
    entries: list[Entry] = []
    for n, (role, text, replaces) in enumerate(told):
        if replaces and entries:
            entries.pop()
        keys = "4111111111111111"[: n + 1] if role == "keys" else ""
        entries.append(Entry("caller" if role == "keys" else role, text, n, n, keys=keys))  # type: ignore[arg-type]
        record = msgspec.structs.replace(CALL, entries=tuple(entries))
        before = redactor._done
        assert redactor.redacted(record) == redact.redacted(record)
        if before is not None and redactor.revealed:
            assert redactor._done is not None
            assert before.entries != redactor._done.entries[: len(before.entries)]
        assert redactor.redacted(record) is redactor._done
