"""One port for everything: listeners in; media sockets go to the process, the rest to the HTTP application.

Started by the process and cancelled by it last: health checks and promised media sockets are served until then. When
cancelled it stops accepting, lets answers in progress go out for `GOODBYE_S`, and has no task left when it returns.
No peer can end it.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence

import trio
from quart_trio import QuartTrio
from structlog.contextvars import bound_contextvars

from agent.web.rates import Limits
from agent.web.security import Gate
from agent.web.state import ProcessState
from nurseries.boundary import contain
from nurseries.door.http_side import HttpDoor
from nurseries.door.media_side import MediaDoor, OnMedia
from nurseries.door.peer import peer
from nurseries.door.tolerance import tolerate
from nurseries.legs.turnstile import Turnstile

GOODBYE_S = 2.0
"""From the door's cancellation to that of the connections still open."""

Listeners = Sequence[trio.abc.Listener[trio.abc.HalfCloseableStream]]


async def serve_door(
    listeners: Listeners,
    app: QuartTrio,
    on_media: OnMedia,
    *,
    gate: Gate,
    state: ProcessState,
    turnstile: Turnstile | None = None,
    limits: Limits | None = None,
    elsewhere: trio.Event | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; `started()` once connections are accepted. Closes the listeners. From `elsewhere` on the
    next request is another process's: connections for HTTP end with their answers.

    `on_media` is called in the connection's own task and owns the socket until it returns; the socket is closed then.
    Its crash is contained and closes its socket with 1011. It holds no deadline for `start`: `on_media` has to.
    """
    limits = limits or Limits()
    async with trio.open_nursery() as background:
        app.nursery = background  # what hypercorn's lifespan protocol would lead to
        await app.startup()
        try:
            http = HttpDoor(app, limits, gate.headers)
            if elsewhere is not None:
                background.start_soon(_retire, http, elsewhere, name="retire")
            media = MediaDoor(on_media, gate, state, limits, turnstile)
            await _serve(listeners, functools.partial(_connection, http, media, state), http, media, task_status)
        finally:
            with trio.move_on_after(GOODBYE_S, shield=True):
                await app.shutdown()


async def _retire(http: HttpDoor, elsewhere: trio.Event) -> None:
    await elsewhere.wait()
    http.retire()


async def _serve(
    listeners: Listeners,
    handle: Callable[[trio.abc.HalfCloseableStream], Awaitable[None]],
    http: HttpDoor,
    media: MediaDoor,
    task_status: trio.TaskStatus[None],
) -> None:
    leaving = trio.Event()

    async def accept(connections: trio.Nursery, patience: trio.CancelScope) -> None:
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(
                    functools.partial(trio.serve_listeners, handle, list(listeners), handler_nursery=connections)
                )
                task_status.started()
        finally:
            with trio.CancelScope(shield=True):  # no checkpoint inside: nothing to bound
                await http.leave()
            media.leave()
            patience.deadline = trio.current_time() + GOODBYE_S
            leaving.set()

    # The connections are shielded from the door's own cancellation, and outlive it by the deadline set above.
    async with trio.open_nursery() as door:
        with trio.CancelScope(shield=True) as patience:
            async with trio.open_nursery() as switchboard:
                switchboard.start_soon(media.attend, name="switchboard")
                async with trio.open_nursery() as connections:
                    door.start_soon(accept, connections, patience)  # noqa: ASYNC111  on purpose, see above
                    await leaving.wait()
                switchboard.cancel_scope.cancel("nobody is left")


async def _connection(
    http: HttpDoor, media: MediaDoor, state: ProcessState, transport: trio.abc.HalfCloseableStream
) -> None:
    counted = 1

    def count(streams: int) -> None:
        nonlocal counted
        state.streams += streams - counted
        counted = streams

    async def serve() -> None:
        head = await http.serve(transport, lambda: count(0))
        if head:
            count(1)
            await media.serve(transport, head)

    state.taken += 1
    state.streams += 1
    try:
        with bound_contextvars(client=peer(transport)):
            await contain(lambda: tolerate(serve, "connection"), "connection")
    finally:
        count(0)
