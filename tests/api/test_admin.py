"""`/v1/admin/*`: for the admin token, from this machine, and every refusal says what to do."""

import httpx
import pytest

from tests.api.running_centre import ADMIN, RunningCentre, event

ROUTES = [
    ("GET", "tenants"),
    ("POST", "tenants"),
    ("POST", "sites"),
    ("POST", "contacts"),
    ("GET", "contacts"),
    ("POST", "enrolment-tokens"),
    ("PUT", "placeholders"),
    ("GET", "placeholders"),
    ("GET", "device-passports"),
    ("POST", "device-passports"),
    ("POST", "device-passports/x/revoke"),
    ("POST", "device-passports/x/until"),
    ("POST", "device-passports/enforcement"),
    ("POST", "users"),
    ("GET", "users"),
    ("GET", "agents"),
    ("POST", "websites"),
    ("GET", "websites"),
    ("POST", "websites/x/deploying"),
    ("POST", "websites/x/end"),
    ("POST", "agents/x/revoke"),
    ("GET", "dead-letters"),
    ("GET", "status"),
]


async def _post(centre: RunningCentre, path: str, **wish: object) -> httpx.Response:
    return await centre.client.post(f"/v1/admin/{path}", json=wish, headers=ADMIN)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("token", [None, "Bearer wrong", "Bearer \u00e9", "Basic admin-token-of-this-machine"])
async def test_no_route_answers_without_the_token(
    centre: RunningCentre, method: str, path: str, token: str | None
) -> None:
    headers = {b"Authorization": token.encode("latin-1")} if token else {}
    answer = await centre.client.request(method, f"/v1/admin/{path}", headers=headers, json={})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")


@pytest.mark.parametrize(
    ("address", "allowed"), [("127.0.0.9", True), ("::1", True), ("192.0.2.7", False), ("::ffff:192.0.2.7", False)]
)
async def test_the_token_is_good_on_this_machine_only(centre: RunningCentre, address: str, allowed: bool) -> None:
    transport = httpx.ASGITransport(centre.app, client=(address, 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/v1/admin/status", headers=ADMIN)
    assert answer.status_code == (200 if allowed else 403)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
async def test_a_call_through_a_proxy_is_not_from_this_machine(centre: RunningCentre, header: str) -> None:
    answer = await centre.client.get("/v1/admin/status", headers={**ADMIN, header: "127.0.0.1"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_company_is_added_with_its_hours_and_listed(centre: RunningCentre) -> None:
    added = await _post(centre, "tenants", name="한빛정밀", work_start="08:30", work_end="19:00", work_days=[1, 2, 3])
    assert added.status_code == 201
    listed = (await centre.client.get("/v1/admin/tenants", headers=ADMIN)).json()
    assert listed == [added.json()]
    assert listed[0]["work_hours"] == {"start": "08:30:00", "end": "19:00:00", "days": [1, 2, 3]}


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"name": "한빛정밀"}, "already there"),
        ({"name": "가", "zone": "Mars/Olympus"}, "time zone"),
        ({"name": ""}, "name"),
        ({"name": "가", "language": "fr"}, "language"),
        ({"name": "가", "work_days": [8]}, "work_days"),
        ({"name": "가", "colour": "red"}, "colour"),
    ],
)
async def test_a_company_that_cannot_be_is_refused_in_words(
    centre: RunningCentre, wish: dict[str, object], words: str
) -> None:
    await centre.tenant("한빛정밀")
    answer = await _post(centre, "tenants", **wish)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


async def test_a_token_for_the_only_company_needs_no_name(centre: RunningCentre) -> None:
    await centre.tenant("한빛정밀")
    answer = await _post(centre, "enrolment-tokens", tenant=None, uses=1, minutes=5)
    assert (answer.status_code, answer.json()["tenant"]) == (201, "한빛정밀")


async def test_without_a_name_that_is_known_none_or_several_companies_are_told(centre: RunningCentre) -> None:
    none = await _post(centre, "sites", name="창원공장", tenant="없는회사")
    await centre.tenant("한빛정밀")
    await centre.tenant("대성테크")
    several = await _post(centre, "enrolment-tokens")
    unknown = await _post(centre, "enrolment-tokens", tenant="없는회사")
    assert [answer.status_code for answer in (none, several, unknown)] == [422, 422, 422]
    assert "tenant add" in none.json()["error"]
    for answer in (several, unknown):
        assert "한빛정밀" in answer.json()["error"]
        assert "대성테크" in answer.json()["error"]


