"""What the centre decides for agents: set, shown, merged, signed, on the access record."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from collectors import verify
from jikimi.domain.agent_config import Document, Signed
from jikimi.storage.schema import access_records
from tests.api.running_centre import ADMIN, Agent, RunningCentre

URL = "/v1/admin/agent-config"


async def put(centre: RunningCentre, settings: dict[str, Any], device: str | None = None) -> Any:
    wish = {"settings": settings, "device": device, "by": "이부장"}
    return await centre.client.put(URL, json=wish, headers=ADMIN)


async def document(centre: RunningCentre, agent: Agent) -> Document:
    """As the agent verifies and opens it."""
    told = (await centre.client.get("/v1/config", headers=agent.headers)).json()
    signed = msgspec.convert(told["signed"], Signed)
    assert verify.judge(verify.Question(agent.config_key, signed)).key
    opened = msgspec.json.decode(signed.document, type=Document)
    assert opened.version == told["version"]
    return opened


async def test_a_device_gets_the_companys_settings_with_its_own_over_them(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await put(centre, {"protect": ["/srv/a"], "caps": {"cpu_percent": 20, "memory_mb": 300}})
    answer = await put(centre, {"protect": ["/srv/b"], "caps": {"cpu_percent": 30}}, "회계PC-03")
    both = {"protect": ["/srv/b"], "caps": {"cpu_percent": 30, "memory_mb": 300}}
    assert answer.json()["in_force"] == both
    told = await document(centre, agent)
    assert (told.settings, told.tenant_id, told.device_id) == (both, agent.tenant_id, agent.device_id)
    shown = (await centre.client.get(URL, params={"device": "회계PC-03"}, headers=ADMIN)).json()
    assert shown == answer.json()


async def test_another_device_and_another_company_do_not_see_them(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await put(centre, {"protect": ["/srv/b"]}, "회계PC-03")
    neighbour = await centre.agent(agent.tenant_id, device="영업PC-01")
    stranger = await centre.agent(await centre.tenant("다른회사"))
    assert (await document(centre, neighbour)).settings == {}
    assert (await document(centre, stranger)).settings == {}


async def test_every_change_raises_the_version_and_is_on_the_access_record(centre: RunningCentre) -> None:
    agent = await centre.agent()
    versions = [(await document(centre, agent)).version]
    for settings in ({"tell_processes": False}, {}):
        assert (await put(centre, settings)).status_code == 200
        versions.append((await document(centre, agent)).version)
    assert versions == sorted(set(versions))
    assert (await document(centre, agent)).settings == {}
    async with centre.database.read() as connection:
        tasks = list((await connection.execute(select(access_records.c.task).order_by(access_records.c.id))).scalars())
    assert tasks == [
        "tell_processes set for agents of the whole company",
        "nothing set for agents of the whole company",
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"protekt": []},
        {"lab_loop_is_removable": True},
        {"remote": False},
        {"malware": {"files": ["/tmp/x.yar"]}},
        {"network_devices": {"key": "/etc/ssl/key.pem"}},
        {"logs": {"files": ["/etc/shadow"]}},
        {"logs": {"files": ["/var/log/../../etc/shadow"]}},
        {"protect": ["relative"]},
        {"protect": ["/srv/../etc"]},
        {"capture": {"interface": "TCP@192.0.2.1"}},
        {"capture": {"interface": "-i"}},
        {"capture": {"interface": "/tmp/pipe"}},
        {"caps": {"memory_mb": 1}},
        {"caps": {"cpu_percent": 0}},
        {"tell_processes": "no"},
    ],
)
async def test_what_the_centre_may_not_decide_is_refused(centre: RunningCentre, settings: dict[str, Any]) -> None:
    await centre.tenant()
    answer = await put(centre, settings)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_an_unknown_device_is_named_in_the_refusal(centre: RunningCentre) -> None:
    await centre.tenant()
    answer = await put(centre, {}, "없는PC")
    assert (answer.status_code, "없는PC" in answer.json()["error"]) == (422, True)


async def test_after_a_change_of_the_key_agents_of_every_company_ask_again_and_follow(centre: RunningCentre) -> None:
    agent = await centre.agent()
    before = (await document(centre, agent)).version
    answer = await centre.client.post(f"{URL}/new-key", json={"by": "이부장"}, headers=ADMIN)
    assert answer.status_code == 200
    assert (await document(centre, agent)).version > before
    newcomer = await centre.agent(agent.tenant_id, device="영업PC-01")
    assert newcomer.config_key != agent.config_key
    await document(centre, newcomer)


async def test_only_the_administrator_of_the_machine_may_set(centre: RunningCentre) -> None:
    agent = await centre.agent()
    wish = {"settings": {}, "by": "누구"}
    assert (await centre.client.put(URL, json=wish, headers=agent.headers)).status_code == 401
