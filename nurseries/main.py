"""The command line: `calling-agent` and its commands. Exit code 2 for a configuration or usage that cannot be used,
with every fault in plain words."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from types import FrameType

from agent.errors import CallingAgentError, ConfigError

INTERRUPTED = 130
"""128 and the number of SIGINT, as shells count."""
TERMINATED = 143

_COMMANDS = {
    "serve": ("", "answer calls; configured by the environment and .env"),
    "call": ("nurseries.rehearsal.command", "play Twilio and a caller against a running server: a rehearsal"),
    "calls": ("nurseries.records.command", "read, export and erase what is kept of calls"),
    "hang-up": ("nurseries.dial.hang_up", "end a call, whether it still rings or goes on"),
    "keys": ("nurseries.keys.command", "make, list and revoke keys to the HTTP API"),
    "dial": ("nurseries.dial.command", "have a running server call somebody, through Twilio"),
    "do-not-call": ("nurseries.do_not_call.command", "keep the list of who is never called"),
    "replay": ("nurseries.replay.command", "play recorded calls again, to the byte and the millisecond"),
    "doctor": ("nurseries.doctor.command", "find out whether calls would work, how fast, and for how long"),
}
"""The module with the `add_arguments` and `run` of each, and its help. Each command imports its own alone."""


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
    """Until the server takes signals itself: nothing is held then that would need to be let go."""
    os._exit(TERMINATED)


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="calling-agent", description="An AI voice agent that answers and places phone calls."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, words) in _COMMANDS.items():
        commands.add_parser(name, help=words)
    chosen = arguments[0] if arguments and arguments[0] in _COMMANDS else ""
    if not chosen or chosen == "serve":
        parser.parse_args(arguments)
        from nurseries.starting import start

        return _told(start)
    command = import_module(_COMMANDS[chosen][0])
    command.add_arguments(commands.choices[chosen])
    args = parser.parse_args(arguments)
    return _told(lambda: command.run(args))


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
