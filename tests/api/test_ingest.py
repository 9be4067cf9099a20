"""`POST /v1/batches`: what is acknowledged is in the log, once, whatever else was in the batch."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

from jikimi.domain.event import MAX_EVENT_BYTES
from tests.api.running_centre import ADMIN, NOW, Agent, RunningCentre, body, event, running_centre


async def test_an_accepted_batch_is_in_the_log_as_sent_under_the_credentials_name(centre: RunningCentre) -> None:
    agent = await centre.agent()
    answer = await centre.upload(agent, [event(0), event(1)])
    assert answer.status_code == 200
    assert answer.json() | {"credit": 0} == {
        "acked_through": 1,
        "credit": 0,
        "accepted": 2,
        "duplicates": 0,
        "dead_lettered": 0,
        "events_lost": 0,
    }
    (batch,) = await centre.logged()
    assert batch.block == event(0) + b"\n" + event(1) + b"\n"
    envelope = batch.envelope
    assert (envelope.tenant_id, envelope.device_id, envelope.received_at) == (agent.tenant_id, agent.device_id, NOW)


async def test_a_plain_body_is_taken_like_a_compressed_one(centre: RunningCentre) -> None:
    agent = await centre.agent()
    answer = await centre.client.post("/v1/batches", content=body(agent, [event()]), headers=agent.headers)
    assert answer.status_code == 200
    assert await centre.logged_events() == {0: event()}


async def test_bad_events_go_to_the_dead_letters_and_cost_no_neighbour(centre: RunningCentre) -> None:
    agent = await centre.agent()
    lines = [event(0), b"{broken", event(2), b"[1]", b'{"no":"time"}', event(5)]
    answer = (await centre.upload(agent, lines)).json()
    assert (answer["acked_through"], answer["accepted"], answer["dead_lettered"]) == (5, 3, 3)
    assert await centre.logged_events() == {0: event(0), 2: event(2), 5: event(5)}
    letters = await centre.letters()
    assert [letter.source for letter in letters] == [f"{agent.agent_id}.e1.{seq}" for seq in (1, 3, 4)]
    assert [letter.raw for letter in letters] == [lines[1], lines[3], lines[4]]
    assert letters[0].reason.startswith("not JSON")
    assert (await centre.totals()) == {"events_accepted": 3, "dead_lettered": 3}


async def test_a_batch_of_nothing_but_bad_events_is_acknowledged_and_not_logged(centre: RunningCentre) -> None:
    agent = await centre.agent()
    answer = (await centre.upload(agent, [b"?", b"!"])).json()
    assert (answer["acked_through"], answer["accepted"], answer["dead_lettered"]) == (1, 0, 2)
    assert await centre.logged() == []


async def test_a_replayed_batch_is_answered_as_done_and_stored_once(centre: RunningCentre) -> None:
    agent = await centre.agent()
    lines = [event(0), b"bad", event(2)]
    await centre.upload(agent, lines)
    answer = await centre.upload(agent, lines)
    assert answer.status_code == 200
    assert (answer.json()["acked_through"], answer.json()["accepted"], answer.json()["duplicates"]) == (2, 0, 3)
    assert await centre.logged_events() == {0: event(0), 2: event(2)}
    assert await centre.totals() == {"events_accepted": 2, "dead_lettered": 1, "duplicates_cut": 3}


async def test_of_an_overlapping_batch_only_the_new_part_is_stored(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await centre.upload(agent, [event(n) for n in range(3)])
    answer = (await centre.upload(agent, [event(n) for n in range(1, 6)], first_seq=1)).json()
    assert (answer["acked_through"], answer["accepted"], answer["duplicates"]) == (5, 3, 2)
    assert await centre.logged_events() == {n: event(n) for n in range(6)}


async def test_a_gap_is_refused_with_the_number_that_is_expected(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await centre.upload(agent, [event(0)])
    answer = await centre.upload(agent, [event(5)], first_seq=5)
    assert (answer.status_code, answer.json()["code"], answer.json()["expected"]) == (409, "gap", 1)
    assert await centre.logged_events() == {0: event(0)}


async def test_a_gap_the_agent_declares_lost_is_taken_and_measured(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await centre.upload(agent, [event(0)])
    answer = await centre.upload(agent, [event(5)], first_seq=5, headers={"Jikimi-Lost": "1-4"})
    assert (answer.status_code, answer.json()["events_lost"], answer.json()["acked_through"]) == (200, 4, 5)
    metrics = (await centre.client.get("/metrics", headers=ADMIN)).text
    assert 'jikimi_ingest_events_total{outcome="events_lost"} 4.0' in metrics


@pytest.mark.parametrize("lost", ["1-3", "2-4", "0-4", "1-5"])
async def test_a_gap_declared_wrongly_stays_refused(centre: RunningCentre, lost: str) -> None:
    agent = await centre.agent()
    await centre.upload(agent, [event(0)])
    answer = await centre.upload(agent, [event(5)], first_seq=5, headers={"Jikimi-Lost": lost})
    assert answer.status_code == 409


async def test_a_new_epoch_may_begin_anywhere(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await centre.upload(agent, [event(0)], epoch="old")
    answer = await centre.upload(agent, [event(700)], epoch="new", first_seq=700)
    assert (answer.status_code, answer.json()["acked_through"]) == (200, 700)


async def test_an_empty_batch_asks_where_the_centre_stands(centre: RunningCentre) -> None:
    agent = await centre.agent()
    assert (await centre.upload(agent, [])).json()["acked_through"] == -1
    await centre.upload(agent, [event(0), event(1)])
    assert (await centre.upload(agent, [])).json()["acked_through"] == 1


async def test_the_mark_outlives_the_centre(tmp_path: Path) -> None:
    async with running_centre(tmp_path) as first:
        agent = await first.agent()
        await first.upload(agent, [event(0), event(1)])
    async with running_centre(tmp_path) as second:
        answer = (await second.upload(agent, [event(1), event(2)], first_seq=1)).json()
        assert (answer["acked_through"], answer["accepted"], answer["duplicates"]) == (2, 1, 1)
        assert await second.logged_events() == {n: event(n) for n in range(3)}


async def test_uploads_of_one_spool_at_once_store_each_number_once(centre: RunningCentre) -> None:
    agent = await centre.agent()
    lines = [event(n) for n in range(20)]
    answers = await asyncio.gather(*(centre.upload(agent, lines) for _ in range(8)))
    assert sorted(answer.json()["accepted"] for answer in answers) == [0] * 7 + [20]
    assert await centre.logged_events() == dict(enumerate(lines))


async def test_agents_upload_side_by_side(centre: RunningCentre) -> None:
    tenant = await centre.tenant()
    agents = [await centre.agent(tenant, device=f"PC-{n}") for n in range(12)]
    answers = await asyncio.gather(*(centre.upload(agent, [event(n)]) for n, agent in enumerate(agents)))
    assert {answer.status_code for answer in answers} == {200}
    assert {batch.envelope.agent_id for batch in await centre.logged()} == {agent.agent_id for agent in agents}
    assert (await centre.totals())["events_accepted"] == 12


@pytest.mark.parametrize("claim", [{"tenant_id": "other"}, {"device_id": "other"}, {"agent_id": "other"}])
async def test_an_envelope_that_names_someone_else_is_refused_and_counted(
    centre: RunningCentre, claim: dict[str, str]
) -> None:
    agent = await centre.agent()
    answer = await centre.upload(agent, [event()], headers=None, **claim)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_tenant")
    assert await centre.logged() == []
    assert await centre.totals() == {"batches_refused": 1}


async def test_an_envelope_may_name_its_own_tenant_and_device(centre: RunningCentre) -> None:
    agent = await centre.agent()
    answer = await centre.upload(agent, [event()], tenant_id=agent.tenant_id, device_id=agent.device_id)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (b"", "empty"),
        (b"not json\n", "first line"),
        (b"{}\n", "first line"),
        (b"\xff\xfe\n" + event(), "first line"),
        (b"{" * 5000, "first line"),
        (b'{"unknown":' + b"[" * 4000, "first line"),
    ],
)
async def test_a_body_without_an_envelope_is_malformed(centre: RunningCentre, sent: bytes, sentence: str) -> None:
    agent = await centre.agent()
    answer = await centre.client.post("/v1/batches", content=sent, headers=agent.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize(
    "changes",
    [
        {"count": 3},
        {"count": 1},
        {"count": -1},
        {"first_seq": -1},
        {"first_seq": 2**53},
        {"first_seq": 10**30},
        {"epoch": ""},
        {"epoch": "a.b"},
        {"epoch": "x" * 65},
        {"sent_at": "2026-11-22T02:13:00"},
        {"sent_at": "yesterday"},
        {"logsource": {"product": "p" * 129}},
        {"logsource": None},
    ],
)
async def test_an_envelope_that_cannot_be_is_malformed(centre: RunningCentre, changes: dict[str, Any]) -> None:
    agent = await centre.agent()
    answer = await centre.upload(agent, [event(0), event(1)], headers=None, **changes)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert await centre.logged() == []


async def _post(centre: RunningCentre, agent: Agent, content: bytes, **headers: str) -> httpx.Response:
    told = {**agent.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await centre.client.post("/v1/batches", content=content, headers=told)


@pytest.mark.parametrize("keep", [0, 1, 5, 20, -1])
async def test_a_broken_zstd_frame_is_malformed(centre: RunningCentre, keep: int) -> None:
    agent = await centre.agent()
    frame = zstandard.compress(body(agent, [event()]))
    answer = await _post(centre, agent, frame[:keep], Content_Encoding="zstd")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_bytes_after_the_frame_are_malformed(centre: RunningCentre) -> None:
    agent = await centre.agent()
    frame = zstandard.compress(body(agent, [event()]))
    answer = await _post(centre, agent, frame + frame, Content_Encoding="zstd")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize("states_its_size", [True, False])
async def test_a_decompression_bomb_is_too_large(centre: RunningCentre, states_its_size: bool) -> None:
    agent = await centre.agent()
    stream = zstandard.ZstdCompressor(write_content_size=states_its_size).compress(bytes(32 << 20))
    assert len(stream) < 10_000
    answer = await _post(centre, agent, stream, Content_Encoding="zstd")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_frame_that_asks_for_a_huge_window_is_too_large(centre: RunningCentre) -> None:
    agent = await centre.agent()
    wide = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    frame = compressor.compress(body(agent, [event()])) + compressor.flush()
    answer = await _post(centre, agent, frame, Content_Encoding="zstd")
    assert answer.status_code == 413


async def test_a_body_over_the_limit_is_too_large_whether_it_says_its_size_or_not(centre: RunningCentre) -> None:
    agent = await centre.agent()

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(64 * 1024)

    stated = await _post(centre, agent, bytes(2 << 20))
    chunked = await centre.client.post("/v1/batches", content=chunks(), headers=agent.headers)
    assert [answer.json()["code"] for answer in (stated, chunked)] == ["too_large", "too_large"]


async def test_too_many_events_are_too_large(centre: RunningCentre) -> None:
    agent = await centre.agent()
    answer = await centre.upload(agent, [b"{}"] * 10_001)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "headers",
    [{"Content_Encoding": "gzip"}, {"Content_Encoding": "zstd, zstd"}, {"Content_Type": "application/json"}],
)
async def test_another_encoding_or_content_type_is_unsupported(centre: RunningCentre, headers: dict[str, str]) -> None:
    agent = await centre.agent()
    answer = await _post(centre, agent, body(agent, [event()]), **headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "Bearer wrong", "Bearer \u00e9"])
async def test_without_a_known_credential_nothing_is_read(centre: RunningCentre, header: str) -> None:
    answer = await centre.client.post("/v1/batches", headers={b"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")


async def test_a_revoked_agent_is_told_so(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await centre.upload(agent, [event()])
    await centre.client.post(f"/v1/admin/agents/{agent.agent_id}/revoke", headers=ADMIN)
    answer = await centre.upload(agent, [event(1)], first_seq=1)
    assert (answer.status_code, answer.json()["code"]) == (403, "revoked")


async def test_an_oversized_event_is_one_dead_letter(centre: RunningCentre) -> None:
    agent = await centre.agent()
    huge = event(1, text="x" * MAX_EVENT_BYTES)
    answer = (await centre.upload(agent, [event(0), huge, event(2)])).json()
    assert (answer["accepted"], answer["dead_lettered"]) == (2, 1)
    assert await centre.logged_events() == {0: event(0), 2: event(2)}


async def test_a_company_over_its_quota_waits_and_another_does_not(tmp_path: Path) -> None:
    async with running_centre(tmp_path, tenant_bytes_per_second=1, tenant_burst_bytes=10) as centre:
        agent, other = await centre.agent(), await centre.agent(await centre.tenant("대성테크"))
        assert (await centre.upload(agent, [event(0)])).status_code == 200
        refused = await centre.upload(agent, [event(1)], first_seq=1)
        assert (refused.status_code, refused.json()["code"]) == (429, "quota")
        assert int(refused.headers["Retry-After"]) > 1
        assert (await centre.upload(other, [event(0)])).status_code == 200


async def test_credit_falls_as_the_detectors_fall_behind(tmp_path: Path) -> None:
    async with running_centre(tmp_path, backlog_records=4) as centre:
        agent = await centre.agent()
        centre.app.state.centre.credit._monotonic = iter(range(1_000_000)).__next__
        grants = [(await centre.upload(agent, [event(n)], first_seq=n)).json()["credit"] for n in range(6)]
        assert grants[0] == 8 << 20
        assert grants == sorted(grants, reverse=True)
        assert grants[-1] == 0


async def test_a_log_that_cannot_take_events_promises_nothing(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await centre.log.close()
    answer = await centre.upload(agent, [event()])
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "Retry-After" in answer.headers
    assert await centre.totals() == {}


async def test_metrics_count_what_became_of_events(centre: RunningCentre) -> None:
    agent = await centre.agent()
    await centre.upload(agent, [event(), b"bad"])
    text = (await centre.client.get("/metrics", headers=ADMIN)).text
    assert 'jikimi_ingest_events_total{outcome="accepted"} 1.0' in text
    assert 'jikimi_ingest_events_total{outcome="dead_lettered"} 1.0' in text
    assert (await centre.client.get("/metrics")).status_code == 401
