"""The calls that are up, by their SIDs, for whoever changes them over Twilio's REST API: a form in, an answer out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from agent.rehearsal.log import CallLog


class Connected(Protocol):
    """A call that is up."""

    log: CallLog

    def update(self, *, url: str = "", document: bytes = b"", completed: bool = False) -> None: ...


class NoSuchCallError(LookupError):
    """Twilio's 20404."""


class CallOverError(Exception):
    """Twilio's 21220: a call that has ended takes no updates."""


class BadUpdateError(ValueError):
    """Twilio's 400: the form asks for nothing that can be done."""


class Exchange:
    """All calls of a simulation."""

    def __init__(self) -> None:
        self.calls: dict[str, Connected] = {}
        """Those that are up."""
        self.ended: dict[str, Connected] = {}

    def connect(self, call_sid: str, call: Connected) -> None:
        self.calls[call_sid] = call

    def disconnect(self, call_sid: str) -> None:
        self.ended[call_sid] = self.calls.pop(call_sid)

    def update(self, call_sid: str, form: Mapping[str, str]) -> None:
        """Change a call. Raises NoSuchCallError, CallOverError, BadUpdateError."""
        call = self.calls.get(call_sid)
        if call is None:
            raise CallOverError(call_sid) if call_sid in self.ended else NoSuchCallError(call_sid)
        url, document, status = form.get("Url", ""), form.get("Twiml", ""), form.get("Status", "")
        if status == "completed":
            call.update(completed=True)
        elif status or bool(url) == bool(document):
            raise BadUpdateError("an update takes one of Url, Twiml and Status=completed")
        else:
            call.update(url=url, document=document.encode())
