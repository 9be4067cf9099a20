"""The whole centre in one process: the composition that `jikimi up`, `jikimi demo` and `jikimi bench` share."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn

from jikimi.cli.admin_client import AdminClient
from jikimi.clock import utc_now
from jikimi.errors import Misconfigured
from jikimi.settings import DataDir
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.stream.folder_lock import FolderLock
from jikimi.stream.port import EventLog

if TYPE_CHECKING:
    from alerting.settings import AlertSettings
    from detectors.release.library import Loaded, RuleLibrary
    from detectors.sigma.report import LoadReport

log = structlog.get_logger(__name__)

LOG_KEPT_FOR = timedelta(days=7)
LOG_KEPT_BYTES = 20 << 30
"""The embedded log is a buffer between ingest and its readers; what is to be kept lies in the event store."""

Task = Callable[[asyncio.Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class CentreOptions:
    """`port=0` takes a free one. `rules` are folders; `kafka` is HOST:PORT or None for the embedded log.

    `private_websites` lets the service monitoring ask addresses inside networks. `bundle` is a rule bundle to install,
    `trusted_keys` the folder of the keys to believe instead of the data folder's.
    """

    data: DataDir
    rules: Sequence[Path]
    host: str = "127.0.0.1"
    port: int = 8600
    kafka: str | None = None
    private_websites: bool = False
    bundle: Path | None = None
    trusted_keys: Path | None = None
    alert_settings: "AlertSettings | None" = None
    tell: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, slots=True)
class Centre:
    """A running centre. `first_password` is set when this start made the first analyst account."""

    address: str
    admin_token: str
    rules: "LoadReport"
    database: Database
    event_log: EventLog
    store: EventStore
    first_password: str | None


@asynccontextmanager
async def running_centre(options: CentreOptions) -> AsyncIterator[Centre]:
    """Start everything, serve while the block runs, then stop intake, drain, commit, close.

    Raises Misconfigured for a folder in use, a port in use, rules that are not there. An error that no worker can mend
    by itself leaves the block as an exception group.
    """
    data = options.data
    _make_folder(data.root)
    lock = FolderLock(data.root)
    try:
        listener = _listen(options.host, options.port)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(listener.close)
            yield await _start(options, listener, stack)
    finally:
        data.address.unlink(missing_ok=True)
        lock.release()


async def _start(options: CentreOptions, listener: socket.socket, stack: contextlib.AsyncExitStack) -> Centre:
    from alerting.channels import build_channels
    from alerting.settings import AlertSettings
    from alerting.worker import AlertWorker
    from api.app import create_app
    from api.config_keys import ConfigKeys
    from api.services import Services
    from api.settings import ApiSettings
    from collectors.websites.addresses import Addresses
    from collectors.websites.fetch import SiteFetcher
    from detectors.release.desk import RuleDesk
    from detectors.release.library import RuleLibrary
    from detectors.worker import DetectorWorker
    from jikimi.cli.agent_watch import AgentWatch
    from jikimi.cli.rule_workshop import RuleWorkshop
    from jikimi.cli.site_watch import SiteWatch
    from jikimi.storage.archive import Archiver
    from jikimi.storage.migrate import upgrade
    from jikimi.storage.status import read_status

    data = options.data
    await asyncio.to_thread(upgrade, data.database)
    database = Database.sqlite(data.database)
    stack.push_async_callback(database.close)
    library = RuleLibrary(options.rules, unpacked=data.rules, trusted=options.trusted_keys or data.trusted_keys)
    loaded = await _load_rules(options, library, database)
    event_log = await _open_log(options)
    stack.push_async_callback(event_log.close)
    store = await EventStore.open(data.events)
    stack.push_async_callback(store.close)

    address = f"http://{options.host}:{listener.getsockname()[1]}"
    token = _admin_token(data.admin_token)

    async def status() -> dict[str, Any]:
        return await read_status(database, event_log, store, utc_now())

    workshop = RuleWorkshop(database, store, lambda: library.places)
    desk = RuleDesk(database, library, utc_now)
    keys = await asyncio.to_thread(ConfigKeys.open, data.config_keys)
    services = Services(
        database, event_log, store, utc_now, token, status, workshop, desk, keys, data.evidence, data.pictures
    )
    server = _Server(uvicorn.Config(create_app(services, ApiSettings()), log_config=None, timeout_graceful_shutdown=3))
    alert_settings = _reachable(options.alert_settings or AlertSettings(), address)
    channels = await stack.enter_async_context(build_channels(alert_settings))
    fetcher = SiteFetcher(Addresses(private=options.private_websites))
    tasks: dict[str, Task] = {
        "detector": DetectorWorker(database, event_log, loaded, utc_now, library=library).run,
        "archive": Archiver(database, event_log, store, utc_now).run,
        "websites": SiteWatch(database, event_log, fetcher, data.pictures, utc_now).run,
        "agents": AgentWatch(database, event_log, utc_now).run,
        "alerting": AlertWorker(database, channels, alert_settings, utc_now).run,
    }
    stop = asyncio.Event()
    group = await stack.enter_async_context(asyncio.TaskGroup())
    for name, run in tasks.items():
        group.create_task(_keep(name, run, stop), name=name)
    serving = group.create_task(server.serve([listener]), name="http")

    async def shut_down() -> None:
        server.should_exit = True
        await serving
        stop.set()

    stack.push_async_callback(shut_down)
    await server.ready.wait()
    data.address.write_text(address, encoding="ascii")
    first_password = await asyncio.to_thread(_first_analyst, data)
    return Centre(address, token, loaded.report, database, event_log, store, first_password)


async def _load_rules(options: CentreOptions, library: "RuleLibrary", database: Database) -> "Loaded":
    """Install the bundle, if one is given, and read every rule. Raises Misconfigured for a bundle that is refused."""
    from detectors.release.bundle import read_file
    from detectors.release.install import install_at_start

    options.tell("규칙을 읽습니다 / loading rules …")
    if options.bundle is not None:
        content = await asyncio.to_thread(read_file, options.bundle)
        await install_at_start(database, library, content, utc_now())
    loaded = await library.load(database)
    for refusal in loaded.report.refused:
        options.tell(f"  규칙을 쓸 수 없습니다 / rule refused: {refusal}")
    said = f"규칙 {loaded.report.loaded:,}개 / {loaded.report.loaded:,} rules, {len(loaded.report.refused):,} refused"
    options.tell(f"{said}, bundle {loaded.versions.bundle}" if loaded.versions.bundle else said)
    return loaded


class _Server(uvicorn.Server):
    """Says when it is ready, and leaves signals to the command."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


