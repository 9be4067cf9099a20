"""`GET /v1/config`: what the company decided for its agents. They keep it, so that it holds without a line, too."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.state import centre
from jikimi.domain.agent_config import VALID_FOR, Document
from jikimi.storage.agent_settings import in_force
from jikimi.storage.passports import config_version, load_registers

router = APIRouter()


@router.get("/v1/config")
async def agent_config(request: Request) -> Response:
    """`{"version", "media", "decides", "signed"}`, the version as ETag (RFC 9110, 8.8.3); 304 when the agent has it.

    `signed` is jikimi.domain.agent_config.Signed and holds `media` again; agents that pinned no key go by the outer one
    and learn by `decides` that there are settings they cannot take.
    """
    here = centre(request)
    agent = await here.credentials.agent(request)
    async with here.services.database.read() as connection:
        version = await config_version(connection, agent.tenant_id)
        etag = f'"{version}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        register = (await load_registers(connection, agent.tenant_id))[agent.tenant_id]
        settings = await in_force(connection, agent.tenant_id, agent.device_id)
    told: dict[str, Any] = {"version": version, "media": register, "decides": bool(settings)}
    if (keys := here.services.config_keys) is not None:
        now = here.services.clock()
        told["signed"] = keys.sign(
            Document(agent.tenant_id, agent.device_id, version, now, now + VALID_FOR, register, settings)
        )
    return Response(msgspec.json.encode(told), media_type="application/json", headers={"ETag": etag})
