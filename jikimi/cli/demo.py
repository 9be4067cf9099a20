"""`jikimi demo`: the main job on one machine, with two client companies."""

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from jikimi.cli.admin_client import AdminClient
from jikimi.cli.errors import for_people
from jikimi.cli.options import DataOption, RulesOption, data_dir, rule_folders
from jikimi.cli.signals import stop_on_signals
from jikimi.errors import Misconfigured
from jikimi.settings import DataDir

WATCHED = "한빛정밀"
ATTACKED = "대성테크"
LOGIN = "analyst"
CONTACTS = {
    WATCHED: {"name": "김하늘", "email": "haneul.kim@example.com", "phone": "01000000001"},
    ATTACKED: {"name": "이도윤", "email": "doyun.lee@example.com", "phone": "01000000002"},
}


@for_people
def demo(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE…]", help="Telemetry to replay besides the demo's own.")
    ] = None,
    data: DataOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the console.")] = 8600,
    rules: RulesOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every log line.")] = False,
) -> None:
    """Start a centre with two client companies, guard this machine for one, replay attacks on the other.

    SMS and mail go to sandboxes on this machine that check what a real provider checks. Ctrl-C stops everything; a
    second start goes on from where it was.

    Examples:

        jikimi demo

        jikimi demo --data /tmp/demo --rules ./sigma/rules attack.evtx telemetry.zip
    """
    from jikimi.logs import set_up_logs

    os.environ.setdefault("JIKIMI_CENTRE_PHONE", "02-0000-0000")  # so that its messages and pages show one
    set_up_logs(verbose=verbose)
    place = data_dir(data)
    corpus_rules, corpus_files = _corpus()
    folders = rule_folders([*(rules or ()), *corpus_rules])
    asyncio.run(_run(place, port, folders, [*_own_samples(), *corpus_files, *(files or ())]))


async def _run(data: DataDir, port: int, rules: Sequence[Path], files: Sequence[Path]) -> None:
    from alerting.sandbox import SandboxProviders
    from jikimi.cli.centre import CentreOptions, running_centre

    stop = stop_on_signals()
    data.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with SandboxProviders.start(data.root / "sandbox") as sandbox:
        options = CentreOptions(data, rules, port=port, alert_settings=sandbox.settings(), tell=typer.echo)
        async with running_centre(options) as centre:
            password = await asyncio.to_thread(_people, data)
            async with _agent(data, centre.address):
                typer.echo(_welcome(centre.address, password, data))
                await _replay_once(data, files, stop)
                await stop.wait()
                typer.echo("멈추는 중입니다 / stopping …")
    typer.echo("모두 저장하고 멈췄습니다 / stopped, everything is stored")


def _people(data: DataDir) -> str:
    """The two companies, their responsible persons and the analyst, made at the first start. Returns the password."""
    kept = data.root / "demo.json"
    if kept.exists():
        password: str = json.loads(kept.read_text(encoding="utf-8"))["password"]
        return password
    admin = AdminClient(data.root)
    known = {tenant["name"] for tenant in admin.get("tenants")}
    for company, contact in CONTACTS.items():
        if company not in known:
            admin.post("tenants", {"name": company})
            admin.post("contacts", {"tenant": company, **contact})
    password = secrets.token_urlsafe(9)
    admin.post("users", {"login": LOGIN, "name": "관제 분석가", "role": "analyst", "password": password})
    kept.touch(mode=0o600)
    kept.write_text(json.dumps({"password": password}), encoding="utf-8")
    return password


@asynccontextmanager
async def _agent(data: DataDir, address: str) -> AsyncIterator[None]:
    """This machine as a device of the first company, with one protected folder, as a process of its own."""
    state = data.root / "agent"
    protected = data.root / "보호문서"
    protected.mkdir(exist_ok=True)
    (protected / "도면-001.txt").write_text("시험용 도면입니다. 읽으면 관제센터에 기록됩니다.\n", encoding="utf-8")
    if not state.exists():
        wish = {"tenant": WATCHED, "uses": 1, "minutes": 10}
        token = await asyncio.to_thread(AdminClient(data.root).post, "enrolment-tokens", wish)
        await _finish(
            "agent", "enrol", "--url", address, "--token", token["token"], "--state", str(state),
            "--device", socket.gethostname(), "--protect", str(protected),
        )  # fmt: skip
    await _end_orphan(state)
    process = await _command("agent", "run", "--state", str(state))
    try:
        yield
    finally:
        await _stop(process)


