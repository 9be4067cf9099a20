"""A package of rules from the network into a file: over TLS, bounded in size and time, its SHA-256 told."""

import hashlib
import ipaddress
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from detectors.workshop.documents import Progress, silent
from jikimi.errors import Misconfigured, Transient

LARGEST = 128 << 20
"""Bytes of an archive; the public set has 4 MB."""
LONGEST = 900.0
"""Seconds for the whole of it, however slowly it trickles."""


@contextmanager
def http_client() -> Iterator[httpx.Client]:
    """One that follows redirects but never to plain http, except on this machine; proxies as the environment says."""
    timeout = httpx.Timeout(30.0, connect=15.0)
    hooks = {"request": [_refuse_plain]}
    with httpx.Client(follow_redirects=True, timeout=timeout, event_hooks=hooks) as client:
        yield client


def download(client: httpx.Client, url: str, target: Path, progress: Progress = silent) -> str:
    """The SHA-256 of what was written to `target`.

    Raises Misconfigured for an address that refuses or a file too large, Transient when the line fails.
    """
    digest, size, begun = hashlib.sha256(), 0, time.monotonic()
    try:
        with client.stream("GET", url) as answer, target.open("wb") as file:
            if answer.is_error:
                kind = Transient if answer.is_server_error or answer.status_code == 429 else Misconfigured
                raise kind(f"{url} answered {answer.status_code}")
            total = int(answer.headers.get("Content-Length", 0))
            for part in answer.iter_bytes():
                size += len(part)
                if size > LARGEST:
                    raise Misconfigured(f"{url} gives more than {LARGEST >> 20} MB; that is no rule package")
                if time.monotonic() - begun > LONGEST:
                    raise Transient(f"{url} was not done after {LONGEST:.0f} seconds; try again")
                digest.update(part)
                file.write(part)
                progress("downloading", size, total)
    except httpx.InvalidURL as error:
        raise Misconfigured(f"{url!r} is no address: {error}") from error
    except (httpx.HTTPError, ValueError) as error:
        raise Transient(f"{url} could not be read to its end ({error!r}); try again") from error
    return digest.hexdigest()


def sha256_of(file: Path) -> str:
    """Raises Misconfigured when it cannot be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise Misconfigured(f"{file}: cannot be read ({error.strerror})") from error


def _refuse_plain(request: httpx.Request) -> None:
    if request.url.scheme != "https" and not _on_this_machine(request.url.host):
        raise Misconfigured(f"{request.url} is not https; rules are fetched over TLS only")


def _on_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
