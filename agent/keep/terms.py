"""What a record can be found by: the terms that both stores index, and those that a query asks for. Pure.

A word is a run of letters, marks and digits, case folded, in any script: Hindi's vowel signs are marks. A store's own
idea of words would differ from the other's, and takes quotes and dashes for syntax. Numbers, ending and score are terms
as well, told from words by a first character that no word has, so that one index answers any query in order of time.
"""

from __future__ import annotations

import unicodedata

from agent.keep.query import GOES_ON, Query
from agent.keep.record import CallRecord

LONGEST = 64
"""Characters of a word that count."""

_MARK = "\ue000"
_NUMBER, _ENDING, _SCORE = (_MARK + kind for kind in "nes")


def terms(record: CallRecord) -> set[str]:
    """Of what was said, of the summary, of both numbers, of the ending and the score."""
    found = set(words("\n".join([*(e.text for e in record.entries if e.role != "tool"), record.summary])))
    found |= {_term(_NUMBER, record.caller), _term(_NUMBER, record.called), _term(_ENDING, record.ending)}
    if record.lead is not None:
        found |= {_SCORE, _SCORE + str(_within(record.lead.score))}
    return found


def asked(query: Query) -> list[list[str]] | None:
    """Of each of these, a record that fulfils the query has at least one; None where none can. The other way round it
    holds for words; numbers, endings and scores are to be compared as well."""
    found = [[word] for word in dict.fromkeys(words(query.text))]
    if query.number:
        found.append([_term(_NUMBER, query.number)])
    if query.ending:
        found.append([_term(_ENDING, "" if query.ending == GOES_ON else query.ending)])
    if query.least_score is not None or query.most_score is not None:
        least = 0 if query.least_score is None else _within(query.least_score)
        most = 100 if query.most_score is None else _within(query.most_score)
        if least > most:
            return None
        found.append([_SCORE] if most - least == 100 else [_SCORE + str(n) for n in range(least, most + 1)])
    return found


def words(text: str) -> list[str]:
    """In order, some of them twice."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return [word[:LONGEST] for word in folded.translate(_letters).split()]


class _Letters(dict[int, int | str | None]):
    """For `str.translate`: letters, marks and digits stay, joiners (Cf) vanish, everything else parts words."""

    def __missing__(self, code: int) -> int | str | None:
        category = unicodedata.category(chr(code))
        kept = code if category[0] in "LMN" else None if category == "Cf" else " "
        self[code] = kept
        return kept


_letters = _Letters()


def _term(kind: str, value: str) -> str:
    """Without what SQLite's tokenizer would part it at."""
    return kind + "".join(c for c in value.lower() if c.isalnum() or c > "\x7f")[:LONGEST]


def _within(score: int) -> int:
    return min(max(score, 0), 100)
