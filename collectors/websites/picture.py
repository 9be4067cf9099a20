"""What a visitor sees: the page drawn by Chromium, compared by perceptual hash. Asked for when the page itself moved.

Needs Chromium on the centre's machine and the extra `pictures`; without them a site is watched by its page alone, and
`reason_for_none` says so.
"""

import asyncio
import importlib.util
import os
import shutil
import signal
import tempfile
from pathlib import Path

from collectors.websites.addresses import Addresses
from collectors.websites.proxy import proxied

WITHIN = 45.0
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def reason_for_none() -> str:
    """Why no picture can be taken here, in one sentence; "" when it can."""
    if not _browser():
        return "no Chromium is installed here"
    if importlib.util.find_spec("imagehash") is None:
        return "the extra 'pictures' is not installed here"
    return ""


async def take_picture(url: str, addresses: Addresses, *, doubted: bool = False) -> tuple[bytes, str]:
    """(PNG, 64-bit perceptual hash as hex), or (b"", "") when the page cannot be drawn in time.

    `doubted`: the site's certificate is known to be wrong, and that has been told.

    The page's scripts run: all they ask for goes by way of `addresses`.
    """
    with tempfile.TemporaryDirectory(prefix="jikimi-picture-", ignore_cleanup_errors=True) as folder:
        file = Path(folder, "page.png")
        async with proxied(addresses) as port:
            drawn = await _draw(url, file, Path(folder, "profile"), port, doubted=doubted)
        return await asyncio.to_thread(_hashed, file) if drawn else (b"", "")


async def _draw(url: str, file: Path, profile: Path, port: int, *, doubted: bool) -> bool:
    words = [
        "--headless",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-sync",
        "--no-first-run",
        "--hide-scrollbars",
        "--window-size=1280,1600",
        "--virtual-time-budget=8000",
        f"--proxy-server=socks5://127.0.0.1:{port}",
        "--proxy-bypass-list=<-loopback>",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
        f"--user-data-dir={profile}",
        f"--screenshot={file}",
        *(["--ignore-certificate-errors"] if doubted else []),
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        url,
    ]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        _browser(), *words, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        async with asyncio.timeout(WITHIN):
            return await process.wait() == 0
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _hashed(file: Path) -> tuple[bytes, str]:
    import imagehash
    from PIL import Image

    if not file.exists():
        return b"", ""
    with Image.open(file) as picture:
        return file.read_bytes(), str(imagehash.phash(picture))


def _browser() -> str:
    return next((found for name in _NAMES if (found := shutil.which(name))), "")
