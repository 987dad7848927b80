"""The parameters of the API as its description tells them; `given` and `keep/asked` read them, and say more."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.keep.asked import ENDINGS, LONGEST
from agent.keep.cursor import LONGEST as LONGEST_CURSOR
from agent.keep.query import SORTS

LARGEST_PAGE = 100

TRANSCRIPTS = {"json": "application/json", "text": "text/plain", "vtt": "text/vtt"}
"""The forms of a transcript."""

NUMBER = r"^(\+?[0-9]{3,15}|(sip|sips|client):[A-Za-z0-9@._+-]{1,150})$"
E164 = r"^\+[1-9][0-9]{6,14}$"
Number = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=40,
        description="With its country code; spaces and hyphens are taken as well.",
        extra_json_schema={"pattern": E164},
    ),
]
_A_TIME = {"anyOf": [{"format": "date"}, {"format": "date-time"}]}
_DAY = "A date alone is a whole day in the server's TIMEZONE."


class Filters(Struct):
    """Calls that fulfil all of them."""

    since: (
        Annotated[str, Meta(description=f"Begun at or after this time. {_DAY}", extra_json_schema=_A_TIME)] | UnsetType
    ) = UNSET
    until: (
        Annotated[
            str,
            Meta(
                description=f"Begun before this time, or until the end of this day. {_DAY}", extra_json_schema=_A_TIME
            ),
        ]
        | UnsetType
    ) = UNSET
    number: (
        Annotated[
            str,
            Meta(
                description="Of either side, with its country code: +91 98765 43210. Or as records have it.",
                pattern=NUMBER,
            ),
        ]
        | UnsetType
    ) = UNSET
    ending: Annotated[str, Meta(description="How the call ended.", extra_json_schema={"enum": ENDINGS})] | UnsetType = (
        UNSET
    )
    min_score: Annotated[int, Meta(description="Lead score, at least.", ge=0, le=100)] | UnsetType = UNSET
    max_score: Annotated[int, Meta(description="Lead score, at most.", ge=0, le=100)] | UnsetType = UNSET
    q: (
        Annotated[
            str,
            Meta(
                description="Words that all occur in what was said or in the summary.",
                max_length=LONGEST,
                pattern=r"^[^\x00]*[A-Za-z0-9][^\x00]*$",
            ),
        ]
        | UnsetType
    ) = UNSET


class PageParameters(Filters):
    sort: (
        Annotated[
            str,
            Meta(
                description="newest; else oldest first, or the greatest score, length or cost first, those without one"
                " last.",
                extra_json_schema={"enum": list(SORTS)},
            ),
        ]
        | UnsetType
    ) = UNSET
    limit: Annotated[int, Meta(description="Calls in a page; 20.", ge=1, le=LARGEST_PAGE)] | UnsetType = UNSET
    cursor: Annotated[str, Meta(description="`next` of the page before.", max_length=LONGEST_CURSOR)] | UnsetType = (
        UNSET
    )


class ExportParameters(Filters):
    format: Annotated[str, Meta(description="csv.", extra_json_schema={"enum": ["csv", "jsonl"]})] | UnsetType = UNSET


class TranscriptParameters(Struct):
    format: (
        Annotated[str, Meta(description="Instead of the Accept header.", extra_json_schema={"enum": list(TRANSCRIPTS)})]
        | UnsetType
    ) = UNSET


class RecordingParameters(Struct):
    redirect: (
        Annotated[
            str,
            Meta(
                description="no: the sound itself, also where it is public elsewhere.",
                extra_json_schema={"enum": ["no"]},
            ),
        ]
        | UnsetType
    ) = UNSET


class ListParameters(Struct):
    limit: Annotated[int, Meta(description="Entries in a page; 50.", ge=1, le=LARGEST_PAGE)] | UnsetType = UNSET
    cursor: Annotated[str, Meta(description="`next` of the page before.", pattern=r"^\+?[0-9]{1,15}$")] | UnsetType = (
        UNSET
    )
