"""The command line: `calling-agent` and its commands. Exit code 2 for a configuration or usage that cannot be used,
with every fault in plain words."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from agent.errors import CallingAgentError, ConfigError

INTERRUPTED = 130
"""128 and the number of SIGINT, as shells count."""
TERMINATED = 143


def main() -> None:
    """Entry point of the `calling-agent` command."""
    if os.getpid() == 1:
        # A container's first process gets no signal that it has not asked for: it could not be stopped as it starts.
        signal.signal(signal.SIGTERM, _stop)
    try:
        code = run(sys.argv[1:])
        if sys.stdout is not None:  # it may be closed
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("calling-agent: interrupted.", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def _stop(_number: int, _frame: FrameType | None) -> None:
    """Until the server takes signals itself, and after that: nothing is held then that would need to be let go."""
    os._exit(TERMINATED)


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    if arguments == ["serve"]:  # without what the other commands need
        from nurseries.starting import start

        return _told(start)
    parser = argparse.ArgumentParser(
        prog="calling-agent", description="An AI voice agent that answers and places phone calls."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("serve", help="answer calls; configured by the environment and .env")
    call = commands.add_parser("call", help="play Twilio and a caller against a running server: a rehearsal")
    calls = commands.add_parser("calls", help="read, export and erase what is kept of calls")
    hang_up = commands.add_parser("hang-up", help="end a call, whether it still rings or goes on")
    keys = commands.add_parser("keys", help="make, list and revoke keys to the HTTP API")
    dial = commands.add_parser("dial", help="have a running server call somebody, through Twilio")
    do_not_call = commands.add_parser("do-not-call", help="keep the list of who is never called")
    replay = commands.add_parser("replay", help="play recorded calls again, to the byte and the millisecond")
    doctor = commands.add_parser("doctor", help="find out whether calls would work, how fast, and for how long")

    from nurseries.dial import command as dialler
    from nurseries.dial import hang_up as ending
    from nurseries.do_not_call import command as unwanted
    from nurseries.doctor import command as examine
    from nurseries.keys import command as holders
    from nurseries.records import command as records
    from nurseries.rehearsal import command as rehearse
    from nurseries.replay import command as replaying

    rehearse.add_arguments(call)
    records.add_arguments(calls)
    ending.add_arguments(hang_up)
    holders.add_arguments(keys)
    dialler.add_arguments(dial)
    unwanted.add_arguments(do_not_call)
    examine.add_arguments(doctor)
    replaying.add_arguments(replay)
    args = parser.parse_args(arguments)
    others = {
        "call": rehearse.run,
        "calls": records.run,
        "hang-up": ending.run,
        "dial": dialler.run,
        "do-not-call": unwanted.run,
        "keys": holders.run,
        "doctor": examine.run,
        "replay": replaying.run,
    }
    return _told(lambda: others[args.command](args))


def _told(command: Callable[[], int]) -> int:
    """Its exit code; what it cannot go on with is told in plain words."""
    try:
        return command()
    except ConfigError as error:
        for fault in error.faults:
            print(f"configuration: {fault}", file=sys.stderr)
        return 2
    except CallingAgentError as error:
        print(f"calling-agent: {error}", file=sys.stderr)
        return 1
