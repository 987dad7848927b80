"""Ten conversations, scored: the score can be added up by hand from its own explanation and the documented table."""

import re
from pathlib import Path

import pytest

from agent.think.conversation import Line
from agent.think.facts import Fact
from agent.think.lead import proven, qualify
from agent.think.score import TABLE, score
from agent.think.summary import instructions, plain, read, transcript

HERE = Path(__file__).parent
DOCS = HERE.parents[2] / "docs" / "lead-score.md"


def conversations() -> dict[str, list[Line]]:
    """From the file: a title in brackets, then who said what."""
    found: dict[str, list[Line]] = {}
    for block in (HERE / "conversations.txt").read_text(encoding="utf-8").strip().split("\n\n"):
        title, *lines = block.splitlines()
        found[title.strip("[]")] = [
            Line(role, text.strip(), 5000.0 * n, 5000.0 * n + 3000)  # type: ignore[arg-type]
            for n, (role, _, text) in enumerate(line.partition(":") for line in lines)
        ]
    return found


CALLS = conversations()


def documented() -> dict[tuple[str, str], int]:
    """The table as the documentation shows it."""
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \| (-?\d+) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    return {(fact, case.strip()): int(points) for fact, case, points in rows}


def test_the_documentation_shows_the_table_that_is_used() -> None:
    assert documented() == {(fact, case): points for fact, cases in TABLE.items() for case, points in cases.items()}


def test_all_that_is_good_adds_up_to_a_hundred() -> None:
    assert sum(max(cases.values()) for cases in TABLE.values() if max(cases.values()) > 0) == 100


@pytest.mark.parametrize("title", CALLS)
def test_a_score_is_the_sum_of_its_explanation_and_each_point_has_its_words(title: str) -> None:
    lines = CALLS[title]
    scored = score(qualify(lines))
    table = documented()

    by_hand = sum(table[point.fact.name, point.why] for point in scored.points)
    assert scored.total == min(max(by_hand, 0), 100)
    assert scored.total == int(title.rpartition(" ")[2]), [(p.points, p.why, p.fact.value) for p in scored.points]
    for point in scored.points:
        (said,) = [line for line in lines if line.start_ms == point.fact.said_ms]
        assert (said.role, said.text) == ("caller", point.fact.utterance)
        assert point.fact.evidence in said.text


def test_there_are_ten_and_they_differ() -> None:
    assert len(CALLS) == 10
    assert len({score(qualify(lines)).total for lines in CALLS.values()}) >= 7


def test_a_model_is_believed_only_with_the_callers_own_words() -> None:
    lines = next(iter(CALLS.values()))
    words = next(line.text for line in lines if line.role == "caller")

    claims = [
        ("budget", "9 crore rupees", "nine crores"),
        ("name", "Anil", words.split(".")[0].upper()),
        ("shoe_size", "44", words),
        ("timeline", "", words),
        ("location", "Hebbal", lines[0].text),
    ]
    assert set(proven(claims, lines)) == {"name"}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            '{"summary": "Wants a flat.", "facts": [{"name": "name", "value": "Anil", "quote": "Anil"}]}',
            "Wants a flat.",
        ),
        ('Sure!\n```json\n{"summary": "Wants a flat."}\n```', "Wants a flat."),
        (
            "The caller wants a flat in Hebbal and will call again.",
            "The caller wants a flat in Hebbal and will call again.",
        ),
        ('{"summary": "घर चाहिए, बजट 80 लाख।"}', "घर चाहिए, बजट 80 लाख।"),
        ("{", None),
        ("", None),
        ('{"summary": ""}', None),
        ("[" * 100_000, None),
    ],
)
def test_what_a_model_writes_is_read_however_it_is_wrapped(answer: str, text: str | None) -> None:
    summary = read(answer)
    assert (summary.text if summary else None) == text


def test_the_note_by_rules_says_what_is_known() -> None:
    lines = CALLS[next(iter(CALLS))]
    note = plain(qualify(lines), lines, "agent said goodbye")
    assert "wants to buy" in note
    assert note.endswith("The call ended: agent said goodbye.")
    assert plain({}, [], "caller hung up").startswith("The caller said nothing.")
    assert "Must not be called" in plain({"do_not_call": Fact("do_not_call", "yes")}, lines, "x")


def test_a_transcript_for_a_model_is_bounded_and_keeps_hindi() -> None:
    lines = [Line("caller", "मुझे Whitefield में घर चाहिए " * 20, n, n) for n in range(200)]
    assert len(transcript(lines)) < 25_000
    assert "मुझे Whitefield में घर चाहिए" in transcript(lines)
    assert "decision_maker" in instructions()
