"""Whoever keeps traces: takes OTLP over HTTP, as its protobuf is documented."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector:
    """Listens on a port of its own while the block lasts."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[tuple[str, dict[str, str]]] = []
        """Paths and headers, in small letters."""
        self.resources: list[dict[str, Any]] = []
        self.spans: list[dict[str, Any]] = []
        """As protobuf's JSON has them: ids in base64."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for told in MessageToDict(request)["resourceSpans"]:
            self.resources.append(attributes(told["resource"]))
            for scope in told["scopeSpans"]:
                self.spans += scope["spans"]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                collector.requests.append((self.path, headers))
                if collector.status == 200:
                    collector._take(gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body)
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def attributes(told: dict[str, Any]) -> dict[str, Any]:
    """Of a resource, a span or an event."""
    return {each["key"]: next(iter(each["value"].values())) for each in told.get("attributes", [])}