async def test_a_contact_is_added_by_the_companys_name(centre: RunningCentre) -> None:
    await centre.tenant("한빛정밀")
    wish = {"tenant": "한빛정밀", "name": "김담당", "phone": "010 0000 0000", "email": "kim@example.com"}
    assert (await _post(centre, "contacts", **wish)).status_code == 201
    (contact,) = (await centre.client.get("/v1/admin/contacts", headers=ADMIN)).json()
    assert (contact["name"], contact["phone"], contact["sms_from"]) == ("김담당", "01000000000", "medium")


@pytest.mark.parametrize(
    "wish", [{}, {"phone": "내 번호"}, {"email": "kim"}, {"phone": "010-0000-0000", "sms_from": "huge"}]
)
async def test_a_contact_who_cannot_be_reached_is_refused(centre: RunningCentre, wish: dict[str, str]) -> None:
    await centre.tenant()
    answer = await _post(centre, "contacts", name="김담당", **wish)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_a_generated_password_is_told_once_and_kept_hashed(centre: RunningCentre) -> None:
    answer = await _post(centre, "users", login="minsu", name="김민수")
    assert answer.status_code == 201
    assert len(answer.json()["password"]) >= 16
    async with centre.database.read() as connection:
        kept = (await connection.exec_driver_sql("SELECT password_hash FROM users")).scalar_one()
    assert kept.startswith("$argon2id$")
    assert "password" not in (await centre.client.get("/v1/admin/users", headers=ADMIN)).text


async def test_a_login_is_given_once(centre: RunningCentre) -> None:
    await _post(centre, "users", login="minsu", name="김민수", password="twelve-letters")
    again = await _post(centre, "users", login="minsu", name="다른 사람")
    assert again.status_code == 422
    assert "minsu" in again.json()["error"]


async def test_a_placeholder_keeps_the_values_given_last_until_it_has_none(centre: RunningCentre) -> None:
    async def put(**wish: object) -> httpx.Response:
        return await centre.client.put("/v1/admin/placeholders", json=wish, headers=ADMIN)

    await centre.tenant()
    await put(name="Servers", values=["srv*"])
    assert (await put(name="DomainControllers", values=["DC01", "DC02"])).json()["values"] == ["DC01", "DC02"]
    listed = (await centre.client.get("/v1/admin/placeholders", headers=ADMIN)).json()
    assert listed == [
        {"name": "DomainControllers", "values": ["DC01", "DC02"]},
        {"name": "Servers", "values": ["srv*"]},
    ]
    assert (await put(name="Servers")).json()["values"] == []
    assert len((await centre.client.get("/v1/admin/placeholders", headers=ADMIN)).json()) == 1
    assert (await put(name="%Servers%", values=["x"])).status_code == 422


async def test_agents_are_listed_with_their_company_and_device(centre: RunningCentre) -> None:
    agent = await centre.agent()
    (listed,) = (await centre.client.get("/v1/admin/agents", headers=ADMIN)).json()
    assert (listed["id"], listed["tenant"], listed["device"]) == (agent.agent_id, "한빛정밀", "회계PC-03")
    assert listed["last_seen"] is None


async def test_revoking_an_unknown_agent_says_how_to_find_one(centre: RunningCentre) -> None:
    answer = await _post(centre, "agents/nobody/revoke")
    assert answer.status_code == 404
    assert "agent list" in answer.json()["error"]


async def test_dead_letters_are_listed_with_their_reason(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await centre.upload(agent, [b"\xff\xfe", event(1)])
    (letter,) = (await centre.client.get("/v1/admin/dead-letters", headers=ADMIN)).json()
    assert letter["raw"] == "\\xff\\xfe"
    assert letter["reason"].startswith("not JSON")
    assert letter["source"] == f"{agent.agent_id}.e1.0"


async def test_status_is_the_centres_own(centre: RunningCentre) -> None:
    assert (await centre.client.get("/v1/admin/status", headers=ADMIN)).json() == {"silent_agents": 0}


async def test_the_first_token_of_a_centre_without_a_company_makes_its_own(centre: RunningCentre) -> None:
    for _ in range(2):
        assert (await _post(centre, "enrolment-tokens")).json()["tenant"] == "우리 회사"
    listed = (await centre.client.get("/v1/admin/tenants", headers=ADMIN)).json()
    assert [tenant["name"] for tenant in listed] == ["우리 회사"]