async def _end_orphan(state: Path) -> None:
    """A demo that was killed leaves its agent running; this start takes its place."""
    from collectors.locking import is_running
    from collectors.settings import StateDir

    place = StateDir(state)
    if is_running(place):
        os.kill(int(place.lock.read_text(encoding="ascii")), signal.SIGTERM)
    for _ in range(100):
        if not is_running(place):
            return
        await asyncio.sleep(0.1)


async def _replay_once(data: DataDir, files: Sequence[Path], stop: asyncio.Event) -> None:
    """Replay each file that this data folder has not had yet; a stop in between leaves the rest for the next start."""
    done = data.root / "demo-replayed.json"
    had: list[str] = json.loads(done.read_text(encoding="utf-8")) if done.exists() else []
    for file in files:
        if stop.is_set() or file.name in had:
            continue
        typer.echo(f"재생 / replaying {file.name}")
        process = await _command("replay", "--data", str(data.root), "--tenant", ATTACKED, str(file))
        stopping = asyncio.create_task(stop.wait())
        finished = asyncio.create_task(process.wait())
        await asyncio.wait({stopping, finished}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not finished.done():
            finished.cancel()
            await _stop(process)
            return
        if process.returncode == 0:
            had.append(file.name)
            done.write_text(json.dumps(had), encoding="utf-8")


async def _command(*words: str) -> Process:
    """This very program, in its own process group so that one Ctrl-C is handled once, here."""
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "jikimi", *words, start_new_session=True)


async def _finish(*words: str) -> None:
    process = await _command(*words)
    if await process.wait() != 0:
        raise Misconfigured(f"`jikimi {' '.join(words[:2])}` failed; its own message stands above")


async def _stop(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


class _Corpus(NamedTuple):
    """Real telemetry and public rules, where they lie beside the checkout."""

    rules: list[Path]
    files: list[Path]


def _corpus() -> _Corpus:
    from jikimi.testing.corpus import corpus_root

    root = corpus_root()
    if root is None:
        return _Corpus([], [])
    evtx = sorted((root / "samples" / "evtx").glob("*.evtx"))
    return _Corpus([root / "sigma" / "rules"], [*evtx[:12], *sorted((root / "samples" / "pcap").glob("nmap*"))])


def _own_samples() -> list[Path]:
    from importlib.util import find_spec

    spec = find_spec("samples")
    places = spec.submodule_search_locations if spec else None
    return sorted(path for place in places or () for path in Path(place).rglob("*.ndjson"))


def _welcome(address: str, password: str, data: DataDir) -> str:
    return f"""
지킴이 시연 / Jikimi demo
  관제 화면 / console   {address}
  로그인 / sign in      {LOGIN}   {password}

볼 것 / what to look at
  1. 대기열 / the queue: {ATTACKED}의 사건이 새로 고침 없이 나타납니다 (incidents appear without reload).
  2. 사건을 열어 증거, 보낸 문자와 메일, 이력을 봅니다 (open one: evidence, notices sent, history).
  3. 알림 / messages: 시험용 통신사와 메일 서버가 받은 모든 문자와 메일의 상태 (every SMS and mail and its state).
  4. 이 컴퓨터는 {WATCHED}의 장치입니다. 아래 폴더의 파일을 읽거나 지워 보십시오
     (this machine is a device of {WATCHED}; read or delete files in this folder):
       {data.root / "보호문서"}
  5. 다른 터미널에서 / in another terminal:  jikimi status --data {data.root}

멈추려면 Ctrl-C / Ctrl-C to stop; a second start goes on from where it was.
"""
