"""Any file in, canonical events out."""

import contextlib
import gzip
import io
import json
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.files import Problems, SourceEvent, check_file, input_files, read_events
from collectors.files.formats import Format
from jikimi.domain.event import event_time
from jikimi.domain.logsource import FILE_ACCESS, NETWORK_FLOW, UNKNOWN, LogSource
from jikimi.errors import Misconfigured
from jikimi.testing.corpus import corpus_root
from tests.anyone import as_anyone
from tests.collectors.flows import wire

STAMP = "2026-11-22T02:13:00.000000Z"
WINDOWS = {"@timestamp": STAMP, "EventID": 4624, "Channel": "Security"}
SECURITY = LogSource(product="windows", service="security")


def _read(tmp_path: Path, content: bytes, name: str = "in.ndjson", **how: Any) -> tuple[list[SourceEvent], Problems]:
    path = tmp_path / name
    path.write_bytes(content)
    problems = Problems()
    return list(read_events(path, problems=problems, **how)), problems


def _lines(*objects: object) -> bytes:
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in objects)


def _zip(**members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__slash__", "/"), content)
    return held.getvalue()


class TestJson:
    def test_each_line_is_an_event_of_the_log_source_its_channel_names(self, tmp_path: Path) -> None:
        found, problems = _read(tmp_path, _lines(WINDOWS, WINDOWS))
        assert found == [(SECURITY, WINDOWS)] * 2
        assert str(problems) == "no problems"

    def test_a_bad_line_costs_only_itself_and_is_counted_with_its_place(self, tmp_path: Path) -> None:
        content = _lines(WINDOWS) + b"{broken\n\n   \n[1]\n42\n" + _lines(WINDOWS)
        found, problems = _read(tmp_path, content)
        assert len(found) == 2
        assert problems.unreadable == 3
        assert "line 2" in problems.notes[0]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_every_unicode_encoding_gives_the_same_events(self, tmp_path: Path, encoding: str) -> None:
        event = {**WINDOWS, "User": "김지킴"}
        found, problems = _read(tmp_path, _lines(event, event).decode().encode(encoding))
        assert found == [(SECURITY, event)] * 2
        assert problems.unreadable == 0

    def test_bytes_that_are_not_utf8_are_replaced_and_counted(self, tmp_path: Path) -> None:
        line = _lines({**WINDOWS, "User": "XX"}).replace(b"XX", b"\xb1\xe8NaN")
        found, problems = _read(tmp_path, line)
        assert found[0].event["User"] == "\ufffd\ufffdNaN"
        assert problems.repaired == 1

    def test_lone_surrogates_and_not_a_number_are_repaired(self, tmp_path: Path) -> None:
        line = b'{"@timestamp":"%s","a":"x\\ud800y","b":NaN}\n' % STAMP.encode()
        found, problems = _read(tmp_path, line)
        assert found[0].event["a"] == "x?y"
        assert found[0].event["b"] is None
        assert problems.repaired == 1

    def test_a_line_nested_without_end_is_counted(self, tmp_path: Path) -> None:
        found, problems = _read(tmp_path, _lines(WINDOWS) + b'{"a":' * 100_000 + b"\n" + _lines(WINDOWS))
        assert (len(found), problems.unreadable) == (2, 1)

    @pytest.mark.parametrize("indent", [None, 2])
    def test_an_array_is_read_element_by_element(self, tmp_path: Path, indent: int | None) -> None:
        events = [{**WINDOWS, "n": n, "pad": "x" * 900} for n in range(700)]
        found, problems = _read(tmp_path, json.dumps([*events, 7], indent=indent).encode(), "in.json")
        assert [event["n"] for _, event in found] == list(range(700))
        assert problems.unreadable == 1

    def test_pretty_printed_objects_one_after_the_other_are_read(self, tmp_path: Path) -> None:
        content = "\n".join(json.dumps({**WINDOWS, "n": n}, indent=4) for n in range(3))
        assert [event["n"] for _, event in _read(tmp_path, content.encode())[0]] == [0, 1, 2]

    def test_an_array_that_breaks_off_gives_what_is_whole_and_says_so(self, tmp_path: Path) -> None:
        found, problems = _read(tmp_path, json.dumps([WINDOWS, WINDOWS]).encode()[:-30])
        assert (len(found), problems.damaged) == (1, 1)

    def test_an_empty_file_is_no_event_and_is_said(self, tmp_path: Path) -> None:
        found, problems = _read(tmp_path, b"")
        assert found == []
        assert "empty" in problems.notes[0]


class TestLogSource:
    def test_what_is_stated_on_the_command_line_goes_before_everything(self, tmp_path: Path) -> None:
        stated = LogSource(product="linux", service="auditd")
        found, _ = _read(tmp_path, _lines({**WINDOWS, "logsource": {"product": "x"}}), logsource=stated)
        assert found[0].logsource == stated

    def test_an_envelope_line_speaks_for_the_events_after_it(self, tmp_path: Path) -> None:
        head = {
            "agent_id": "a",
            "epoch": "e",
            "first_seq": 1,
            "count": 2,
            "sent_at": STAMP,
            "logsource": {"product": "p"},
        }
        found, _ = _read(tmp_path, _lines(head, {"@timestamp": STAMP, "a": 1}, {"@timestamp": STAMP, "a": 2}))
        assert [(source.product, event["a"]) for source, event in found] == [("p", 1), ("p", 2)]

    def test_an_event_may_name_its_own(self, tmp_path: Path) -> None:
        found, _ = _read(tmp_path, _lines({"@timestamp": STAMP, "a": 1, "logsource": {"category": "proxy"}}))
        assert found == [(LogSource(category="proxy"), {"@timestamp": STAMP, "a": 1})]

    def test_a_rule_sample_gives_its_events(self, tmp_path: Path) -> None:
        sample = {"expect": "match", "logsource": {"category": "dns"}, "events": [{"@timestamp": STAMP}, {"a": 1}]}
        found, _ = _read(tmp_path, _lines(sample))
        assert [source for source, _ in found] == [LogSource(category="dns")] * 2

    def test_our_own_events_are_known_by_their_fields(self, tmp_path: Path) -> None:
        flow = {"@timestamp": STAMP, "SourceIp": wire.A, "DestinationIp": wire.B, "ConnectionState": "rejected"}
        access = {"@timestamp": STAMP, "Action": "read", "TargetFilename": "/srv/a.dwg", "Protected": True}
        assert [source for source, _ in _read(tmp_path, _lines(flow, access))[0]] == [NETWORK_FLOW, FILE_ACCESS]

    def test_what_nobody_can_tell_is_delivered_as_unknown_and_counted(self, tmp_path: Path) -> None:
        found, problems = _read(tmp_path, _lines({"@timestamp": STAMP, "a": 1}))
        assert (found[0].logsource, problems.unclassified) == (UNKNOWN, 1)


class TestTime:
    def test_every_event_leaves_with_a_canonical_time(self, tmp_path: Path) -> None:
        events = [
            {"@timestamp": "2026-11-22T11:13:00+09:00"},
            {"TimeCreated": "2026-11-22T02:13:00.0000000Z"},
            {"UtcTime": "2026-11-22 02:13:00.000", "EventTime": "2026-11-22 11:13:00"},
            {"EventTime": "2026-11-22 02:13:00"},
            {"local_time": "2026-11-22 02:13:00.000000", "logtype": 4002},
            {"timestamp": 1795313580},
            {"timestamp": 1795313580000},
            {"@timestamp": "yesterday", "TimeCreated": "/Date(1795313580000)/"},
        ]
        found, problems = _read(tmp_path, _lines(*events))
        assert [event["@timestamp"] for _, event in found] == [STAMP] * len(events)
        assert problems.without_time == 0

    def test_an_event_without_a_time_gets_the_one_before_it_or_the_files(self, tmp_path: Path) -> None:
        path = tmp_path / "in.json"
        path.write_bytes(_lines({"a": 1}, {"@timestamp": STAMP}, {"a": 2}))
        os.utime(path, (86400, 86400))
        problems = Problems()
        stamps = [event["@timestamp"] for _, event in read_events(path, problems=problems)]
        assert stamps == ["1970-01-02T00:00:00.000000Z", STAMP, STAMP]
        assert problems.without_time == 2

    @given(value=st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.booleans(), st.none()))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_value_of_a_time_field_gives_a_time(self, tmp_path: Path, value: object) -> None:
        for name in ("@timestamp", "EventTime"):
            for _, event in _read(tmp_path, _lines({name: value, "a": 1}))[0]:
                assert event["@timestamp"].endswith("Z")
                assert event_time(event) <= datetime.max.replace(tzinfo=UTC)


