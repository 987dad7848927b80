"""What a model is told stays within its bounds, and what the caller has told is never lost."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ConfigError
from agent.think.ports import Message
from agent.think.prompt import (
    LONGEST_TEMPLATE,
    MESSAGE_TOKENS,
    PACKAGED,
    build_prompt,
    estimate_tokens,
    load_template,
    render,
)


def caller(text: str) -> Message:
    return Message("caller", text)


def agent(text: str) -> Message:
    return Message("agent", text)


def talk(turns: int) -> list[Message]:
    lines = [agent("Hello, this is Priya. How may I help you?")]
    for n in range(turns):
        lines += [caller(f"This is what I say in turn {n}."), agent(f"And this is my answer {n}.")]
    return lines


def cost(messages: tuple[Message, ...]) -> int:
    return sum(MESSAGE_TOKENS + estimate_tokens(m.text) for m in messages)


def test_the_packaged_prompt_carries_the_names_and_no_placeholder():
    system = render(load_template(None), "Sunrise Homes", "Meera")
    assert system.startswith("You are Meera, who answers the telephone for Sunrise Homes,")
    assert "{" not in system


def test_a_file_of_ones_own_is_taken_with_its_stray_braces(tmp_path: Path):
    file = tmp_path / "own.txt"
    file.write_text("\ufeff{agent} of {company} says {, }, {}, {{x}} and {a: 1}.\r\n", encoding="utf-8")
    text = render(load_template(file), "A {agent} Company", "B{company}")
    assert text == "B{company} of A {agent} Company says {, }, {}, {{x}} and {a: 1}."


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is empty"),
        (b"caf\xe9", "is not UTF-8 text: byte 3 is wrong"),
        (b"a\0b", "is not a text file"),
        (b"Hello {compnay} and {Agent}", "contains {Agent}, {compnay}; only {company} and {agent} are known"),
        (b"x" * (LONGEST_TEMPLATE + 1), "at most 50000 are allowed"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_in_plain_words(tmp_path: Path, content: bytes, complaint: str):
    file = tmp_path / "own.txt"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_template(file)
    assert f"SYSTEM_PROMPT_FILE {file}" in caught.value.faults[0]
    assert complaint in caught.value.faults[0]


@pytest.mark.parametrize("missing", [True, False])
def test_a_template_that_cannot_be_read_is_refused_in_plain_words(tmp_path: Path, missing: bool):
    path = tmp_path / "nowhere.txt" if missing else tmp_path
    with pytest.raises(ConfigError, match=r"cannot be read: (No such file|Is a directory)"):
        load_template(path)


def test_the_packaged_prompt_is_affordable():
    assert estimate_tokens(PACKAGED.read_text(encoding="utf-8")) < 2000


def test_a_short_talk_is_told_whole():
    lines = talk(2)
    facts = {"budget": "80 lakh rupees"}
    prompt = build_prompt("You are Priya.", lines, facts, 24, 3000)
    assert (prompt.system, prompt.messages, dict(prompt.facts)) == ("You are Priya.", tuple(lines), facts)


def test_after_two_hundred_turns_the_newest_are_told_and_the_facts_are_all_there():
    facts = {"location": "Whitefield", "budget": "80 lakh rupees", "name": "Anita"}
    lines = [*talk(200), caller("And now?")]
    prompt = build_prompt("You are Priya.", lines, facts, 24, 3000)
    assert prompt.messages[0] == caller("This is what I say in turn 177.")
    assert prompt.messages[-1] == caller("And now?")
    assert sum(m.role == "caller" for m in prompt.messages) == 24
    assert dict(prompt.facts) == facts


def test_tokens_bound_the_talk_as_well_and_whole_turns_are_left_out():
    lines = [*talk(200), caller("And now?")]
    prompt = build_prompt("s", lines, {}, 500, 400)
    assert cost(prompt.messages) <= 400
    assert prompt.messages[0].role == "caller"
    assert prompt.messages == tuple(lines[-len(prompt.messages) :])
    one_more_turn = tuple(lines[-len(prompt.messages) - 2 :])
    assert cost(one_more_turn) > 400


def test_what_the_caller_said_in_pieces_becomes_one_message():
    prompt = build_prompt("s", [caller("I want a flat"), caller("in Whitefield."), agent("Lovely.")], {}, 24, 3000)
    assert prompt.messages == (caller("I want a flat in Whitefield."), agent("Lovely."))


def test_an_empty_message_is_not_told():
    prompt = build_prompt("s", [agent(""), caller("Hello"), agent(" "), caller("there")], {}, 24, 3000)
    assert prompt.messages == (caller("Hello there"),)


def test_no_talk_is_no_talk():
    assert build_prompt("s", [], {"name": "Anita"}, 24, 3000).messages == ()


def test_the_newest_words_stay_even_where_they_alone_are_too_many():
    flood = " ".join(f"word{n}" for n in range(5000))
    prompt = build_prompt("s", [*talk(3), caller(flood)], {}, 24, 200)
    (kept,) = prompt.messages
    assert cost(prompt.messages) <= 200
    assert flood.endswith(kept.text)
    assert kept.text.split()[0] in flood.split()
    assert len(kept.text) > 500


def test_a_flood_in_the_past_does_not_drown_the_present():
    lines = [caller("x " * 9000), agent("Sorry?"), caller("A flat, please.")]
    assert build_prompt("s", lines, {}, 24, 300).messages == (caller("A flat, please."),)


MESSAGES = st.lists(st.builds(Message, st.sampled_from(["caller", "agent"]), st.text(max_size=60)), max_size=30)


@given(MESSAGES, st.integers(2, 10), st.integers(20, 300))
def test_whatever_was_said_the_bounds_hold_and_the_end_is_kept(lines: list[Message], turns: int, tokens: int):
    prompt = build_prompt("s", lines, {"name": "Anita"}, turns, tokens)
    said = [m for m in lines if m.text.strip()]
    assert cost(prompt.messages) <= tokens
    assert sum(m.role == "caller" for m in prompt.messages) <= turns
    assert bool(prompt.messages) == bool(said)
    assert dict(prompt.facts) == {"name": "Anita"}
    callers = [m.text for m in said if m.role == "caller"]
    if callers:
        last = next(m.text for m in reversed(prompt.messages) if m.role == "caller")
        assert last.split()[-1:] == callers[-1].split()[-1:] or cost((caller(callers[-1]),)) > tokens


@given(st.text(max_size=300))
def test_the_estimate_is_never_below_a_token_for_four_characters(text: str):
    assert estimate_tokens(text) >= len(text) / 4
