"""What a model is told for one reply: system prompt, talk and facts in; a `Prompt` within its bounds out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.errors import ConfigError
from agent.think.ports import Message, Prompt

PACKAGED = Path(__file__).parent / "prompts" / "system.txt"
LONGEST_TEMPLATE = 50_000
"""Bytes; some 12 000 tokens, which every turn would pay for again."""

BYTES_PER_TOKEN = 3
MESSAGE_TOKENS = 4
"""What a message costs beside its text, in chat formats with roles."""

_PLACEHOLDER = re.compile(r"\{(company|agent)\}")
_LOOKS_LIKE_ONE = re.compile(r"(?<!\{)\{([A-Za-z_]+)\}(?!\})")


def load_template(path: Path | None) -> str:
    """The system prompt's text with its placeholders, from a file of the user's or the packaged one.

    Raises ConfigError where it cannot be read, is empty, is no text, is far too long, or names something that is
    neither {company} nor {agent}, which would be a typing error that callers get to hear.
    """
    source = PACKAGED if path is None else path
    name = f"SYSTEM_PROMPT_FILE {source}"
    try:
        data = source.read_bytes()
    except OSError as error:
        raise ConfigError((f"{name} cannot be read: {error.strerror or error}.",)) from None
    if len(data) > LONGEST_TEMPLATE:
        raise ConfigError((f"{name} has {len(data)} bytes; at most {LONGEST_TEMPLATE} are allowed.",))
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").strip()
    except UnicodeDecodeError as error:
        raise ConfigError((f"{name} is not UTF-8 text: byte {error.start} is wrong.",)) from None
    if "\0" in text:
        raise ConfigError((f"{name} is not a text file.",))
    if not text:
        raise ConfigError((f"{name} is empty.",))
    unknown = sorted({m[0] for m in _LOOKS_LIKE_ONE.finditer(text) if not _PLACEHOLDER.fullmatch(m[0])})
    if unknown:
        raise ConfigError((f"{name} contains {', '.join(unknown)}; only {{company}} and {{agent}} are known.",))
    return text


def render(template: str, company: str, agent: str) -> str:
    """The template with the names in it. Every other brace stays as it is, also those in the names."""
    names = {"company": company, "agent": agent}
    return _PLACEHOLDER.sub(lambda m: names[m[1]], template)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is, never far too few: one for every three bytes of UTF-8.

    English has some four bytes to a token and Indian scripts three to six with today's tokenisers, so the estimate is
    high by a third for English; no tokeniser of any one vendor is needed.
    """
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def build_prompt(
    system: str, messages: Sequence[Message], facts: Mapping[str, str], max_turns: int, max_tokens: int
) -> Prompt:
    """The prompt for the next reply.

    The history keeps its newest turns, at most `max_turns` and about `max_tokens` tokens; system and facts come on
    top, whole, so that nothing the caller has told is lost with the old turns. A turn begins with the caller and ends
    before the caller's next words; only where nothing was left out does the history begin with the agent's greeting.
    Texts of the caller in a row, as after an interruption, become one message. The newest words of the caller are
    always there: too long on their own, they lose their beginning, at a word.
    """
    turns = _turns(_joined(messages))
    kept: list[Message] = []
    tokens = 0
    for n, turn in enumerate(reversed(turns)):
        cost = sum(MESSAGE_TOKENS + estimate_tokens(m.text) for m in turn)
        if n > 0 and (n >= max_turns or tokens + cost > max_tokens):
            break
        if cost > max_tokens:
            return Prompt(system, _shortened(turn, max_tokens), dict(facts))
        tokens += cost
        kept[:0] = turn
    return Prompt(system, tuple(kept), dict(facts))


def _joined(messages: Sequence[Message]) -> list[Message]:
    """Without empty messages, and with those of the caller in a row as one."""
    joined: list[Message] = []
    for message in messages:
        if not message.text.strip():
            continue
        if joined and message.role == "caller" == joined[-1].role:
            joined[-1] = Message("caller", f"{joined[-1].text} {message.text}")
        else:
            joined.append(message)
    return joined


def _turns(messages: list[Message]) -> list[list[Message]]:
    """Cut before each word of the caller; what the agent said before the first is part of the first turn, so that
    a greeting costs no turn and needs no rule of its own."""
    turns: list[list[Message]] = []
    for message in messages:
        if not turns or (message.role == "caller" and any(m.role == "caller" for m in turns[-1])):
            turns.append([])
        turns[-1].append(message)
    return turns


def _shortened(turn: list[Message], max_tokens: int) -> tuple[Message, ...]:
    """The caller's newest words, alone, cut at a word to what is allowed."""
    last = next((m for m in reversed(turn) if m.role == "caller"), turn[-1])
    room = max(max_tokens - MESSAGE_TOKENS, 1) * BYTES_PER_TOKEN
    text = last.text
    if len(text.encode("utf-8", "replace")) > room:
        words = text.split()
        used, first = -1, len(words)
        while first > 0 and used + 1 + len(words[first - 1].encode("utf-8", "replace")) <= room:
            first -= 1
            used += 1 + len(words[first].encode("utf-8", "replace"))
        text = " ".join(words[first:]) or words[-1].encode("utf-8", "replace")[-room:].decode("utf-8", "ignore")
    return (Message(last.role, text),)