class TestArchives:
    def test_zip_gives_every_member_but_folders_and_resource_forks(self, tmp_path: Path) -> None:
        content = _zip(a__slash__b=_lines(WINDOWS), __MACOSX__slash__x=b"junk", empty__slash__=b"", c=_lines(WINDOWS))
        found, problems = _read(tmp_path, content, "in.zip")
        assert (len(found), str(problems)) == (2, "no problems")

    def test_a_member_that_cannot_be_read_is_told_and_the_others_are_read(self, tmp_path: Path) -> None:
        found, problems = _read(tmp_path, _zip(a=b"text only", b=_lines(WINDOWS)), "in.zip")
        assert (len(found), problems.damaged) == (1, 1)

    def test_gzip_is_read_also_around_a_capture_and_within_a_zip(self, tmp_path: Path) -> None:
        capture = wire.pcap([(wire.NS, wire.ethernet(wire.ipv4(wire.A, wire.B, 17, wire.udp(1, 2))))])
        assert len(_read(tmp_path, gzip.compress(capture), "in.gz")[0]) == 1
        assert len(_read(tmp_path, _zip(a=gzip.compress(_lines(WINDOWS))), "in.zip")[0]) == 1

    def test_a_gzip_cut_short_gives_what_is_whole_and_says_so(self, tmp_path: Path) -> None:
        events = [{**WINDOWS, "n": os.urandom(400).hex()} for _ in range(2000)]
        found, problems = _read(tmp_path, gzip.compress(_lines(*events))[:-5000], "in.gz")
        assert 1000 < len(found) < 2000
        assert problems.damaged == 1

    def test_an_encrypted_zip_is_refused_with_the_mend(self, tmp_path: Path) -> None:
        content = bytearray(_zip(a=_lines(WINDOWS)))
        content[6] |= 1
        content[content.index(b"PK\x01\x02") + 8] |= 1
        with pytest.raises(Misconfigured, match="encrypted; unpack"):
            _read(tmp_path, bytes(content), "in.zip")

    def test_bombs_are_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("collectors.files.archives.RATIO_COUNTS_FROM", 1_000_000)
        bomb = _lines(WINDOWS) + b'{"a":"' + b"0" * 20_000_000
        for content in (gzip.compress(bomb), _zip(a=bomb)):
            with pytest.raises(Misconfigured, match="bomb"):
                _read(tmp_path, content, "bomb")

    def test_an_archive_within_an_archive_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match="within an archive"):
            _read(tmp_path, _zip(a=_zip(b=_lines(WINDOWS))), "in.zip")


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"Hello, this is a letter.\n", "not a format that can be read"),
            (b"7z\xbc\xaf\x27\x1c....", "7-Zip"),
            (b"<?xml version='1.0'?><Events/>", "XML"),
            (b"[2026-11-22 02:13] not JSON\n", "not a format"),
            (bytes(range(1, 40)), "not a format"),
            (b"ElfFile\x00" + b"\x01" * 5000, "damaged, its header"),
        ],
    )
    def test_a_foreign_file_is_refused_in_one_sentence_that_names_it(
        self, tmp_path: Path, content: bytes, words: str
    ) -> None:
        with pytest.raises(Misconfigured, match=words) as refusal:
            _read(tmp_path, content, "in.bin")
        assert "in.bin" in str(refusal.value)

    def test_missing_files_and_folders_are_told_apart(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match="no such file"):
            check_file(tmp_path / "nothing")
        with pytest.raises(Misconfigured, match="a folder"):
            check_file(tmp_path)

    def test_bytes_among_which_a_brace_begins_a_line_by_chance_are_no_json_lines(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match="not a format that can be read"):
            _read(tmp_path, bytes(range(128, 256)) * 20 + b"\n{\xa0\xff\x00\n" + bytes(range(256)), "in.bin")

    @pytest.mark.parametrize(
        "content",
        [_lines(WINDOWS), _zip(a=_lines(WINDOWS)), gzip.compress(_lines(WINDOWS))],
        ids=["lines", "zip", "gzip"],
    )
    def test_a_pipe_is_read_once_and_whole_whatever_comes_through_it(self, content: bytes) -> None:
        reading, writing = os.pipe()
        os.write(writing, content)
        os.close(writing)
        pipe = Path(f"/dev/fd/{reading}")
        assert check_file(pipe) is None
        assert [source for source, _ in read_events(pipe, problems=Problems())] == [SECURITY]
        os.close(reading)

    def test_a_folder_that_may_not_be_looked_into_is_told_and_not_passed_over(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "in.ndjson").write_bytes(_lines(WINDOWS))
        (tmp_path / "closed").mkdir(mode=0)
        tmp_path.chmod(0o755)
        monkeypatch.chdir(tmp_path)
        with as_anyone(), pytest.raises(Misconfigured, match=r"closed: cannot be looked into \(Permission denied\)"):
            input_files([Path()])

    def test_content_decides_not_the_name(self, tmp_path: Path) -> None:
        path = tmp_path / "log.evtx"
        path.write_bytes(_lines(WINDOWS))
        assert check_file(path) is Format.LINES

    @given(
        content=st.binary(max_size=300),
        magic=st.sampled_from([b"", b"{", b"[", b"PK\x03\x04", b"\x1f\x8b", b"ElfFile\x00"]),
    )
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
    def test_any_content_ends_in_events_or_a_sentence(self, tmp_path: Path, content: bytes, magic: bytes) -> None:
        with contextlib.suppress(Misconfigured):
            _read(tmp_path, magic + content, "in.bin")


