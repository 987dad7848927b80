"""TwiML as Twilio reads it: an HTTP answer in, the steps it asks for and every fault in it out. No I/O.

Faults are Violations with Twilio's error codes. What can be carried out in spite of a fault is still a step: Twilio
only warns about an unknown verb, and a rehearsal should get as far as it can. One long file: each verb is a few lines,
and all of them share one reader and its faults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit, urlunsplit
from xml.etree import ElementTree as ET

from agent.rehearsal.strict import Violation

UNPARSABLE = 12100
WRONG_ROOT = 12102
AGAINST_SCHEMA = 12200
WRONG_TYPE = 12300
BAD_CALLER_ID = 13214
BAD_NUMBER = 13224
QUERY_DROPPED = 31920
NOT_WSS = 31922
MALFORMED = 31923
BAD_TRACK = 31941
PARAMETER_LIMIT = 500
"""Name and value of one <Parameter> stay under this many characters together."""


@dataclass(frozen=True, slots=True)
class Say:
    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Stream:
    """<Connect><Stream>: a conversation over a media socket."""

    url: str
    name: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    action: str = ""
    """Requested when the server ends the stream; empty: the next step follows."""
    status_callback: str = ""


@dataclass(frozen=True, slots=True)
class Redirect:
    url: str


@dataclass(frozen=True, slots=True)
class Hangup:
    pass


@dataclass(frozen=True, slots=True)
class Reject:
    reason: str


@dataclass(frozen=True, slots=True)
class Dial:
    """A transfer to a number or a SIP address; to the first of several that answers."""

    to: str
    action: str = ""
    """Requested when it is over; empty: the next step follows."""
    caller_id: str = ""
    """What the called telephone shows; empty: the caller's number."""
    ring_s: float = 30


@dataclass(frozen=True, slots=True)
class Unplayed:
    """A verb that Twilio knows and a rehearsal passes over, such as <Gather>."""

    verb: str


Step = Say | Pause | Stream | Redirect | Hangup | Reject | Dial | Unplayed


@dataclass(frozen=True, slots=True)
class Document:
    """One answer's steps in order, and what is wrong with it."""

    steps: tuple[Step, ...]
    violations: tuple[Violation, ...]


_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_ATTRIBUTES = {
    "Say": {"voice", "language", "loop"},
    "Pause": {"length"},
    "Connect": {"action", "method"},
    "Stream": {"url", "name", "track", "statusCallback", "statusCallbackMethod"},
    "Parameter": {"name", "value"},
    "Redirect": {"method"},
    "Hangup": set[str](),
    "Reject": {"reason"},
    "Dial": {
        *("action", "method", "timeout", "timeLimit", "callerId", "answerOnBridge", "hangupOnStar", "ringTone"),
        *("record", "recordingStatusCallback", "recordingStatusCallbackMethod", "recordingStatusCallbackEvent"),
        *("recordingTrack", "trim", "sequential", "referUrl", "referMethod"),
    },
}
_NOUNS = {"Number", "Sip", "Client", "Conference", "Queue", "Application", "WhatsApp"}
_UNPLAYED = {
    "Gather",
    "Play",
    "Record",
    "Start",
    "Stop",
    "Enqueue",
    "Leave",
    "Echo",
    "Pay",
    "Prompt",
    "Refer",
    "Siprec",
}


def read(body: bytes, content_type: str, url: str, *, allow_ws: bool = False) -> Document:
    """The steps of an answer to a request of `url`, against which relative addresses are resolved.

    `allow_ws` lets an unencrypted stream pass: for a server on this machine, never for Twilio itself.
    """
    reader = _Reader(url, allow_ws)
    return Document(tuple(reader.read(body, content_type)), tuple(reader.violations))


