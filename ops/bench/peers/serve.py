"""The server that a peer's guides put before a call: FastAPI on uvicorn and uvloop, on a free port, which is told."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

import uvicorn
from fastapi import FastAPI, WebSocket


def serve(call: Callable[[WebSocket], Awaitable[None]]) -> None:
    """Hold each call by `call`, until a signal."""
    app = FastAPI()
    app.add_api_websocket_route("/twilio/media", call)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print("LISTENING", listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", loop="uvloop")).run([listener])