def test_a_folder_stands_for_its_event_files(tmp_path: Path) -> None:
    for name in ("b.json", "a.EVTX", "readme.txt", "sub.zip"):
        (tmp_path / name).touch()
    assert [path.name for path in input_files([tmp_path])] == ["a.EVTX", "b.json", "sub.zip"]


def test_progress_tells_every_byte_of_the_file_once(tmp_path: Path) -> None:
    told: list[int] = []
    content = gzip.compress(_lines(*[WINDOWS] * 1000))
    _read(tmp_path, content, "in.gz", progress=told.append)
    assert sum(told) == len(content)


@pytest.mark.corpus
@pytest.mark.skipif(corpus_root() is None, reason="no corpus")
class TestCorpus:
    def test_every_real_file_is_read_without_a_problem(self) -> None:
        root = corpus_root()
        assert root is not None
        problems, events = Problems(), 0
        for path in input_files([root / "samples" / "evtx", root / "samples" / "pcap"]):
            for source, event in read_events(path, problems=problems):
                events += 1
                assert source != UNKNOWN, path
                assert event["@timestamp"].endswith("Z")
                if source.product == "windows":
                    assert isinstance(event["EventID"], int)
                    assert event["Computer"]
                    assert event["Provider_Name"]
        assert (events > 2000, str(problems)) == (True, "no problems")

    def test_a_windows_log_with_a_damaged_chunk_gives_the_rest(self, tmp_path: Path) -> None:
        root = corpus_root()
        assert root is not None
        whole = (root / "samples" / "evtx" / "bits_openvpn.evtx").read_bytes()
        expected = len(_read(tmp_path, whole, "whole.evtx")[0])
        damaged = bytearray(whole)
        damaged[4096 + 65536 : 4096 + 65536 + 600] = b"\xff" * 600
        for content in (bytes(damaged), whole[: len(whole) * 2 // 3]):
            found, problems = _read(tmp_path, content, "damaged.evtx")
            assert 0 < len(found) < expected
            assert problems.unreadable + problems.damaged > 0


def test_a_loud_file_hides_no_other(tmp_path: Path) -> None:
    good, problems = b'{"@timestamp": "2026-11-22T00:00:00Z", "a": 1}\n', Problems()
    for name in ("loud", "quiet"):
        bad = b"not JSON\n" * (200 if name == "loud" else 1)
        (tmp_path / f"{name}.json").write_bytes(good + bad + good)
        list(read_events(tmp_path / f"{name}.json", problems=problems))
    assert any("quiet" in sentence for sentence in problems.notes)
    assert problems.unreadable == 201
    assert len(problems.notes) + problems.untold == 201
