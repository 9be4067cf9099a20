"""Mail through a real mail server: Exim (Debian exim4-daemon-light), run privately with STARTTLS and AUTH.

Needs the exim4 binary only: no installed configuration, no root, no port below 1024.
"""

import mailbox
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from pydantic import SecretStr

from alerting.channels.mail import SmtpChannel
from alerting.channels.port import Accepted, OutgoingMessage, Refusal, TryLater
from alerting.sandbox.certificate import make_certificate
from alerting.settings import AlertSettings

EXIM = os.environ.get("JIKIMI_EXIM") or shutil.which("exim4", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = pytest.mark.skipif(EXIM is None, reason="exim4 is not installed (Debian: exim4-daemon-light)")

CONFIGURATION = """\
primary_hostname = mail.example.com
exim_user = {user}
exim_group = {group}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
local_interfaces = <; 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = rcpt
acl_smtp_data = data
deliver_drop_privilege = true
keep_environment =
smtp_accept_max = 20

begin acl
rcpt:
  deny
    !authenticated = *
    message = authentication required
  deny
    local_parts = nobody-here
    message = no such user
  defer
    local_parts = full
    message = mailbox full
  accept
data:
  accept

begin routers
all:
  driver = accept
  transport = box

begin transports
box:
  driver = appendfile
  file = {folder}/mail/box
  create_file = anywhere
  user = {user}
  group = {group}

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{centre}}}}{{eq{{$auth3}}{{secret}}}}}}}}
  server_set_id = $auth2
"""


@dataclass(frozen=True)
class Exim:
    folder: Path
    settings: AlertSettings

    def mails(self, local_part: str, count: int) -> list[mailbox.mboxMessage]:
        """The mails to `local_part`, waiting until there are `count`."""
        deadline = time.monotonic() + 60
        path = self.folder / "mail" / "box"
        while time.monotonic() < deadline:
            if path.exists():
                box = mailbox.mbox(path, create=False)
                try:
                    mails = [mail for mail in box if str(mail["To"]).startswith(f"{local_part}@")]
                finally:
                    box.close()
                if len(mails) >= count:
                    return mails
            time.sleep(0.05)
        log = "".join(part.read_text() for part in (self.folder / "log").glob("*log"))
        raise AssertionError(f"{local_part} did not get {count} mails; Exim says:\n{log}")


@pytest.fixture(scope="module")
def exim() -> Iterator[Exim]:
    assert EXIM is not None
    folder = Path(tempfile.mkdtemp(prefix="jikimi-exim-"))
    account = _unprivileged()
    as_root = os.getuid() == 0
    try:
        certificate, key = make_certificate(folder)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        text = CONFIGURATION.format(
            folder=folder,
            user=account.pw_uid,
            group=account.pw_gid,
            port=port,
            certificate=certificate,
            key=key,
        )
        (folder / "exim.conf").write_text(text)
        for name in ("spool", "log", "mail"):
            (folder / name).mkdir()
        if as_root:
            folder.chmod(0o755)
            for path in (folder, *folder.iterdir()):
                os.chown(path, account.pw_uid, account.pw_gid)
            os.chown(folder / "exim.conf", 0, 0)
        settings = AlertSettings(
            smtp_host="127.0.0.1",
            smtp_port=port,
            smtp_user="centre",
            smtp_password=SecretStr("secret"),
            smtp_from="지킴이 <alerts@jikimi.example.com>",
            smtp_ca_file=certificate,
            send_timeout_seconds=10,
        )
        with (folder / "exim.out").open("wb") as output:
            process = subprocess.Popen(
                [EXIM, "-C", str(folder / "exim.conf"), "-bdf"],
                stdout=output,
                stderr=output,
                user=account.pw_uid if as_root else None,
                group=account.pw_gid if as_root else None,
                extra_groups=[] if as_root else None,
            )
        try:
            _wait_for(port, process, folder)
            yield Exim(folder, settings)
        finally:
            process.terminate()
            process.wait(10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> pwd.struct_passwd:
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    names = {entry.pw_name for entry in pwd.getpwall()}
    return pwd.getpwnam("Debian-exim" if "Debian-exim" in names else "nobody")


def _wait_for(port: int, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"Exim did not start:\n{(folder / 'exim.out').read_text()}")


def message(to: str) -> OutgoingMessage:
    return OutgoingMessage(
        key=f"<{to.partition('@')[0]}.1@jikimi.example.com>",
        to=to,
        subject="[지킴이 높음] 회계PC-03: 보호 문서 214개가 USB로 복사됨",
        body="김담당 담당자님, 지킴이 보안관제센터입니다.\n.점으로 시작하는 줄\n",
        html="<p>김담당 담당자님, 지킴이 보안관제센터입니다.</p>",
        created_at=datetime(2026, 11, 21, 17, 13, tzinfo=UTC),
    )


async def test_a_korean_mail_arrives_whole(exim: Exim) -> None:
    """Subject, both bodies, Message-ID and Date are what was sent."""
    sent = message("kim@client.example.com")
    assert isinstance(await SmtpChannel(exim.settings).send(sent), Accepted)
    (mail,) = exim.mails("kim", 1)
    assert str(make_header(decode_header(mail["Subject"]))) == sent.subject
    assert mail["Message-ID"] == sent.key
    assert mail["Date"] == "Sat, 21 Nov 2026 17:13:00 +0000"
    bodies = {part.get_content_type(): part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()}
    plain, html = bodies["text/plain"], bodies["text/html"]
    assert isinstance(plain, bytes)
    assert plain.decode().replace("\r\n", "\n") == sent.body
    assert isinstance(html, bytes)
    assert html.decode().strip() == sent.html


async def test_a_second_attempt_is_the_same_mail(exim: Exim) -> None:
    """Same Message-ID and Date, so that a receiver can tell."""
    for _ in range(2):
        await SmtpChannel(exim.settings).send(message("twice@client.example.com"))
    first, second = exim.mails("twice", 2)
    assert (first["Message-ID"], first["Date"]) == (second["Message-ID"], second["Date"])


async def test_an_unknown_recipient_is_refused_for_good(exim: Exim) -> None:
    """5xx."""
    assert isinstance(await SmtpChannel(exim.settings).send(message("nobody-here@client.example.com")), Refusal)


async def test_a_deferred_recipient_may_be_tried_later(exim: Exim) -> None:
    """4xx, and not the provider's fault."""
    outcome = await SmtpChannel(exim.settings).send(message("full@client.example.com"))
    assert isinstance(outcome, TryLater)
    assert not outcome.provider_fault


async def test_a_wrong_password_is_the_providers_trouble(exim: Exim) -> None:
    """The message waits until a person has mended the setting."""
    wrong = exim.settings.model_copy(update={"smtp_password": SecretStr("wrong")})
    outcome = await SmtpChannel(wrong).send(message("kim@client.example.com"))
    assert isinstance(outcome, TryLater)
    assert "login" in outcome.detail


async def test_a_server_that_is_not_certified_gets_nothing(exim: Exim) -> None:
    """Without the private authority its certificate is a stranger's: neither password nor mail goes out."""
    strict = exim.settings.model_copy(update={"smtp_ca_file": None})
    outcome = await SmtpChannel(strict).send(message("kim@client.example.com"))
    assert isinstance(outcome, TryLater)