class _Reader:
    def __init__(self, url: str, allow_ws: bool) -> None:
        self.violations: list[Violation] = []
        self._url = url
        self._allow_ws = allow_ws

    def read(self, body: bytes, content_type: str) -> Iterator[Step]:
        kind = content_type.partition(";")[0].strip().lower()
        if kind not in {"text/xml", "application/xml"}:
            self._fault(WRONG_TYPE, f"the answer's content type is {kind or 'missing'}, not text/xml")
        if not body.startswith(b"<"):
            self._fault(UNPARSABLE, f"the document begins with {body[:12]!r}: nothing may precede the declaration")
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            self._fault(UNPARSABLE, "the document declares a type or entities")
            return
        try:
            root = ET.fromstring(body.strip())  # noqa: S314  no entities: refused above
        except (ET.ParseError, ValueError, LookupError) as error:  # the last two: encodings
            self._fault(UNPARSABLE, f"the document is not XML ({error})")
            return
        if root.tag != "Response":
            self._fault(WRONG_ROOT, f"the root is <{root.tag}>, not <Response>")
            return
        self._allow(root, set())
        for verb in root:
            yield from self._verb(verb)

    def _verb(self, verb: ET.Element) -> Iterator[Step]:
        readers: dict[str, Callable[[ET.Element], Iterator[Step]]] = {
            "Say": self._say,
            "Pause": self._pause,
            "Connect": self._connect,
            "Redirect": self._redirect,
            "Reject": self._reject,
            "Dial": self._dial,
        }
        if verb.tag in _ATTRIBUTES:
            self._allow(verb, _ATTRIBUTES[verb.tag])
        if verb.tag in readers:
            yield from readers[verb.tag](verb)
        elif verb.tag == "Hangup":
            yield Hangup()
        elif verb.tag in _UNPLAYED:
            yield Unplayed(verb.tag)
        else:
            self._fault(AGAINST_SCHEMA, f"<{verb.tag}> is no verb of TwiML")

    def _say(self, verb: ET.Element) -> Iterator[Step]:
        text = " ".join("".join(verb.itertext()).split())
        if text:
            yield Say(text)
        else:
            self._fault(AGAINST_SCHEMA, "<Say> has nothing to say")

    def _pause(self, verb: ET.Element) -> Iterator[Step]:
        length = verb.get("length", "1")
        if length.isdecimal():
            yield Pause(float(length))
        else:
            self._fault(AGAINST_SCHEMA, f"<Pause length={length!r}> is no number of seconds")

    def _redirect(self, verb: ET.Element) -> Iterator[Step]:
        target = (verb.text or "").strip()
        yield Redirect(self._resolved(target))

    def _reject(self, verb: ET.Element) -> Iterator[Step]:
        reason = verb.get("reason", "rejected")
        if reason not in {"rejected", "busy"}:
            self._fault(AGAINST_SCHEMA, f"<Reject reason={reason!r}> is neither rejected nor busy")
        yield Reject(reason)

    def _dial(self, verb: ET.Element) -> Iterator[Step]:
        for noun in verb:
            if noun.tag not in _NOUNS:
                self._fault(AGAINST_SCHEMA, f"<Dial> holds <{noun.tag}>")
        numbers = [verb.text or "", *(noun.text or "" for noun in verb if noun.tag == "Number")]
        numbers = [number.strip() for number in numbers if number.strip()]
        for number in numbers:
            if not _NUMBER.fullmatch(number):
                self._fault(BAD_NUMBER, f"<Dial> {number!r}: no number in E.164")
        others = [(noun.text or "").strip() for noun in verb if noun.tag != "Number"]
        if not (numbers or any(others)):
            self._fault(AGAINST_SCHEMA, "<Dial> has nobody to dial")
            return
        caller_id, timeout, action = verb.get("callerId", ""), verb.get("timeout", "30"), verb.get("action", "")
        if caller_id and not (_NUMBER.fullmatch(caller_id) or any(others)):
            self._fault(BAD_CALLER_ID, f"<Dial callerId={caller_id!r}>: no number in E.164")
        if not timeout.isdecimal():
            self._fault(AGAINST_SCHEMA, f"<Dial timeout={timeout!r}> is no number of seconds")
            timeout = "30"
        yield Dial(
            to=", ".join([*numbers, *filter(None, others)]),
            action=self._resolved(action) if action else "",
            caller_id=caller_id,
            ring_s=float(timeout),
        )

    def _connect(self, verb: ET.Element) -> Iterator[Step]:
        nouns = list(verb)
        if len(nouns) != 1 or nouns[0].tag != "Stream":
            held = ", ".join(f"<{noun.tag}>" for noun in nouns) or "nothing"
            self._fault(AGAINST_SCHEMA, f"<Connect> must hold one <Stream>, and holds {held}")
            return
        stream = nouns[0]
        self._allow(stream, _ATTRIBUTES["Stream"])
        track = stream.get("track", "inbound_track")
        if track != "inbound_track":
            self._fault(BAD_TRACK, f"<Connect><Stream track={track!r}>: only inbound_track is allowed")
        callback = stream.get("statusCallback", "")
        if callback and not callback.startswith(("http://", "https://")):
            self._fault(AGAINST_SCHEMA, f"statusCallback {callback!r} is not an absolute address")
        url = self._stream_url(stream.get("url", ""))
        if url:
            action = verb.get("action", "")
            yield Stream(
                url=url,
                name=stream.get("name", ""),
                parameters=dict(self._parameters(stream)),
                action=self._resolved(action) if action else "",
                status_callback=callback,
            )

    def _stream_url(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError as error:
            self._fault(MALFORMED, f"the stream's address {url!r} is malformed ({error})")
            return ""
        if parts.scheme != "wss" and not (self._allow_ws and parts.scheme == "ws"):
            self._fault(NOT_WSS, f"the stream's address {url!r} is not a wss:// one")
        if parts.scheme not in {"ws", "wss"} or not parts.hostname:
            return ""
        if parts.query or parts.fragment:
            self._fault(QUERY_DROPPED, f"the stream's address {url!r} has a query, which Twilio drops")
        return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", "", ""))

    def _parameters(self, stream: ET.Element) -> Iterator[tuple[str, str]]:
        for noun in stream:
            if noun.tag != "Parameter":
                self._fault(AGAINST_SCHEMA, f"<Stream> holds <{noun.tag}>")
                continue
            self._allow(noun, _ATTRIBUTES["Parameter"])
            name, value = noun.get("name", ""), noun.get("value", "")
            if not name:
                self._fault(AGAINST_SCHEMA, "a <Parameter> has no name")
            if len(name) + len(value) >= PARAMETER_LIMIT:
                self._fault(AGAINST_SCHEMA, f"the <Parameter> {name!r} reaches {PARAMETER_LIMIT} characters")
            yield name, value

    def _resolved(self, address: str) -> str:
        try:
            return urljoin(self._url, address)
        except ValueError as error:
            self._fault(AGAINST_SCHEMA, f"the address {address!r} is malformed ({error})")
            return self._url

    def _allow(self, element: ET.Element, attributes: set[str]) -> None:
        extra = set(element.keys()) - attributes
        if extra:
            self._fault(AGAINST_SCHEMA, f"<{element.tag}> does not know {', '.join(sorted(extra))}")

    def _fault(self, code: int, what: str) -> None:
        self.violations.append(Violation(code, what))
