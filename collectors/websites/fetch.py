"""One look at a site: GET the page as a visitor would, follow redirects, keep what its certificate says."""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from collectors.websites.memory import Look
from collectors.websites.page import read_page
from jikimi.clock import Clock, utc_now

WITHIN = 20.0
"""Seconds for one look, all redirects included."""
LARGEST = 4 << 20
"""Bytes of a page that are read; what comes after is not compared."""
REDIRECTS = 5
_BROWSER = {
    "User-Agent": "Mozilla/5.0 (compatible; Jikimi service monitoring)",
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5",
    "Accept-Language": "ko,en;q=0.5",
}


class _Unreachable(Exception):
    """Why there was no usable answer, in one sentence."""


class SiteFetcher:
    """`look` at many sites over one pool. `private` allows addresses inside the centre's own network (trials).

    A company names its own address, so each hop is looked up first and one that leads inside is refused: a centre must
    not be made to ask its own machines for pages.
    """

    def __init__(self, *, private: bool = False, trust: ssl.SSLContext | None = None, clock: Clock = utc_now) -> None:
        self._private = private
        self._clock = clock
        self._trusting = trust or ssl.create_default_context()
        self._doubting = ssl.create_default_context()
        self._doubting.check_hostname = False
        self._doubting.verify_mode = ssl.CERT_NONE

    async def look(self, url: str) -> Look:
        """Never raises for what the site does; the look says why it failed."""
        at, begun = self._clock(), time.monotonic()
        try:
            async with asyncio.timeout(WITHIN):
                return await self._look(url, at, begun, self._trusting, "")
        except TimeoutError:
            return Look(at, url, error=f"no answer within {WITHIN:.0f} s")
        except _Unreachable as error:
            return Look(at, url, error=str(error))

    async def _look(self, url: str, at: datetime, begun: float, trust: ssl.SSLContext, doubt: str) -> Look:
        try:
            return await self._follow(url, at, begun, trust, doubt)
        except httpx.ConnectError as error:
            if trust is self._trusting and (reason := _certificate_error(error)):
                return await self._look(url, at, begun, self._doubting, reason)
            raise _Unreachable(f"no connection: {_innermost(error)}") from error
        except httpx.HTTPError as error:
            raise _Unreachable(f"the answer broke off: {str(error) or type(error).__name__}") from error

    async def _follow(self, url: str, at: datetime, begun: float, trust: ssl.SSLContext, doubt: str) -> Look:
        async with httpx.AsyncClient(verify=trust, headers=_BROWSER, timeout=WITHIN, trust_env=False) as client:
            target = url
            for _ in range(REDIRECTS + 1):
                await self._check(target)
                async with _asked(client, target) as answer:
                    if not answer.has_redirect_location:
                        return await _read(answer, Look(at, url, certificate_error=doubt), begun)
                    target = urljoin(target, answer.headers["Location"])
        raise _Unreachable(f"more than {REDIRECTS} redirects")

    async def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _Unreachable(f"{url[:200]} is no http(s) address")
        if self._private:
            return
        try:
            found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise _Unreachable(f"the name {parts.hostname} cannot be found ({error})") from error
        if any(not ipaddress.ip_address(str(address[4][0]).partition("%")[0]).is_global for address in found):
            raise _Unreachable(f"{parts.hostname} leads to an address inside a network, which is not asked")


@asynccontextmanager
async def _asked(client: httpx.AsyncClient, url: str) -> AsyncIterator[httpx.Response]:
    async with client.stream("GET", url) as answer:
        yield answer


async def _read(answer: httpx.Response, look: Look, begun: float) -> Look:
    issuer, expires_at = _certificate(answer)
    told: dict[str, Any] = {
        "at": look.at,
        "url": look.url,
        "status": answer.status_code,
        "certificate_error": look.certificate_error,
        "issuer": issuer,
        "expires_at": expires_at,
    }
    if answer.status_code >= 400:
        return Look(**told, error=f"the server answers {answer.status_code} {answer.reason_phrase}".strip())
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) >= LARGEST:
            break
    page = await asyncio.to_thread(read_page, _utf8(answer, bytes(body[:LARGEST])), str(answer.url))
    return Look(**told, page=page, milliseconds=round(1000 * (time.monotonic() - begun)))


def _utf8(answer: httpx.Response, body: bytes) -> bytes:
    """Korean sites still come in EUC-KR: the header decides, else the page's own word, else UTF-8."""
    named = answer.charset_encoding or _own_word(body[:2048])
    if not named:
        return body
    named = "cp949" if named.lower() in ("euc-kr", "ks_c_5601-1987", "ksc5601") else named
    try:
        return body.decode(named, errors="replace").encode()
    except LookupError:
        return body


def _own_word(head: bytes) -> str:
    place = head.lower().find(b"charset=")
    word = head[place + 8 : place + 40].strip(b"\"' ") if place >= 0 else b""
    return word.split(b'"')[0].split(b"'")[0].split(b">")[0].split(b";")[0].strip(b" /").decode("ascii", "ignore")


def _certificate(answer: httpx.Response) -> tuple[str, datetime | None]:
    """(issuer, end) of the server's certificate; nothing for http, or when it was not believed."""
    stream = answer.extensions.get("network_stream")
    secured = stream.get_extra_info("ssl_object") if stream else None
    told = secured.getpeercert() if secured else None
    if not told:
        return "", None
    names = {name: value for part in told.get("issuer", ()) for name, value in part}
    issuer = names.get("organizationName") or names.get("commonName") or ""
    return issuer, datetime.fromtimestamp(ssl.cert_time_to_seconds(told["notAfter"]), UTC)


def _certificate_error(error: BaseException) -> str:
    """The verifier's own sentence, or "" when something else failed."""
    inner = _innermost(error)
    return getattr(inner, "verify_message", "") or str(inner) if isinstance(inner, ssl.SSLCertVerificationError) else ""


def _innermost(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
