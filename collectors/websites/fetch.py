"""One look at a site: GET the page as a visitor would, follow redirects, keep what its certificate says."""

import asyncio
import contextlib
import hashlib
import ssl
import time
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from collectors.websites.addresses import Addresses, Unreachable
from collectors.websites.memory import Look
from collectors.websites.page import read_page
from jikimi.clock import Clock, utc_now

WITHIN = 20.0
"""Seconds for one look, all redirects included."""
LARGEST = 2 << 20
"""Bytes of a page that are read; what comes after is not compared."""
REDIRECTS = 5
_BROWSER = {
    "User-Agent": "Mozilla/5.0 (compatible; Jikimi service monitoring)",
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5",
    "Accept-Language": "ko,en;q=0.5",
    "Accept-Encoding": "gzip",
}
_ZLIB_OR_GZIP = zlib.MAX_WBITS | 32


class SiteFetcher:
    """`look` at many sites; `addresses` judges each hop, or a company could make a centre ask its own machines."""

    def __init__(self, addresses: Addresses, *, trust: ssl.SSLContext | None = None, clock: Clock = utc_now) -> None:
        self.addresses = addresses
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
        except Unreachable as error:
            return Look(at, url, error=str(error))

    async def files(self, addresses: Iterable[str]) -> dict[str, str]:
        """Address → digest of what each answers now; what fails, or is larger than a page may be, is left out."""
        found: dict[str, str] = {}
        transport = _Pinned(self.addresses, self._doubting)  # the page has told what is wrong with the certificate
        async with httpx.AsyncClient(transport=transport, headers=_BROWSER, timeout=WITHIN) as client:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WITHIN):
                    for address in addresses:
                        with contextlib.suppress(httpx.HTTPError, httpx.InvalidURL, Unreachable):
                            if digest := await _digest(client, address):
                                found[address] = digest
        return found

    async def _look(self, url: str, at: datetime, begun: float, trust: ssl.SSLContext, doubt: str) -> Look:
        try:
            return await self._follow(url, at, begun, trust, doubt)
        except httpx.ConnectError as error:
            if trust is self._trusting and (reason := _certificate_error(error)):
                return await self._look(url, at, begun, self._doubting, reason)
            raise Unreachable(f"no connection: {_innermost(error)}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"the answer broke off: {str(error) or type(error).__name__}") from error

    async def _follow(self, url: str, at: datetime, begun: float, trust: ssl.SSLContext, doubt: str) -> Look:
        transport = _Pinned(self.addresses, trust)
        async with httpx.AsyncClient(transport=transport, headers=_BROWSER, timeout=WITHIN) as client:
            target = url
            for _ in range(REDIRECTS + 1):
                async with client.stream("GET", _web_address(target)) as answer:
                    if not answer.has_redirect_location:
                        return await _read(answer, Look(at, url, certificate_error=doubt), begun)
                    target = _joined(target, answer.headers["Location"])
        raise Unreachable(f"more than {REDIRECTS} redirects")


class _Pinned(httpx.AsyncBaseTransport):
    """Connects to the very addresses that were judged: a name server may answer otherwise the next time."""

    def __init__(self, addresses: Addresses, trust: ssl.SSLContext) -> None:
        self._addresses = addresses
        self._inner = httpx.AsyncHTTPTransport(verify=trust)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """By the first address that answers; the certificate must still be the name's."""
        host = request.url.raw_host.decode("ascii")
        *others, last = await self._addresses.of(host)
        for address in others[:3]:
            try:
                return await self._inner.handle_async_request(_to(request, address, host))
            except httpx.ConnectError:
                continue
        return await self._inner.handle_async_request(_to(request, last, host))

    async def aclose(self) -> None:
        await self._inner.aclose()


def _to(request: httpx.Request, address: str, name: str) -> httpx.Request:
    url = request.url.copy_with(host=address)
    extensions = {**request.extensions, "sni_hostname": name}
    return httpx.Request(request.method, url, headers=request.headers, stream=request.stream, extensions=extensions)


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unreachable(f"{url[:200]} is no http(s) address")
    return url


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return location  # refused as no address


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
    body = await _body(answer)
    page = await asyncio.to_thread(lambda: read_page(_utf8(answer, body), str(answer.url)))
    return Look(**told, page=page, milliseconds=round(1000 * (time.monotonic() - begun)))


async def _digest(client: httpx.AsyncClient, address: str) -> str:
    async with client.stream("GET", address) as answer:
        if answer.status_code != 200:
            return ""
        body = await _body(answer)
    return hashlib.blake2b(body, digest_size=12).hexdigest() if len(body) < LARGEST else ""


async def _body(answer: httpx.Response) -> bytes:
    """At most LARGEST bytes, and no more is unpacked: a few kilobytes can hold gigabytes."""
    packed = answer.headers.get("Content-Encoding", "").strip().lower()
    if packed not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise Unreachable(f"the page is packed in a way that was not asked for ({packed[:40]})")
    unpacking = zlib.decompressobj(_ZLIB_OR_GZIP) if packed not in ("", "identity") else None
    body = bytearray()
    async for part in answer.aiter_raw():
        try:
            body += unpacking.decompress(part, LARGEST - len(body)) if unpacking else part
        except zlib.error as error:
            raise Unreachable(f"the page cannot be unpacked ({error})") from error
        if len(body) >= LARGEST:
            break
    return bytes(body[:LARGEST])


def _utf8(answer: httpx.Response, body: bytes) -> bytes:
    """Korean sites still come in EUC-KR: the header decides, else the page's own word, else UTF-8."""
    named = answer.charset_encoding or _own_word(body[:2048])
    if not named:
        return body
    named = "cp949" if named.lower() in ("euc-kr", "ks_c_5601-1987", "ksc5601") else named
    try:
        return body.decode(named, errors="replace").encode(errors="replace")
    except (LookupError, ValueError):  # no encoding, or one of Python's that is none of pages (idna, NUL in the name)
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
