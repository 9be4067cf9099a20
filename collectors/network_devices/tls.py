"""TLS over a stream by hand: asyncio's own layer takes 300 kB a connection, and ends with a traceback where a handshake
does not succeed."""

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar

PIECE = 16 * 1024
"""Bytes: the longest record of TLS."""

_Given = TypeVar("_Given")


class TlsReader:
    """The server's side of one connection; reads only. Methods raise OSError (ssl.SSLError is one)."""

    def __init__(self, context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def shake_hands(self) -> None:
        try:
            await self._do(self._tls.do_handshake)
        except ssl.SSLError:
            self._send()  # the alert that tells the other side why
            raise

    async def read(self, size: int) -> bytes:
        """At most `size` bytes; b"" when the other side has said that it is done."""
        try:
            return await self._do(lambda: self._tls.read(size))
        except ssl.SSLZeroReturnError:
            return b""

    async def _do(self, step: Callable[[], _Given]) -> _Given:
        while True:
            try:
                given = step()
            except ssl.SSLWantReadError:
                await self._flush()
            else:
                await self._flush()
                return given
            if data := await self._reader.read(PIECE):
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    async def _flush(self) -> None:
        self._send()
        await self._writer.drain()

    def _send(self) -> None:
        if self._outgoing.pending:
            self._writer.write(self._outgoing.read())


def why(error: Exception) -> str:
    """Why a handshake did not succeed, in a few words."""
    if isinstance(error, TimeoutError):
        return "it was not completed in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the sender's certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError) or not isinstance(error, ssl.SSLError):
        return "the sender broke off"
    return (error.reason or "no TLS").replace("_", " ").lower()
