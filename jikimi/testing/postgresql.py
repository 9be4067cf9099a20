"""A private PostgreSQL server for tests: where its programs are installed, in a temporary folder, on a Unix socket.

`initdb` refuses root: as root the server runs as the account `nobody`.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """The folder that holds `initdb` and `pg_ctl`: the newest of Debian's, else the one on PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@contextmanager
def server(folder_of_programs: Path) -> Iterator[str]:
    """The URL of an empty database, durable settings off. The server ends with the block, its folder with it."""
    account = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    # A socket's path has at most 107 bytes, and pytest's folders are long and closed to `nobody`.
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        root = Path(name)
        os.chown(root, account.pw_uid, account.pw_gid)

        def run(program: str, *arguments: str) -> None:
            subprocess.run(  # noqa: S603 (PostgreSQL's own programs, our own arguments)
                [str(folder_of_programs / program), *arguments],
                check=True,
                timeout=60,
                cwd=root,
                user=account.pw_uid,
                group=account.pw_gid,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

        data, log = str(root / "data"), str(root / "log")
        run("initdb", "-D", data, "-U", "jikimi", "--auth=trust", "--encoding=UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={root} -c fsync=off -c max_connections=40"
        run("pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            yield f"postgresql+asyncpg://jikimi@/postgres?host={root}"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
