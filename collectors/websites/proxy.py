"""A SOCKS5 proxy (RFC 1928) for one page that is drawn: whatever it embeds, Chromium reaches public addresses only."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

from collectors.websites.addresses import Addresses, Unreachable

MOST = 64 << 20
"""Bytes that one page may load."""
_GREETING = b"\x05\x00"
_DONE, _NOT_ALLOWED, _FAILED = (bytes((5, reply, 0, 1, 0, 0, 0, 0, 0, 0)) for reply in (0, 2, 5))
_CONNECT = b"\x05\x01\x00"
_NAME = 3
_SIZES = {1: 4, 4: 16}


@asynccontextmanager
async def proxied(addresses: Addresses) -> AsyncIterator[int]:
    """The port on 127.0.0.1 for as long as the block runs."""
    proxy = _Proxy(addresses)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await proxy.end()


class _Proxy:
    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._left = MOST
        self._serving: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the browser's, until either side ends it."""
        if (task := asyncio.current_task()) is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        try:
            await self._pass_on(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # either side went away, or the page is drawn: a task that streams began must not end cancelled
        finally:
            writer.close()

    async def end(self) -> None:
        """Cut what is still open."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = await _asked(reader, writer)
        try:
            there = await self._addresses.of(host) if host else []
        except Unreachable:
            there = []
        if not there:
            writer.write(_NOT_ALLOWED)
            return
        try:
            answers, questions = await asyncio.open_connection(there[0], port)
        except OSError:
            writer.write(_FAILED)
            return
        writer.write(_DONE)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._copy(reader, questions))
                both.create_task(self._copy(answers, writer))
        except* (OSError, EOFError):
            pass
        finally:
            questions.close()

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while self._left > 0 and (data := await source.read(64 * 1024)):
            self._left -= len(data)
            target.write(data)
            await target.drain()
        with contextlib.suppress(OSError):
            target.write_eof()


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
    """(host, port) that the browser wants; host "" for what is no CONNECT."""
    _, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    writer.write(_GREETING)
    asked = await reader.readexactly(3)
    kind = (await reader.readexactly(1))[0]
    if asked != _CONNECT or kind not in (_NAME, *_SIZES):
        return "", 0
    raw = await reader.readexactly((await reader.readexactly(1))[0] if kind == _NAME else _SIZES[kind])
    host = raw.decode("ascii", "replace") if kind == _NAME else str(ip_address(raw))
    return host, int.from_bytes(await reader.readexactly(2))
