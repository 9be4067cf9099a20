"""A small real centre for the agent's side: HTTP over a socket, holding the upload contract of docs/architecture.md.

It keeps what it took in memory and can be told to fail in the ways a real one does.
"""

import asyncio
import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn
import zstandard

from jikimi.domain.event import Envelope, decode_envelope

Fault = tuple[int, dict[str, Any], dict[str, str]]
"""(status, body, headers) to answer the next upload with instead of taking it."""


@dataclass
class Centre:
    """What it took: `events` by (epoch, sequence number); a number taken twice with other bytes is a test failure."""

    tokens: set[str] = field(default_factory=lambda: {"good-token"})
    events: dict[tuple[str, int], bytes] = field(default_factory=dict)
    order: list[tuple[str, int]] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    cut_after_taking: int = 0
    """So many answers are lost after the batch was taken."""
    credits: deque[int] = field(default_factory=deque)
    revoked: bool = False
    uploads: int = 0
    empty_uploads: int = 0
    largest: int = 0
    overdrawn: int = 0
    duplicates: int = 0
    lost: list[tuple[int, int]] = field(default_factory=list)
    enrolled: list[dict[str, Any]] = field(default_factory=list)
    heartbeats: list[dict[str, Any]] = field(default_factory=list)
    admin: list[dict[str, Any]] = field(default_factory=list)
    tenants: list[str] = field(default_factory=lambda: ["한빛정밀"])
    config: dict[str, Any] = field(default_factory=lambda: {"version": 1, "media": {}})
    config_key: str = ""
    lag: deque[int] = field(default_factory=deque)
    url: str = ""
    _credit: int | None = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, said, more = self.answer(scope["method"], scope["path"], headers, body)
        if status == 0:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"999")]})
            raise ConnectionAbortedError
        content = orjson.dumps(said)
        given = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        given += [(name.encode(), value.encode()) for name, value in more.items()]
        await send({"type": "http.response.start", "status": status, "headers": given})
        await send({"type": "http.response.body", "body": content})

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Fault:
        route = (method, path)
        if route == ("POST", "/v1/enrol"):
            return self._enrol(orjson.loads(body))
        if route == ("POST", "/v1/admin/enrolment-tokens"):
            return self._token(headers, orjson.loads(body))
        if route == ("GET", "/v1/admin/status"):
            return 200, {"lag": {"detector": self.lag.popleft() if self.lag else 0}}, {}
        if route == ("POST", "/v1/batches"):
            return self._upload(headers, body)
        if route == ("GET", "/v1/config"):
            same = headers.get("if-none-match") == f'"{self.config["version"]}"'
            return (304, {}, {}) if same else (200, self.config, {})
        if route == ("POST", "/v1/heartbeat"):
            return self._heartbeat(headers, orjson.loads(body))
        return 404, {"error": "not found", "code": "not_found"}, {}

    def _heartbeat(self, headers: dict[str, str], health: dict[str, Any]) -> Fault:
        if self.revoked or headers.get("authorization") != "Bearer secret":
            return 401, {"error": "this agent was revoked", "code": "unauthorised"}, {}
        self.heartbeats.append(health)
        return 200, {"time": health["clock"], "config_version": self.config["version"], "credit": 8 << 20}, {}

    def _enrol(self, wish: dict[str, Any]) -> Fault:
        self.enrolled.append(wish)
        if wish["token"] not in self.tokens:
            return 401, {"error": "this enrolment token is unknown", "code": "unauthorised"}, {}
        given = {"agent_id": "a1", "tenant_id": "t1", "device_id": "d1", "credential": "secret"}
        return 200, {**given, "config_key": self.config_key}, {}

    def _token(self, headers: dict[str, str], wish: dict[str, Any]) -> Fault:
        self.admin.append(wish)
        if headers.get("authorization") != "Bearer admin-secret":
            return 401, {"error": "not the admin secret", "code": "unauthorised"}, {}
        if wish["tenant"] is None and len(self.tenants) > 1:
            return 422, {"error": f"name one of {', '.join(self.tenants)}", "code": "invalid"}, {}
        return 201, {"token": "good-token", "tenant": wish["tenant"] or self.tenants[0]}, {}

    def _upload(self, headers: dict[str, str], body: bytes) -> Fault:
        if headers.get("authorization") != "Bearer secret":
            return 401, {"error": "unknown credential", "code": "unauthorised"}, {}
        if self.revoked:
            return 403, {"error": "this agent was revoked", "code": "revoked"}, {}
        if self.faults:
            return self.faults.popleft()
        assert headers["content-type"] == "application/x-ndjson"
        assert headers["content-encoding"] == "zstd"
        head, _, block = zstandard.decompress(body).partition(b"\n")
        envelope = decode_envelope(head)
        assert envelope.agent_id == "a1"
        lines = block.splitlines()
        assert len(lines) == envelope.count
        mark = self.marks.get(envelope.epoch, envelope.first_seq - 1)
        if not lines:
            self.empty_uploads += 1
            return self._receipt(mark, 0, 0)
        self.uploads += 1
        self.largest = max(self.largest, len(block))
        if self._credit is not None and len(block) > self._credit:
            self.overdrawn += 1
        return self._take(envelope, lines, mark, headers)

    def _take(self, envelope: Envelope, lines: list[bytes], mark: int, headers: dict[str, str]) -> Fault:
        if envelope.first_seq > mark + 1:
            missing = (mark + 1, envelope.first_seq - 1)
            if headers.get("jikimi-lost") != f"{missing[0]}-{missing[1]}":
                return 409, {"error": "a gap", "code": "gap", "expected": mark + 1}, {}
            self.lost.append(missing)
        duplicates = 0
        for number, line in enumerate(lines, envelope.first_seq):
            key = (envelope.epoch, number)
            if number <= mark:
                duplicates += 1
                assert self.events.get(key, line) == line, "a number was used for two events"
                continue
            self.events[key] = line
            self.order.append(key)
            source = str(envelope.logsource)
            self.sources[source] = self.sources.get(source, 0) + 1
        self.duplicates += duplicates
        self.marks[envelope.epoch] = max(mark, envelope.last_seq)
        if self.cut_after_taking:
            self.cut_after_taking -= 1
            return 0, {}, {}
        return self._receipt(self.marks[envelope.epoch], len(lines) - duplicates, duplicates)

    def _receipt(self, mark: int, accepted: int, duplicates: int) -> Fault:
        self._credit = self.credits.popleft() if self.credits else 8 << 20
        receipt = {"acked_through": mark, "credit": self._credit, "accepted": accepted, "duplicates": duplicates}
        return 200, {**receipt, "dead_lettered": 0}, {}

    def stored(self) -> list[dict[str, Any]]:
        """The events in the order they were taken."""
        return [orjson.loads(self.events[key]) for key in self.order]


@contextlib.contextmanager
def serving(centre: Centre, port: int = 0) -> Iterator[Centre]:
    """The centre behind a real socket on 127.0.0.1, until leaving."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # so asyncio sets TCP_NODELAY
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    centre.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app: Callable[..., Awaitable[None]] = centre.__call__
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, lifespan="off", http="h11", ws="none", interface="asgi3")
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield centre
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
