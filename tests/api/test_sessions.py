"""Who is signed in, for how long, by which cookie."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import func, select

from api.pages.sign_in import inside
from api.sessions import is_loopback
from api.sign_in_limits import BY_PAIR, WINDOW, SignInLimits
from jikimi.storage.schema import access_records, sessions
from tests.api.console_client import HOST, Analyst

NOW = datetime(2026, 11, 22, tzinfo=UTC)


async def test_the_right_password_opens_a_session_on_loopback(analyst_client: Analyst) -> None:
    answer = await analyst_client.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("jikimi=")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert (await analyst_client.http.get("/api/people")).status_code == 200


async def test_only_the_hash_of_the_token_is_kept(analyst_client: Analyst) -> None:
    await analyst_client.sign_in()
    token = analyst_client.http.cookies["jikimi"]
    [(kept,)] = await analyst_client.rows(select(sessions.c.token_hash))
    assert token not in kept
    assert len(kept) == 64


async def test_over_tls_the_cookie_is_bound_to_the_host(analyst_client: Analyst) -> None:
    async with analyst_client.browser("https://centre.example.com") as browser:
        form = {"login": "analyst", "password": "correct horse battery"}
        cookie = (await browser.post("/sign-in", data=form)).headers["set-cookie"]
    assert cookie.startswith("__Host-jikimi=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


async def test_nobody_signs_in_over_plain_http_from_elsewhere(analyst_client: Analyst) -> None:
    async with analyst_client.browser("http://centre.example.com") as browser:
        answer = await browser.post("/sign-in", data={"login": "analyst", "password": "correct horse battery"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("login", ["analyst", "nobody"])
async def test_a_wrong_password_and_an_unknown_login_read_alike(analyst_client: Analyst, login: str) -> None:
    answer = await analyst_client.sign_in(login, "wrong")
    assert answer.status_code == 401
    assert "아이디나 비밀번호가 맞지 않습니다." in answer.text


async def test_after_five_wrong_tries_even_the_right_password_must_wait(analyst_client: Analyst) -> None:
    for _ in range(BY_PAIR):
        await analyst_client.sign_in("analyst", "wrong")
    assert (await analyst_client.sign_in()).status_code == 429
    analyst_client.later(minutes=15)
    assert (await analyst_client.sign_in()).status_code == 303


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", "http://127.0.0.1:9999"])
async def test_another_sites_form_signs_nobody_in(analyst_client: Analyst, origin: str) -> None:
    assert (await analyst_client.sign_in(headers={"origin": origin})).status_code == 403


@pytest.mark.parametrize("path", ["/api/incidents/x/acknowledge", "/api/me/language", "/sign-out"])
async def test_another_sites_request_changes_nothing(analyst_client: Analyst, path: str) -> None:
    await analyst_client.sign_in()
    answer = await analyst_client.http.post(path, json={}, headers={"origin": "https://evil.example.com"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden"


async def test_signing_out_ends_the_session_on_the_server(analyst_client: Analyst) -> None:
    await analyst_client.sign_in()
    token = analyst_client.http.cookies["jikimi"]
    await analyst_client.http.post("/sign-out")
    answer = await analyst_client.http.get("/api/people", headers={"cookie": f"jikimi={token}"})
    assert answer.status_code == 401
    assert await analyst_client.rows(select(func.count()).select_from(sessions)) == [(0,)]


@pytest.mark.parametrize("after", [timedelta(hours=13), timedelta(days=8)])
async def test_an_idle_or_old_session_is_over(analyst_client: Analyst, after: timedelta) -> None:
    await analyst_client.sign_in()
    analyst_client.clock[0] += after
    assert (await analyst_client.http.get("/api/people")).status_code == 401


async def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(analyst_client: Analyst) -> None:
    answer = await analyst_client.http.get("/incidents/1001?x=1")
    assert answer.headers["location"] == "/sign-in?next=/incidents/1001%3Fx%3D1"
    assert (await analyst_client.http.get("/api/messages")).status_code == 401


async def test_pages_allow_no_inline_script_and_no_framing(analyst_client: Analyst) -> None:
    policy = (await analyst_client.http.get("/sign-in")).headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


async def test_looking_without_a_session_leaves_no_access_record(analyst_client: Analyst) -> None:
    await analyst_client.http.get("/api/messages")
    assert await analyst_client.rows(select(access_records)) == []


@pytest.mark.parametrize("to", ["//evil.example.com", "https://evil.example.com", "/\\evil.example.com", "x"])
def test_the_way_back_never_leads_to_another_site(to: str) -> None:
    assert inside(to) == "/"


def test_limits_forget_after_their_window() -> None:
    limits = SignInLimits()
    for _ in range(BY_PAIR):
        limits.failed("192.0.2.1", "kim", NOW)
    assert limits.wait("192.0.2.1", "kim", NOW) == WINDOW
    assert limits.wait("192.0.2.2", "kim", NOW) == timedelta()
    assert limits.wait("192.0.2.1", "kim", NOW + WINDOW) == timedelta()


@pytest.mark.parametrize(
    ("host", "is_it"),
    [("localhost", True), ("127.0.0.9", True), ("::1", True), ("192.0.2.1", False), ("localhost.example.com", False)],
)
def test_loopback_is_known_by_its_address(host: str, is_it: bool) -> None:
    assert is_loopback(host) is is_it


def test_the_test_host_is_loopback() -> None:
    assert is_loopback(httpx.URL(HOST).host)
