"""Ten conversations, scored: the score can be added up by hand from its own explanation and the documented table."""

import re
from pathlib import Path

import pytest

from agent.think.conversation import Line
from agent.think.facts import BUYS_FROM, Fact, extract
from agent.think.lead import proven, qualify
from agent.think.score import NEAR, TABLE, score
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


def test_the_documentation_tells_the_months_of_words() -> None:
    rows = re.findall(r"^  \| ([a-z ]+) \| ([\d.]+) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(words, float(months)) for words, months in rows] == list(NEAR.items())


def consents() -> list[tuple[str, str, str]]:
    """What the documentation says of calls back."""
    _, _, table = DOCS.read_text(encoding="utf-8").partition("## Consent")
    rows = re.findall(r"^\|([^|]*)\|([^|]*)\|([^|]*)\|$", table, re.MULTILINE)[2:]
    return [(question.strip(), said.strip(), value.strip()) for question, said, value in rows]


@pytest.mark.parametrize(("question", "said", "value"), consents())
def test_the_documentation_tells_what_is_consent_to_a_call(question: str, said: str, value: str) -> None:
    fact = extract(said, question).get("callback")
    assert (fact.value if fact else "") == value


@pytest.mark.parametrize(
    ("name", "value", "case"),
    [
        *(("intent", "invest", "buy, sell or invest"), ("intent", "let", "rent or let"), ("intent", "?", "browse")),
        *(("budget", "80 to 90 lakh rupees", "told, with a figure"), ("budget", "moderate", "")),
        *(("timeline", "in 3 to 6 months", "within a year"), ("timeline", "within 12 weeks", "within 3 months")),
        *(("timeline", "in 2 years", "told, later or vague"), ("timeline", "by March", "told, later or vague")),
        *(("timeline", "in a few months", "told, later or vague"), ("timeline", "not now", "told, later or vague")),
        *(("timeline", "no hurry", "told, later or vague"), ("timeline", "immediately", "within 3 months")),
        *(("timeline", "this year", "within a year"), ("timeline", "I do not know", "told, later or vague")),
        *(("decision_maker", "joint", "self or joint"), ("decision_maker", "other", "somebody else")),
        *(("objections", "price", "each"), ("objections", "not interested", "not interested")),
    ],
)
def test_the_value_decides_the_case_as_documented(name: str, value: str, case: str) -> None:
    assert "".join(point.why for point in score({name: Fact(name, value)}).points) == case


def test_an_intent_inferred_from_a_budget_says_so_and_counts_less() -> None:
    assert BUYS_FROM == 500_000
    for said, value in (("Around five lakhs.", "buy"), ("Four to five lakhs.", "buy"), ("Thirty thousand.", "rent")):
        facts = qualify([Line("caller", said, 0, 1000)])
        intent, budget = score(facts).points
        assert (intent.points, intent.why, intent.fact.value) == (10, "inferred from the budget", value)
        assert intent.fact.utterance == budget.fact.utterance == said
    told = qualify([Line("caller", "Around five lakhs.", 0, 1000), Line("caller", "I want to buy.", 2000, 3000)])
    assert next((point.points, point.fact.utterance) for point in score(told).points) == (20, "I want to buy.")


def test_only_the_caller_lets_us_call_back() -> None:
    lines = [Line("caller", "I want to talk to a human being.", 0, 1000)]
    noted = {"callback": Fact("callback", "yes", "talk to a human being", lines[0].text, 0)}
    assert "callback" not in qualify(lines, noted)
    assert qualify(lines, {"callback": Fact("callback", "no")})["callback"].value == "no"
    assert proven([("callback", "yes", "talk to a human being")], lines) == {}
    assert qualify([Line("caller", "Call me tomorrow.", 0, 1000)], noted)["callback"].evidence == "Call me"


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
