"""What the centre asks of this agent: captured by the `capture` source, then handed over in pieces, behind the events.

A request is noted on disk until its end is told, so that it outlives both sides' restarts. The files stay here, too.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog

from collectors import verify
from collectors.evidence import requests
from collectors.evidence.requests import Answer, Asked
from collectors.http import Client, Response
from collectors.identity import Identity, sentence
from jikimi.clock import Clock, utc_now
from jikimi.domain.agent_config import Signed
from jikimi.domain.evidence import MANIFEST, REQUESTS, EvidenceRequest, EvidenceRequests, Manifest
from jikimi.errors import Refused, Transient

LOOK = 2.0
PIECE = 256 * 1024
PIECES_A_SECOND = 4.0
AGAIN = 20.0
EVENTS_FIRST = 512 * 1024
"""Bytes of events that wait; with more, evidence waits."""

_log = structlog.get_logger()


class _Held(msgspec.Struct):
    held: int


def evidence_forbidden(obeys: bool, sources: Sequence[str]) -> str:
    """Why an agent with these sources captures nothing for the centre; "" when it does."""
    if not obeys:
        return '"remote" is false in settings.json: this computer decides itself'
    return "" if "capture" in sources else "the agent captures no packets on this system"


class Delivery:
    """`folder` is the capture source's; `waiting` tells the bytes of events not yet sent; `forbidden` is why this
    agent captures nothing for the centre, "" when it does."""

    def __init__(
        self,
        folder: Path,
        who: Identity,
        client: Client,
        waiting: Callable[[], int],
        forbidden: str,
        *,
        clock: Clock = utc_now,
        pause: float = 1 / PIECES_A_SECOND,
    ) -> None:
        self._folder = folder
        self._notes = folder / "for-centre"
        self._who = who
        self._client = client
        self._waiting = waiting
        self._forbidden = forbidden
        self._clock = clock
        self._pause = pause

    async def hear(self, signed: Signed, pinned: str) -> None:
        """Like `take`; what cannot be taken is told in the log, for the centre tells it again."""
        try:
            await self.take(signed, pinned)
        except (Transient, Refused, OSError) as error:
            _log.warning("evidence_request_not_taken", reason=str(error))

    async def take(self, signed: Signed, pinned: str) -> None:
        """Note what is new. Raises Refused for what is not the centre's or too old, Transient, OSError."""
        if not pinned:
            raise Refused("this agent knows no key of the centre's to check requests by; enrol it again")
        await verify.ask(pinned, signed, REQUESTS)
        try:
            told = msgspec.json.decode(signed.document, type=EvidenceRequests)
        except msgspec.MsgspecError as error:
            raise Refused(f"the request cannot be read: {error}") from error
        if (told.tenant_id, told.agent_id) != (self._who.tenant_id, self._who.agent_id):
            raise Refused("the request is for another agent")
        if told.expires_at <= self._clock():
            raise Refused("the request is too old")
        for request in told.evidence_requests:
            if not (self._notes / request.id).exists():
                await asyncio.to_thread(self._note, request)

    def _note(self, request: EvidenceRequest) -> None:
        asked = Asked(
            request.id, self._clock(), request.before, request.after, request.reason, request.by, request.filter
        )
        self._notes.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._forbidden:
            requests.answer(self._folder, asked, Answer(error=self._forbidden))
        elif not self._frozen(request.id).exists():
            requests.leave(self._folder, asked)
        (self._notes / request.id).write_bytes(msgspec.json.encode(asked))
        _log.info("capture_asked_by_centre", request=request.id)

    def resume(self) -> None:
        """At the start, before anything captures: what an earlier life was killed in has an answer, too."""
        for note in self._noted():
            if requests.answered(self._folder, note.name) or requests.lies_waiting(self._folder, note.name):
                continue
            try:
                asked = msgspec.json.decode(note.read_bytes(), type=Asked)
            except msgspec.MsgspecError:
                note.unlink()  # cut off by a loss of power: the centre asks again
                continue
            if not self._frozen(note.name).exists():
                requests.answer(self._folder, asked, Answer(error="the agent was killed while it captured"))

    async def run(self) -> None:
        """Hand over whatever is complete, for ever."""
        while True:
            wait = LOOK
            for note in self._noted():
                try:
                    await self._hand_over(note.name)
                except (Transient, OSError, msgspec.MsgspecError) as error:
                    _log.warning("evidence_not_sent", request=note.name, reason=str(error))
                    wait = AGAIN
            await asyncio.sleep(wait)

    async def _hand_over(self, request: str) -> None:
        """Raises Transient when the centre cannot have it now."""
        answer = requests.answered(self._folder, request)
        if answer is None and not self._frozen(request).exists():
            return  # still capturing
        try:
            if answer is None or not answer.error:
                await self._upload(request)
            error = answer.error[:2000] if answer else ""
            await self._ask("POST", request, content=msgspec.json.encode({"error": error}))
        except Refused as refusal:
            _log.warning("evidence_refused", request=request, reason=str(refusal))
        requests.forget(self._folder, request)
        (self._notes / request).unlink(missing_ok=True)

    async def _upload(self, request: str) -> None:
        folder = self._folder / "evidence" / request
        content = self._frozen(request).read_bytes()
        manifest = msgspec.json.decode(content, type=Manifest)
        await self._ask("PUT", f"{request}/{MANIFEST}", content=content)
        for file in manifest.files:
            held = await self._put(request, file.name, 0, b"")
            while held < file.bytes:
                piece = await asyncio.to_thread(_read, folder / file.name, held)
                if not piece:
                    raise OSError(f"{folder / file.name} is shorter than its manifest says")
                held = await self._put(request, file.name, held, piece)

    async def _put(self, request: str, name: str, offset: int, piece: bytes) -> int:
        """What the centre holds then."""
        if piece:
            await asyncio.sleep(self._pause)
            if self._waiting() > EVENTS_FIRST:
                raise Transient("events go first")
        answer = await self._ask("PUT", f"{request}/{name}?offset={offset}", content=piece)
        return msgspec.json.decode(answer.content, type=_Held).held

    async def _ask(self, method: str, path: str, *, content: bytes) -> Response:
        """Raises Refused when the centre will never have it, Transient when not now."""
        headers = {"Authorization": f"Bearer {self._who.credential}", "Content-Type": "application/json"}
        url = f"{self._who.url}/v1/evidence/{path}"
        answer = await self._client.request(method, url, content=content, headers=headers)
        if answer.is_success:
            return answer
        if answer.status_code in (400, 404, 409, 413, 422):
            raise Refused(sentence(answer))
        raise Transient(sentence(answer))

    def _noted(self) -> list[Path]:
        return sorted(self._notes.iterdir()) if self._notes.exists() else []

    def _frozen(self, request: str) -> Path:
        return self._folder / "evidence" / request / MANIFEST


def _read(path: Path, offset: int) -> bytes:
    with path.open("rb") as stream:
        stream.seek(offset, os.SEEK_SET)
        return stream.read(PIECE)
