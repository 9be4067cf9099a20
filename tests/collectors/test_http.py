"""The small HTTP client against real servers on this machine."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from collectors.http import Client
from jikimi.errors import Misconfigured, Transient

Handler = Callable[[bytes], bytes | None]


@asynccontextmanager
async def server(answer: Handler) -> AsyncIterator[tuple[str, list[int]]]:
    """(its address, a list with one entry for each connection); `answer` None = close without a word."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
                said = answer(head + await reader.readexactly(size))
                if said is None:
                    break
                writer.write(said)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", connections


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nRetry-After: 7\r\n\r\nok"


async def test_a_connection_is_used_again() -> None:
    async with server(lambda _: OK) as (url, connections), Client(5) as client:
        answers = [await client.request("POST", f"{url}/v1", content=b"x") for _ in range(3)]
    assert [(a.status_code, a.content, a.headers["retry-after"]) for a in answers] == [(200, b"ok", "7")] * 3
    assert len(connections) == 1


async def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure() -> None:
    answers = iter([OK, None, OK])
    async with server(lambda _: next(answers)) as (url, connections), Client(5) as client:
        await client.request("POST", url)
        assert (await client.request("POST", url)).content == b"ok"
    assert len(connections) == 2


async def test_chunked_answers_and_closing_servers_are_understood() -> None:
    chunked = b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    async with server(lambda _: chunked) as (url, connections), Client(5) as client:
        for _ in range(2):
            answer = await client.request("GET", url)
            assert (answer.status_code, answer.reason_phrase, answer.content) == (503, "Busy", b"abc")
            assert not answer.is_success
    assert len(connections) == 2


@pytest.mark.parametrize("said", [None, b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
async def test_what_is_no_answer_is_transient(said: bytes | None) -> None:
    answers = iter([said])
    async with server(lambda _: next(answers, None)) as (url, _), Client(0.5) as client:
        with pytest.raises(Transient, match="no answer"):
            await client.request("POST", url)


@pytest.mark.parametrize("url", ["", "centre", "ftp://192.0.2.1", "http://[::1", "http://a b/", "http://x:port/"])
async def test_what_is_no_address_is_misconfigured(url: str) -> None:
    async with Client(1) as client:
        with pytest.raises(Misconfigured, match="not an address"):
            await client.request("GET", url)


async def test_a_certificate_nobody_vouches_for_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    """TLS verification is on: a self-signed centre is no centre."""
    context = _self_signed(tmp_path_factory)
    listening = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with listening, Client(5) as client:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(Transient, match=r"(?i)certificate"):
            await client.request("GET", f"https://127.0.0.1:{port}/")


async def test_an_https_proxy_of_the_environment_is_asked_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def refuse(head: bytes) -> bytes:
        asked.append(head.split(b"\r\n")[0])
        return b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"

    async with server(refuse) as (url, _), Client(5) as client:
        monkeypatch.setenv("https_proxy", url)
        with pytest.raises(Transient, match="407"):
            await client.request("GET", "https://centre.example.com/v1")
        monkeypatch.setenv("no_proxy", ".example.com")
        monkeypatch.setattr("collectors.http.asyncio.open_connection", _nowhere)
        with pytest.raises(Transient, match="asked directly"):
            await client.request("GET", "https://centre.example.com/v1")
    assert asked == [b"CONNECT centre.example.com:443 HTTP/1.1"]


async def _nowhere(*_: object, **__: object) -> None:
    raise OSError("asked directly")


def _self_signed(folders: pytest.TempPathFactory) -> ssl.SSLContext:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509 as certificates
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = certificates.Name([certificates.NameAttribute(certificates.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        certificates.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folders.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
