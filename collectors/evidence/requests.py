"""How `jikimi agent capture` and the running agent talk: one file asks, one answers, in the agent's own folder."""

import secrets
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from jikimi.errors import Transient

LONGEST = 3600.0
"""Seconds before and after that may be asked for."""


class Asked(msgspec.Struct, frozen=True):
    """`before` and `after` in seconds around `at`, the moment of asking; `filter` narrows the settings' own."""

    id: str
    at: datetime
    before: float
    after: float
    reason: str
    by: str
    filter: str = ""


class Answer(msgspec.Struct, frozen=True):
    """`folder` and `files` of the evidence, or `error`: why there is none."""

    folder: str = ""
    files: int = 0
    bytes: int = 0
    manifest_sha256: str = ""
    error: str = ""


def ask(folder: Path, *, at: datetime, before: float, after: float, reason: str, by: str) -> Asked:
    """Leave a request for the agent. Raises OSError when its folder may not be written."""
    asked = Asked(f"{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}", at, before, after, reason, by)
    leave(folder, asked)
    return asked


def leave(folder: Path, asked: Asked) -> None:
    """For the capture to find. Raises OSError."""
    place = folder / "requests"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(place / f"{asked.id}.json", msgspec.json.encode(asked))


def waiting(folder: Path) -> Iterator[Asked]:
    """Requests without an answer, each given once. What is no request is removed."""
    for path in sorted((folder / "requests").glob("*.json")):
        try:
            yield msgspec.json.decode(path.read_bytes(), type=Asked)
        except msgspec.MsgspecError:
            continue
        finally:
            path.unlink(missing_ok=True)


def answer(folder: Path, asked: Asked, given: Answer) -> None:
    place = folder / "answers"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(place / f"{asked.id}.json", msgspec.json.encode(given))


def answered(folder: Path, request: str) -> Answer | None:
    """None before the capture is complete; the answer stays until `forget`."""
    try:
        return msgspec.json.decode((folder / "answers" / f"{request}.json").read_bytes(), type=Answer)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        return Answer(error=f"the capture's answer cannot be read: {error}")


def lies_waiting(folder: Path, request: str) -> bool:
    return (folder / "requests" / f"{request}.json").exists()


def forget(folder: Path, request: str) -> None:
    """The answer was told on."""
    (folder / "answers" / f"{request}.json").unlink(missing_ok=True)


def wait(folder: Path, asked: Asked, timeout: float) -> Answer:
    """The agent's answer. Raises Transient when none came within `timeout` seconds."""
    path = folder / "answers" / f"{asked.id}.json"
    end = time.monotonic() + timeout
    while not path.exists():
        if time.monotonic() > end:
            raise Transient(f"the agent has not answered within {timeout:.0f} s; look with: jikimi agent status")
        time.sleep(0.1)
    given = msgspec.json.decode(path.read_bytes(), type=Answer)
    path.unlink()
    return given


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)
