"""The page behind the link in a message."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from api.pages.words import EN, KO
from jikimi.domain.risk import RiskLevel
from jikimi.storage.schema import answer_links, incident_history, incidents
from tests.api.console_client import Analyst
from tests.api.seed import Seed


async def linked(analyst: Analyst, *, language: str = "ko", valid: timedelta = timedelta(days=14)) -> str:
    async def write(seed: Seed) -> str:
        company = await seed.company("한빛정밀", language=language)
        incident = await seed.incident(company, "문서 <214>개가 복사됨", "214 documents copied", RiskLevel.very_high)
        return await seed.link(company, incident, valid=valid)

    return await analyst.seed(write)


async def test_opening_the_link_shows_and_changes_nothing(analyst_client: Analyst) -> None:
    token = await linked(analyst_client)
    for _ in range(2):
        page = await analyst_client.http.get(f"/k/{token}")
        assert page.status_code == 200
    assert "문서 &lt;214&gt;개가 복사됨" in page.text
    assert "매우높음" in page.text
    assert page.text.count("<li>") == 3
    assert "우리 직원이 한 일입니다" in page.text
    assert "<script" not in page.text
    [(used,)] = await analyst_client.rows(select(answer_links.c.used_at))
    assert used is None


@pytest.mark.parametrize("answer", ["ours", "help", "call"])
async def test_an_answer_is_kept_with_the_incident(analyst_client: Analyst, answer: str) -> None:
    token = await linked(analyst_client)
    page = await analyst_client.http.post(f"/k/{token}", data={"answer": answer})
    assert KO["thanks"] in page.text
    [row] = await analyst_client.rows(select(incidents))
    assert (row.client_answered_at, row.version) == (analyst_client.clock[0], 2)
    last = (await analyst_client.rows(select(incident_history).order_by(incident_history.c.id)))[-1]
    assert (last.kind, last.actor, last.detail["answer"]) == ("client_answered", "박담당", answer)


async def test_only_the_first_answer_counts(analyst_client: Analyst) -> None:
    token = await linked(analyst_client)
    await analyst_client.http.post(f"/k/{token}", data={"answer": "help"})
    page = await analyst_client.http.post(f"/k/{token}", data={"answer": "ours"})
    assert KO["answered_already"] in page.text
    assert KO["got_help"] in page.text
    [(kept,)] = await analyst_client.rows(select(answer_links.c.answer))
    assert kept == "help"


async def test_an_expired_link_shows_nothing_of_the_incident_and_takes_no_answer(analyst_client: Analyst) -> None:
    token = await linked(analyst_client, valid=timedelta(days=1))
    analyst_client.later(days=1)
    page = await analyst_client.http.post(f"/k/{token}", data={"answer": "help"})
    assert page.status_code == 410
    assert "214" not in page.text
    [row] = await analyst_client.rows(select(incidents))
    assert row.client_answered_at is None


async def test_an_unknown_token_finds_nothing(analyst_client: Analyst) -> None:
    assert (await analyst_client.http.get("/k/AAAAAAAAAAAAAAAAAAAAAA")).status_code == 404


async def test_an_answer_that_is_none_is_refused(analyst_client: Analyst) -> None:
    token = await linked(analyst_client)
    assert (await analyst_client.http.post(f"/k/{token}", data={"answer": "maybe"})).status_code == 422


async def test_a_button_of_a_mail_offers_its_answer_and_sends_nothing_yet(analyst_client: Analyst) -> None:
    token = await linked(analyst_client)
    page = await analyst_client.http.get(f"/k/{token}?answer=help")
    assert KO["confirm"].format(answer=KO["help"]) in page.text
    [(used,)] = await analyst_client.rows(select(answer_links.c.used_at))
    assert used is None
    other = await analyst_client.http.get(f"/k/{token}?answer=%3Cscript")
    assert KO["send"] not in other.text


async def test_the_contact_reads_their_own_language(analyst_client: Analyst) -> None:
    token = await linked(analyst_client, language="en")
    page = await analyst_client.http.get(f"/k/{token}")
    assert "214 documents copied" in page.text
    assert EN["help"] in page.text


def test_both_languages_have_every_word() -> None:
    assert KO.keys() == EN.keys()
