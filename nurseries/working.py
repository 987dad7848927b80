"""The program of a worker, which its parent starts: `python -m nurseries.working FILE`. FILE is the number of the open
file that leads to the parent."""

from __future__ import annotations

import socket
import sys

from structlog.contextvars import bind_contextvars

from agent import log as logs
from agent.config import load
from agent.errors import CallingAgentError, ConfigError
from nurseries.signals import at_the_end
from nurseries.starting import no_garbage
from nurseries.workers.post import Post


def main() -> int:
    """Serve until told to leave; returns the exit code."""
    post = Post.open(socket.socket(fileno=int(sys.argv[1])))
    if post is None:
        return 1
    try:
        settings = load()
        bind_contextvars(worker=post.charter.slot)

        with no_garbage():
            from nurseries.serve import serve

            return serve(settings, post)
    except ConfigError as error:
        post.faulty(error.faults)  # the parent tells them, once for all workers
        return 2
    except CallingAgentError as error:
        print(f"calling-agent: {error}", file=sys.stderr)
        return 1
    finally:
        logs.let_go()
        at_the_end()


if __name__ == "__main__":
    sys.exit(main())