async def _keep(name: str, run: Task, stop: asyncio.Event) -> None:
    """The outermost pump: a worker that fails is started again, with a growing pause, and said so."""
    pause = 1.0
    while not stop.is_set():
        try:
            await run(stop)
        except Misconfigured:
            raise
        except Exception:  # the pump is the one place that may not die
            log.exception("worker_failed", worker=name, again_in_seconds=pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(60.0, pause * 2)


async def _open_log(options: CentreOptions) -> EventLog:
    if options.kafka:
        from jikimi.stream.kafka import KafkaEventLog

        return await KafkaEventLog.connect(options.kafka)
    from jikimi.stream.sqlite import Retention, SqliteEventLog

    retention = Retention(max_age=LOG_KEPT_FOR, max_bytes=LOG_KEPT_BYTES)
    return await asyncio.to_thread(SqliteEventLog.open, options.data.log, retention=retention)


def _first_analyst(data: DataDir) -> str | None:
    """Make the account `admin` when there is none at all; its password is told once."""
    admin = AdminClient(data.root)
    if admin.get("users"):
        return None
    password: str = admin.post("users", {"login": "admin", "name": "관리자", "role": "head"})["password"]
    return password


def _reachable(settings: "AlertSettings", address: str) -> "AlertSettings":
    """Links in messages lead to this centre's own address unless JIKIMI_PUBLIC_URL says another."""
    if "public_url" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"public_url": address})


def _make_folder(root: Path) -> None:
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"cannot make the data folder {root}: {error.strerror}; choose another --data") from error


def _listen(host: str, port: int) -> socket.socket:
    # with the protocol named, or asyncio leaves TCP_NODELAY off and each answer costs 40 ms more
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Misconfigured(f"cannot listen on {host} port {port}: {error.strerror}; choose another --port") from error
    return listener


def _admin_token(path: Path) -> str:
    """The local administration secret, made at the first start, readable by its owner only."""
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    token = secrets.token_urlsafe(32)
    path.touch(mode=0o600)
    path.write_text(token, encoding="ascii")
    return token
