"""Providers that run on this machine, for `make demo` and the tests: real protocols, nothing leaves."""

import asyncio
import contextlib
import logging
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr

from alerting.sandbox.certificate import make_certificate
from alerting.sandbox.sens import SandboxAccount, SensSandbox
from alerting.sandbox.smtp import SmtpSandbox
from alerting.settings import AlertSettings
from jikimi.clock import Clock, utc_now

SENDER = "지킴이 보안관제센터 <alerts@jikimi.example.com>"
_USER = "sandbox"


@dataclass(frozen=True, slots=True)
class SandboxProviders:
    """A running SENS and a running mail server; what they took lies in `folder`."""

    folder: Path
    sens: SensSandbox
    sens_url: str
    smtp: SmtpSandbox
    smtp_host: str
    smtp_port: int
    smtp_password: str
    ca_file: Path

    @classmethod
    @asynccontextmanager
    async def start(cls, folder: Path, clock: Clock = utc_now) -> AsyncIterator["SandboxProviders"]:
        """Both on free ports of 127.0.0.1 until leaving; messages of an earlier run in `folder` are remembered."""
        certificate, key = make_certificate(folder / "tls")
        password = secrets.token_urlsafe(12)
        sens = SensSandbox(SandboxAccount(), clock, folder / "sms.ndjson")
        smtp = SmtpSandbox(folder / "mail", user=_USER, password=password, sender_domain="jikimi.example.com")
        async with _serve_http(sens) as sens_port, _serve_smtp(smtp, certificate, key) as smtp_port:
            yield cls(
                folder=folder,
                sens=sens,
                sens_url=f"http://127.0.0.1:{sens_port}",
                smtp=smtp,
                smtp_host="127.0.0.1",
                smtp_port=smtp_port,
                smtp_password=password,
                ca_file=certificate,
            )

    def settings(self, base: AlertSettings | None = None) -> AlertSettings:
        """`base` (else the environment's settings) with both sandboxes as its providers."""
        chosen = base or AlertSettings()
        return chosen.model_copy(
            update={
                "sens_url": self.sens_url,
                "sens_service_id": self.sens.account.service_id,
                "sens_access_key": SecretStr(self.sens.account.access_key),
                "sens_secret_key": SecretStr(self.sens.account.secret_key),
                "sens_from": self.sens.account.senders[0],
                "smtp_host": self.smtp_host,
                "smtp_port": self.smtp_port,
                "smtp_user": _USER,
                "smtp_password": SecretStr(self.smtp_password),
                "smtp_from": SENDER,
                "smtp_ca_file": self.ca_file,
            }
        )


class _Server(uvicorn.Server):
    """Leaves the process's signals to whoever runs the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@asynccontextmanager
async def _serve_http(application: SensSandbox) -> AsyncIterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    port: int = listening.getsockname()[1]
    server = _Server(uvicorn.Config(application, log_config=None, lifespan="off", access_log=False))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 -- uvicorn tells by a flag only
            await asyncio.sleep(0.01)
        yield port
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def _serve_smtp(sandbox: SmtpSandbox, certificate: Path, key: Path) -> AsyncIterator[int]:
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # it warns of its own deprecation at every sign-in
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(
            sandbox,
            hostname="sandbox.invalid",
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=sandbox.authenticate,
            data_size_limit=1_000_000,
            loop=loop,
        )

    server = await loop.create_server(connection, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
