"""From a checked upload to a durable answer.

Order is everything here: cut what was answered for before, append the rest to the log, write the mark, answer. Killed
between append and mark, the agent resends what is in the log already; consumers cut it by their own `seen` mark (the
same sequence numbers, nothing else). Killed before the append, nothing was promised.
"""

from datetime import datetime

import msgspec

from api.batch import Upload, batches_after
from api.credentials import AgentIdentity
from api.credit import Credit
from api.errors import ApiError
from api.ledger import Entry, Ledger
from api.spools import Spool, Spools
from jikimi.domain.event import Envelope, encode_envelope
from jikimi.stream.port import EVENTS, EventLog, NewRecord


class Receipt(msgspec.Struct, frozen=True):
    """The answer to an upload.

    `events_lost` is what the agent declared lost with it. It is told, measured and logged but not put in the counters:
    the agent's `gap` event names the same loss, and detectors count that.
    """

    acked_through: int
    credit: int
    accepted: int = 0
    duplicates: int = 0
    dead_lettered: int = 0
    events_lost: int = 0


class Lost(msgspec.Struct, frozen=True):
    """The agent's own word that it no longer has these sequence numbers."""

    first: int
    last: int


class Intake:
    """Takes uploads of all agents; those of one spool in turn."""

    def __init__(self, log: EventLog, ledger: Ledger, spools: Spools, credit: Credit) -> None:
        self._log = log
        self._ledger = ledger
        self._spools = spools
        self._credit = credit

    async def accept(
        self, agent: AgentIdentity, upload: Upload, *, received_at: datetime, lost: Lost | None = None
    ) -> Receipt:
        """Durable when it returns. Raises ApiError 409 for a gap, Transient when the log or database is away."""
        sent = upload.envelope
        async with self._spools.turn(sent.agent_id, sent.epoch, first_seq=sent.first_seq) as spool:
            if sent.count == 0:
                mark = -1 if spool.mark is None else spool.mark
                return Receipt(acked_through=mark, credit=await self._credit.grant(None))
            return await self._take(agent, upload, received_at, spool, lost)

    async def _take(
        self, agent: AgentIdentity, upload: Upload, received_at: datetime, spool: Spool, lost: Lost | None
    ) -> Receipt:
        sent = upload.envelope
        mark = sent.first_seq - 1 if spool.mark is None else spool.mark
        missing = _missing(sent, mark, lost)
        new = max(0, sent.last_seq - max(mark, sent.first_seq - 1))
        fresh_rejects = [rejected for rejected in upload.rejected if rejected.seq > mark]
        batches = batches_after(upload, mark, stamped(sent, agent, received_at))
        key = agent.tenant_id.encode()
        places = (
            await self._log.append(
                EVENTS,
                [NewRecord(key, batch.block, {"envelope": encode_envelope(batch.envelope)}) for batch in batches],
            )
            if batches
            else []
        )
        accepted, duplicates = new - len(fresh_rejects), sent.count - new
        acked = max(mark, sent.last_seq)
        await self._ledger.write(
            Entry(
                agent,
                received_at,
                epoch=sent.epoch,
                acked_through=acked,
                counts={"events_accepted": accepted, "duplicates_cut": duplicates},
                rejected=fresh_rejects,
            )
        )
        spool.mark = acked
        credit = await self._credit.grant(places[0][0] if places else None)
        return Receipt(acked, credit, accepted, duplicates, len(fresh_rejects), missing)


def stamped(sent: Envelope, agent: AgentIdentity, received_at: datetime) -> Envelope:
    """The envelope as the log keeps it: who sent it comes from the credential, when from our clock."""
    return msgspec.structs.replace(sent, tenant_id=agent.tenant_id, device_id=agent.device_id, received_at=received_at)


def _missing(sent: Envelope, mark: int, lost: Lost | None) -> int:
    """How many numbers the agent declared lost; a gap nobody declared is refused.

    Accepting it would move the mark past numbers that may still come (two uploads that overtook each other), and cut
    them as duplicates then.
    """
    expected = mark + 1
    if sent.first_seq <= expected:
        return 0
    if lost == Lost(expected, sent.first_seq - 1):
        return sent.first_seq - expected
    raise ApiError(
        409,
        "gap",
        f"number {expected} is expected next in epoch {sent.epoch}, but the batch begins at {sent.first_seq}; send the "
        f"missing events, or say that they are lost with the header Jikimi-Lost: {expected}-{sent.first_seq - 1}",
        more={"expected": expected},
    )
