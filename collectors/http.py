"""The agent's way to its centre: HTTP/1.1 over asyncio with h11, certificates verified by the system's authorities.

A full HTTP client library takes 8 MB and twice the processor time a request; an agent asks one place, and that day and
night. Connections are kept and used again.
"""

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urlsplit

import h11

from jikimi.errors import Misconfigured, Transient

READ_BYTES = 65_536
LARGEST_ANSWER = 16 << 20
_AGENT = ("user-agent", "jikimi-agent")


@dataclass(frozen=True, slots=True)
class Response:
    """`headers` by lower-case name."""

    status_code: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    reason_phrase: str = ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300


class Client:
    """Asks; each request within `timeout` seconds. Goes through `https_proxy` where the environment names one."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._kept: list[_Connection] = []
        self._tls: ssl.SSLContext | None = None

    async def request(
        self, method: str, url: str, *, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Response:
        """Raises Misconfigured for what is no address, Transient when no answer came."""
        parts = _checked(url)
        lines = [("host", parts.netloc.rpartition("@")[2]), _AGENT, ("content-length", str(len(content)))]
        lines += (headers or {}).items()
        asked = h11.Request(method=method, target=_target(parts), headers=lines)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._ask(parts, asked, content)
        except (OSError, h11.ProtocolError, EOFError, ValueError) as error:  # TimeoutError is an OSError
            raise Transient(f"{url}: no answer ({str(error) or type(error).__name__})") from error

    async def _ask(self, parts: SplitResult, asked: h11.Request, content: bytes) -> Response:
        place = f"{parts.scheme}://{parts.netloc}"
        kept = next((one for one in self._kept if one.place == place), None)
        if kept is not None:
            self._kept.remove(kept)
            try:
                return await self._exchange(kept, asked, content)
            except (_NoAnswer, ConnectionError):
                pass  # it was closed between two requests: that is no failure of this one
        return await self._exchange(await self._connect(parts, place), asked, content)

    async def _exchange(self, over: "_Connection", asked: h11.Request, content: bytes) -> Response:
        reusable = False
        try:
            response = await over.exchange(asked, content)
            reusable = over.ready_again()
            return response
        finally:
            if reusable:
                self._kept.append(over)
            else:
                over.close()

    async def _connect(self, parts: SplitResult, place: str) -> "_Connection":
        secure = parts.scheme == "https"
        host, port = parts.hostname or "", parts.port or (443 if secure else 80)
        proxy = _proxy(host) if secure else None
        if secure and self._tls is None:
            self._tls = ssl.create_default_context()
        if proxy is None:
            reader, writer = await asyncio.open_connection(host, port, ssl=self._tls if secure else None)
            return _Connection(place, reader, writer)
        reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port or 8080)
        writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        said = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].decode("latin-1")
        if said.split(" ")[1:2] != ["200"]:
            writer.close()
            raise ConnectionError(f"the proxy {proxy.hostname} answers: {said}")
        await writer.start_tls(self._tls or ssl.create_default_context(), server_hostname=host)
        return _Connection(place, reader, writer)

    async def close(self) -> None:
        while self._kept:
            self._kept.pop().close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()


class _NoAnswer(EOFError):
    """The other side closed without a byte of an answer."""


class _Connection:
    """One kept connection."""

    def __init__(self, place: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.place = place
        self._reader = reader
        self._writer = writer
        self._state = h11.Connection(h11.CLIENT)

    async def exchange(self, asked: h11.Request, content: bytes) -> Response:
        send = self._state.send
        raw = (send(asked) or b"") + (send(h11.Data(data=content)) or b"") + (send(h11.EndOfMessage()) or b"")
        self._writer.write(raw)
        await self._writer.drain()
        head: h11.Response | None = None
        body = bytearray()
        while not isinstance(event := self._state.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                data = await self._reader.read(READ_BYTES)
                if not data and head is None:
                    raise _NoAnswer("the connection was closed")
                self._state.receive_data(data)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LARGEST_ANSWER:
                    raise ValueError(f"an answer of more than {LARGEST_ANSWER} bytes")
        if head is None:
            raise _NoAnswer("no answer")
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        return Response(head.status_code, bytes(body), named, bytes(head.reason).decode("latin-1"))

    def ready_again(self) -> bool:
        if self._state.our_state is not h11.DONE or self._state.their_state is not h11.DONE:
            return False
        self._state.start_next_cycle()
        return True

    def close(self) -> None:
        self._writer.close()


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or any(letter.isspace() for letter in url):
        raise Misconfigured(f"{url}: not an address (http://… or https://…)")
    return parts


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _proxy(host: str) -> SplitResult | None:
    """As curl(1) reads the environment: `https_proxy`, and the names after `no_proxy` without it."""
    named = os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY") or ""
    without = (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").split(",")
    if not named or any(end.strip() and host.endswith(end.strip().lstrip("*")) for end in without):
        return None
    return urlsplit(named if "://" in named else f"http://{named}")
