"""Who would be told of an incident of a given risk, by which channel: shown before an action is done."""

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.incidents.masking import mask_mail, mask_phone
from jikimi.domain.risk import RiskLevel
from jikimi.storage.schema import contacts


class Reach(msgspec.Struct, frozen=True):
    """One contact on one channel (sms | mail), the address masked. `told` says whether this risk reaches them."""

    name: str
    channel: str
    address: str
    told: bool


async def load_reach(connection: AsyncConnection, tenant_id: str, risk: RiskLevel) -> list[Reach]:
    found: list[Reach] = []
    for row in await connection.execute(select(contacts).where(contacts.c.tenant_id == tenant_id)):
        if row.phone:
            found.append(Reach(row.name, "sms", mask_phone(row.phone), risk >= RiskLevel[row.sms_from]))
        if row.email:
            found.append(Reach(row.name, "mail", mask_mail(row.email), risk >= RiskLevel[row.mail_from]))
    return found
