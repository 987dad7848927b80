"""`calling-agent call`: a call to a running server as Twilio and a caller would place it. Arguments in, exit code out.

0 fine, 1 the agent never spoke or an expectation failed, 2 usage, 3 protocol violation, 5 no connection.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec
import trio

from agent.config import Settings, load
from agent.errors import ProviderError
from agent.hear.ports import Recogniser
from agent.rehearsal import carrier, recording, report
from agent.rehearsal.carriage import AfterCrash, Carriage
from agent.rehearsal.carrier import Identity
from agent.rehearsal.echo import Echo
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan, DialEnd, Line
from agent.rehearsal.reach import voice_url, with_line
from agent.rehearsal.sound import from_wav, is_audible
from agent.rehearsal.words import words
from agent.speak.ports import Voice
from nurseries.rehearsal.carrier import place_call
from nurseries.rehearsal.exchange import Exchange
from nurseries.rehearsal.own_speech import find_ears, find_voice, spoken, understood
from nurseries.rehearsal.rest import Rest, needed
from nurseries.rehearsal.webhooks import Target

INSTALL = "install the `local` extra (make run does; or pip install 'calling-agent[local]')"
INTERRUPTED = 130
TRANSFERS = {"answered": DialEnd.ANSWERED, "busy": DialEnd.BUSY, "no-answer": DialEnd.NO_ANSWER}


class _UsageError(Exception):
    """Arguments that cannot be used; says what to do."""


@dataclass(frozen=True, slots=True)
class _Text:
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `call`."""
    parser.description = (
        "Place a call to a running server, playing Twilio and the caller: signed webhook, TwiML, media stream in real "
        "time. Then print what was said and how long the answers took. What the agent said is what a small recogniser "
        "heard of it over the telephone ('lakhs' comes out as 'locks'); the server's own record has the words: "
        "calling-agent calls show."
    )
    parser.epilog = (
        "Exit codes: 0 fine; 1 the agent never spoke or an expectation failed; 2 usage; 3 the server broke Twilio's "
        "protocol; 5 no connection."
    )
    add = parser.add_argument
    add("--url", metavar="URL", help="the server, or its voice webhook if there is a path (http://127.0.0.1:PORT)")
    add("--say", dest="lines", action="append", type=_Text, metavar="TEXT", help="say this when it is the caller's "
        "turn; may be repeated, and mixed with --wav")  # fmt: skip
    add("--wav", dest="lines", action="append", type=Path, metavar="FILE", help="play this WAV file (PCM, any rate) "
        "as the caller's next line")  # fmt: skip
    add("--barge-in-at", type=_seconds, metavar="SECONDS", help="say the next line so long after the agent's first "
        "sound, over the agent")  # fmt: skip
    add("--dtmf", type=_digits, default="", metavar="DIGITS", help="press these keys after the last answer")
    add("--expect", action="append", default=[], metavar="TEXT", help="words the agent must be heard to say; may be "
        "repeated")  # fmt: skip
    add("--line", metavar="NAME", help="call this line of the server's LINES_FILE, by ?line= in the voice webhook")
    add("--outbound", action="store_true", help="be called by the server, as by an order of its own: it greets as "
        "whoever calls does; --from is still the person, --to the server's number")  # fmt: skip
    add("--transfer", choices=TRANSFERS, help="the agent must pass the call on, and this becomes of it")
    add("--echo", type=_echo, metavar="MS,DB", help="the caller's telephone gives the agent's voice back, so many "
        "milliseconds late and decibels softer, as 200,15")  # fmt: skip
    add("--cut-at", type=_seconds, action="append", default=[], metavar="SECONDS", help="the media stream dies after "
        "so long, and the call goes on as Twilio may have it; may be repeated")  # fmt: skip
    add("--after-a-crash", choices=[way.value for way in AfterCrash], default=AfterCrash.ACTION.value, help="what "
        "Twilio does once a stream has died: asks the action (the default), goes on with the verb behind it, or "
        "nothing until the server changes the call over REST")  # fmt: skip
    add("--rest-port", type=_port, metavar="PORT", help="answer as Twilio's API there, for this call: the server's "
        "TWILIO_API_URL=http://127.0.0.1:PORT")  # fmt: skip
    add("--out", type=Path, metavar="FILE", help="record the call to this WAV file: caller left, agent right")
    add("--json", action="store_true", help="print the report as JSON")
    add("--max-seconds", type=_seconds, default=120.0, metavar="SECONDS", help="hang up after so long (120)")
    add("--patience", type=_seconds, default=15.0, metavar="SECONDS", help="give up when the agent has not spoken or "
        "answered for so long (15)")  # fmt: skip
    add("--from", dest="caller", default=carrier.CALLER, metavar="NUMBER", help=f"the caller ({carrier.CALLER})")
    add("--to", dest="called", metavar="NUMBER", help=f"the number called (TWILIO_CALLER_ID, or {carrier.CALLED})")
    add("--auth-token", metavar="TOKEN", help="sign with this token (TWILIO_AUTH_TOKEN; without one nothing is signed)")
    add("--public-url", metavar="URL", help="the address the server knows itself by, which is what gets signed "
        "(PUBLIC_URL)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Place the call and print its report; returns the exit code. Raises ConfigError for unusable settings."""
    settings = load()
    try:
        target = _target(args, settings)
        ears, voice = _speech(args, settings)
        sounds = [_sound(line) if isinstance(line, Path) else line for line in args.lines or []]
        _check_out(args.out)
    except _UsageError as error:
        return _usage(error)
    called = args.called or settings.TWILIO_CALLER_ID or carrier.CALLED
    identity = carrier.new_identity(settings.TWILIO_ACCOUNT_SID, args.caller, called)
    if args.outbound:
        identity = replace(identity, caller=called, called=args.caller, direction="outbound-api")
    tell: Callable[[str], None] = (lambda _: None) if args.json else (lambda text: print(text, file=sys.stderr))
    try:
        return trio.run(_until_interrupted, partial(_call, args, target, identity, sounds, voice, ears, tell))
    except _UsageError as error:
        return _usage(error)


async def _until_interrupted(call: Callable[[], Awaitable[int]]) -> int:
    code = INTERRUPTED

    async def watch() -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            await anext(signals)
        print("calling-agent call: interrupted, hung up", file=sys.stderr)
        nursery.cancel_scope.cancel("interrupted")

    failure: _UsageError | None = None
    async with trio.open_nursery() as nursery:
        if threading.current_thread() is threading.main_thread():  # elsewhere there are no signals to watch
            nursery.start_soon(watch, name="interrupt")
        try:
            code = await call()
        except _UsageError as error:
            failure = error
        nursery.cancel_scope.cancel("the call is over")
    if failure is not None:
        raise failure
    return code


async def _call(
    args: argparse.Namespace,
    target: Target,
    identity: Identity,
    sounds: list[Line | _Text],
    voice: Voice | None,
    ears: Recogniser | None,
    tell: Callable[[str], None],
) -> int:
    plan = CallPlan(
        lines=tuple([line if isinstance(line, Line) else await _spoken(voice, line.text) for line in sounds]),
        barge_in_at_ms=None if args.barge_in_at is None else args.barge_in_at * 1000,
        dtmf=args.dtmf,
        transfer=TRANSFERS.get(args.transfer),
        expect=tuple(args.expect),
        echo=args.echo,
        carriage=Carriage(after_crash=AfterCrash(args.after_a_crash)),
        cuts_ms=tuple(seconds * 1000 for seconds in args.cut_at),
        max_ms=args.max_seconds * 1000,
        patience_ms=args.patience * 1000,
    )
    tell(f"calling {target.url} ...")
    log = await _placed(target, plan, identity, args.rest_port)
    texts, notes = None, [] if target.auth_token else ["no auth token is known: nothing was signed"]
    if ears is None:
        notes.append(f"what the agent said was not transcribed: {INSTALL}")
    elif log.stream_sid:
        tell("listening to the recording ...")
        texts = await understood(ears, log, plan.quiet_ms)
    unwritten = _record(args.out, log) if args.out is not None and log.stream_sid else ""
    made = report.build(log, plan, texts, notes)
    print(msgspec.json.format(msgspec.json.encode(made)).decode() if args.json else words(made))
    if unwritten:
        return made.exit_code or _usage(_UsageError(unwritten))
    return made.exit_code


async def _placed(target: Target, plan: CallPlan, identity: Identity, rest_port: int | None) -> CallLog:
    """The call, beside Twilio's API where that is wanted."""
    if rest_port is None:
        return await place_call(target, plan, identity)
    exchange = Exchange()
    rest = Rest(exchange, identity.account_sid, target.auth_token)
    async with trio.open_nursery() as nursery:
        try:
            await nursery.start(rest.serve, rest_port)
        except OSError as error:
            raise _UsageError(f"--rest-port {rest_port} cannot be used: {error.strerror}") from error
        log = await place_call(target, plan, identity, exchange=exchange)
        nursery.cancel_scope.cancel("the call is over")
    if plan.cuts_ms and (why := rest.unasked()):
        log.notes.append(why)
    return log


def _record(path: Path, log: CallLog) -> str:
    """Write the recording; what went wrong, or ""."""
    try:
        path.write_bytes(recording.stereo(log))
    except OSError as error:
        return f"--out {path} cannot be written: {error.strerror}"
    return ""


def _target(args: argparse.Namespace, settings: Settings) -> Target:
    url = args.url or f"http://127.0.0.1:{settings.PORT or 3000}"
    # A server reached over https is called by its public address already.
    public = args.public_url or (settings.PUBLIC_URL if url.startswith("http://") else "")
    for address in filter(None, (url, public)):
        try:
            voice_url(address)
        except ValueError as error:
            raise _UsageError(f"--{'url' if address == url else 'public-url'}: {error}") from error
    token = args.auth_token or settings.TWILIO_AUTH_TOKEN.get_secret_value()
    if args.line:
        url = with_line(voice_url(url), args.line)
    return Target(url=url, public_url=public, auth_token=token)


def _speech(args: argparse.Namespace, settings: Settings) -> tuple[Recogniser | None, Voice | None]:
    """The rehearsal's ears and voice, as far as there are any and they are needed."""
    voice, says = None, any(isinstance(line, _Text) for line in args.lines or [])
    if says and (voice := find_voice()) is None:
        raise _UsageError(f"--say needs a voice: {INSTALL}, or use --wav")
    ears = find_ears(settings)
    if args.expect and ears is None:
        raise _UsageError(f"--expect needs ears: {INSTALL}")
    if args.barge_in_at is not None and not args.lines:
        raise _UsageError("--barge-in-at needs something to say: add --say or --wav")
    if args.after_a_crash == AfterCrash.HOLD.value and args.rest_port is None:
        raise _UsageError(f"--after-a-crash rest needs --rest-port 8089, and the server {needed(8089)}")
    return ears, voice


def _sound(path: Path) -> Line:
    try:
        mulaw = from_wav(path.read_bytes())
    except OSError as error:
        raise _UsageError(f"--wav {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _UsageError(f"--wav {path} cannot be played: {error}") from error
    return Line(mulaw, f"[{path.name}]")


async def _spoken(voice: Voice | None, text: str) -> Line:
    try:
        mulaw = await spoken(voice, text) if voice is not None else b""
    except (ProviderError, trio.TooSlowError) as error:
        raise _UsageError(f"--say {text!r} cannot be said: {error or 'it took too long'}") from error
    if not is_audible(mulaw):
        raise _UsageError(f"--say {text!r} gives nothing to hear")
    return Line(mulaw, text)


def _check_out(path: Path | None) -> None:
    if path is not None and not path.parent.is_dir():
        raise _UsageError(f"--out {path}: there is no folder {path.parent}")
    if path is not None and path.is_dir():
        raise _UsageError(f"--out {path} is a folder")


def _usage(error: _UsageError) -> int:
    print(f"calling-agent call: {error}", file=sys.stderr)
    return report.USAGE


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def _echo(text: str) -> Echo:
    found = re.fullmatch(r"(\d{1,4}),(\d{1,2}(?:\.\d+)?)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no delay in ms and attenuation in dB: 200,15")
    return Echo(float(found[1]), float(found[2]))


def _digits(text: str) -> str:
    if not re.fullmatch(r"[0-9*#A-Da-d]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} holds something that is no key: 0-9, *, #, A-D")
    return text.upper()
