"""Half a character does not keep a record from being written."""

import msgspec

from agent.keep.clean import clean
from agent.keep.record import CallRecord, Entry

WHOLE = CallRecord(
    "CA1", "AC", "", "", "inbound", "", 1, "", (Entry("agent", "नमस्ते 👋", 0, 9),), facts={"name": "Asha"}
)


def test_what_can_be_written_is_left_alone() -> None:
    assert clean(WHOLE) is WHOLE


def test_half_a_character_is_replaced_and_the_rest_stays() -> None:
    half = "\ud83d"
    broken = msgspec.structs.replace(
        WHOLE, entries=(Entry("agent", f"Hello {half}", 0, 9),), facts={"name": f"Asha{half}"}
    )

    cleaned = clean(broken)

    assert msgspec.json.decode(msgspec.json.encode(cleaned), type=CallRecord) == cleaned
    assert cleaned.entries == (Entry("agent", "Hello ?", 0, 9),)
    assert cleaned.facts == {"name": "Asha?"}
