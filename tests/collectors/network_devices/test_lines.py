"""Lines of devices as they really send them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.network_devices import cef, leef
from collectors.network_devices.keyvalue import pairs
from collectors.network_devices.lines import Line, read_line
from jikimi.domain.logsource import LogSource

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SEOUL = ZoneInfo("Asia/Seoul")

FORTIGATE = (
    '<189>date=2026-11-22 time=11:37:47 devname="UTM-1" logid="0000000013" type="traffic" subtype="forward" '
    'eventtime=1795315067369913239 tz="+0900" srcip=192.0.2.11 srcport=58012 dstip=198.51.100.155 dstport=80 '
    "proto=6 "
    'action="close" policyid=1 sentbyte=1188 rcvdbyte=1224 msg="a \\"quoted\\" srcip=203.0.113.1"'
)
CEF = (
    "<14>Nov 22 11:07:55 FGT-A CEF: 0|Fortinet|Fortigate|v6.0.3|00013|traffic:forward deny|3|cat=traffic:forward "
    "FTNTFGTsubtype=forward src=192.0.2.11 spt=54190 dst=198.51.100.1 dpt=443 proto=6 act=deny cs5=10 "
    "cs5Label=Policy Id"
)
LEEF = "LEEF:2.0|Vendor X|UTM|1|deny|^|src=192.0.2.1^dst=198.51.100.2^srcPort=1^dstPort=2^proto=TCP^action=DROP"
MF2 = (
    '<14>1 2026-11-22T00:40:26.255516Z [fw4_allow] [192.0.2.2] start_time="2026-11-22 09:40:15" machine_name=MF2 '
    "fw_rule_id=Local Out src_ip=192.0.2.4 src_port=48057 dst_ip=198.51.100.152 dst_port=53 protocol=UDP tx_bytes=10"
)
MF2_CSV = (
    "<14>1 2026-11-22T00:40:26Z [fw4_deny] [192.0.2.2]2026-11-22 09:21:41,2026-11-22 09:21:46,5,MF2,93,Undefined,"
    "203.0.113.9,53363,192.0.2.20,3389,TCP,EXT,4,366, ,-"
)
TRUSGUARD = (
    "<13>Nov 22 12:00:01 UTM-2 3`0`1`1`100000`6020`20261122`11:30:10`2`6`p1`203.0.113.9`4444`192.0.2.2`22"
    "`eth0`eth1``````"
)
SOPHOS = (
    'device_name="XG" timestamp="2026-11-22T11:00:00+0900" log_type="Firewall" log_subtype="Denied" src_ip="192.0.2.1" '
    'src_port=5 dst_ip="198.51.100.2" dst_port=445 protocol="TCP"'
)

PALO_ALTO = (
    "<14>Nov 22 11:00:00 PA-1 1,2026/11/22 11:00:00,0128,TRAFFIC,end,256,2026/11/22 10:59:58,192.0.2.10,198.51.100.4,"
    '0.0.0.0,0.0.0.0,"allow, all",,,telnet,vsys1,in,out,e2,e1,default,2026/11/22 11:00:00,350,1,51234,23,0,0,0x19,tcp,'
    "allow,1000,400,600,10,2026/11/22 10:59:00,10,any"
)
CHECK_POINT = (
    '<134>1 2026-11-22T02:00:00Z gw01 CheckPoint 1234 - [action:"Accept"; flags:"411908"; dst:"198.51.100.4"; '
    'proto:"6"; s_port:"51234"; service:"23"; src:"192.0.2.10"; rule_name:"a \\"quoted\\" rule"]'
)
PFSENSE = (
    "<134>Nov 22 11:00:00 filterlog[41721]: 5,,,1000000103,em0,match,block,in,4,0x0,,64,45842,0,DF,6,tcp,60,"
    "203.0.113.9,198.51.100.10,44321,23,0,S,2917462382,,64240,,mss;sackOK;TS;nop;wscale"
)
OPNSENSE = (
    '<134>1 2026-11-22T11:00:00+09:00 opn.example.com filterlog 123 - [meta sequenceId="15"] 82,,,02f4,igb0,match,pass,'
    "out,6,0x00,0x00000,64,UDP,17,40,2001:db8::5,2001:db8:1::9,40000,53,20"
)
MIKROTIK = (
    "<134>Nov 22 11:00:00 r1 firewall,info drop-input: input: in:ether1 out:(unknown 0), connection-state:new src-mac "
    "00:11:22:33:44:55, proto TCP (SYN), 203.0.113.9:52431->198.51.100.1:23, len 60"
)
SONICWALL = (
    '<134>id=firewall sn=18B169AAAAAA time="2026-11-22 02:00:00 UTC" fw=198.51.100.1 pri=6 c=1024 m=537 '
    'msg="Connection Closed" n=1 src=192.0.2.50:50000:X0:pc1 dst=203.0.113.10:21:X1 proto=tcp/ftp sent=100 rcvd=200'
)
UBIQUITI = (
    '<4>Nov 22 11:00:00 udm kernel: [WAN_IN-RET-3003-D] DESCR="allow all" IN=eth8 OUT=br0 MAC=00:11 SRC=203.0.113.9 '
    "DST=192.0.2.5 LEN=40 PROTO=TCP SPT=4444 DPT=23 SYN"
)
FIREPOWER = (
    "<113>2026-11-22T02:00:00Z ftd %FTD-1-430003: EventPriority: Low, DeviceUUID: 1-2, AccessControlRuleAction: Block "
    "with reset, SrcIP: 192.0.2.50, DstIP: 203.0.113.10, SrcPort: 50000, DstPort: 23, Protocol: tcp, "
    "AccessControlRuleName: no telnet, please, InitiatorBytes: 74, ResponderBytes: 0"
)
CHECK_POINT_PAIRS = (
    "time=1795312800|hostname=gw|product=Firewall|action=Drop|src=203.0.113.9|s_port=4444|dst=192.0.2.5|service=23|"
    "proto=6"
)
KOREAN = (
    "<13>Nov 22 11:00:00 WAF-1 출발지IP=203.0.113.9 출발지포트=4444 목적지IP=192.0.2.5 목적지포트=80 프로토콜=TCP "
    "행위=차단"
)


def _read(text: str) -> Line:
    return read_line(text.encode(), NOW, SEOUL)


@pytest.mark.parametrize(
    ("text", "dialect", "product", "source", "port", "protocol", "action", "name"),
    [
        (FORTIGATE, "keyvalue", "fortigate", "192.0.2.11", 80, "tcp", "accept", "UTM-1"),
        (CEF, "cef", "fortigate", "192.0.2.11", 443, "tcp", "deny", "FGT-A"),
        (LEEF, "leef", "vendor_x", "192.0.2.1", 2, "tcp", "drop", None),
        (MF2, "secui", "secui", "192.0.2.4", 53, "udp", "accept", "MF2"),
        (MF2_CSV, "secui", "secui", "203.0.113.9", 3389, "tcp", "deny", "MF2"),
        (TRUSGUARD, "trusguard", "trusguard", "203.0.113.9", 22, "tcp", "deny", "UTM-2"),
        (SOPHOS, "keyvalue", "sophos", "192.0.2.1", 445, "tcp", "deny", "XG"),
        (PALO_ALTO, "panos", "paloalto", "192.0.2.10", 23, "tcp", "accept", "PA-1"),
        (CHECK_POINT, "checkpoint", "checkpoint", "192.0.2.10", 23, "tcp", "accept", "gw01"),
        (CHECK_POINT_PAIRS, "keyvalue", None, "203.0.113.9", 23, "tcp", "drop", None),
        (PFSENSE, "filterlog", "pfsense", "203.0.113.9", 23, "tcp", "block", None),
        (OPNSENSE, "filterlog", "pfsense", "2001:db8::5", 53, "udp", "accept", "opn.example.com"),
        (MIKROTIK, "mikrotik", "mikrotik", "203.0.113.9", 23, "tcp", "drop", "r1"),
        (SONICWALL, "keyvalue", "sonicwall", "192.0.2.50", 21, "tcp", "accept", None),
        (UBIQUITI, "netfilter", "linux", "203.0.113.9", 23, "tcp", "block", "udm"),
        (FIREPOWER, "asa", "cisco", "192.0.2.50", 23, "tcp", "block", "ftd"),
        (KOREAN, "keyvalue", None, "203.0.113.9", 80, "tcp", "block", "WAF-1"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else str(value),
)
def test_every_vendors_words_become_sigmas_firewall_fields(
    text: str, dialect: str, product: str, source: str, port: int, protocol: str, action: str, name: str | None
) -> None:
    line = _read(text)
    fields = line.fields
    assert (line.dialect, line.logsource.product, line.logsource.category) == (dialect, product, "firewall")
    assert (fields["src_ip"], fields["dst_port"]) == (source, port)
    assert (fields["protocol"], fields["action"], fields.get("Hostname")) == (protocol, action, name)


ASA = """
4-106023: Deny tcp src outside:192.0.2.1/4000 dst inside:198.51.100.1/23 by access-group "out" [0x0, 0x0]
    > 192.0.2.1 4000 198.51.100.1 23 tcp deny out
4-106023: Deny icmp src outside:192.0.2.1 dst inside:198.51.100.1 (type 8, code 0) by access-group "out"
    > 192.0.2.1 - 198.51.100.1 - icmp deny out
4-106023: Deny udp src outside:2001:db8::1/5353 dst inside:2001:db8::2/53 by access-group "six"
    > 2001:db8::1 5353 2001:db8::2 53 udp deny six
2-106001: Inbound TCP connection denied from 192.0.2.1/4000 to 198.51.100.1/445 flags SYN on interface outside
    > 192.0.2.1 4000 198.51.100.1 445 tcp deny -
2-106006: Deny inbound UDP from 192.0.2.1/53 to 198.51.100.1/53 on interface outside
    > 192.0.2.1 53 198.51.100.1 53 udp deny -
6-302013: Built inbound TCP connection 9 for outside:192.0.2.1/4000 (192.0.2.1/4000) to dmz:192.0.2.9/80 (192.0.2.9/80)
    > 192.0.2.1 4000 192.0.2.9 80 tcp accept -
6-302013: Built outbound TCP connection 9 for out:203.0.113.5/443 (203.0.113.5/443) to in:192.0.2.7/5000 (192.0.2.9/99)
    > 192.0.2.7 5000 203.0.113.5 443 tcp accept -
6-302014: Teardown TCP connection 9 for out:203.0.113.5/443 to in:192.0.2.7/5000 duration 0:00:09 bytes 47 TCP FINs
    > 192.0.2.7 5000 203.0.113.5 443 tcp accept -
6-106100: access-list inside permitted tcp in/192.0.2.7(5000) -> out/203.0.113.5(3306) hit-cnt 1 first hit
    > 192.0.2.7 5000 203.0.113.5 3306 tcp accept inside
3-710003: TCP access denied by ACL from 192.0.2.1/4000 to outside:198.51.100.9/22
    > 192.0.2.1 4000 198.51.100.9 22 tcp deny -
"""


@pytest.mark.parametrize(("said", "meant"), list(zip(*[iter(ASA.strip().split("\n"))] * 2, strict=True)))
def test_a_cisco_firewalls_sentences_are_sigmas_firewall_fields(said: str, meant: str) -> None:
    line = _read(f"<166>Nov 22 2026 11:46:11 asa : %ASA-{said}")
    assert line.logsource == LogSource("cisco", "firewall")
    names = ("src_ip", "src_port", "dst_ip", "dst_port", "protocol", "action", "rule_name")
    assert " ".join(str(line.fields.get(name, "-")) for name in names) == meant.strip(" >")


MIKROTIK_LINES = """
forward: in:bridge out:ether1, connection-state:established,snat proto UDP, 192.0.2.5:9->203.0.113.5:53, NAT (x)->y
    > 192.0.2.5 9 203.0.113.5 53 udp -
firewall,info drop input: in:ether1 out:(none), proto ICMP (type 8, code 0), 203.0.113.9->198.51.100.1, len 84
    > 203.0.113.9 - 198.51.100.1 - icmp drop
allowed forward: in:ether1 out:bridge, proto TCP (SYN), [2001:db8::9]:443->[2001:db8::1]:51234, len 80
    > 2001:db8::9 443 2001:db8::1 51234 tcp accept
BLOCKED: input: in:ether1 out:(unknown 0), src-mac 00:11:22:33:44:55, proto 47, 203.0.113.9->198.51.100.1, len 80
    > 203.0.113.9 - 198.51.100.1 - gre deny
"""


@pytest.mark.parametrize(("said", "meant"), list(zip(*[iter(MIKROTIK_LINES.strip().split("\n"))] * 2, strict=True)))
@pytest.mark.parametrize("head", ["<134>Nov 22 11:00:00 r1 ", "<134>", ""], ids=["RFC 3164", "priority", "bare"])
def test_a_packet_that_a_mikrotik_rule_logs_is_a_firewalls_and_its_prefix_says_what_was_done(
    head: str, said: str, meant: str
) -> None:
    line = _read(f"{head}{said}")
    assert line.logsource == LogSource("mikrotik", "firewall")
    names = ("src_ip", "src_port", "dst_ip", "dst_port", "protocol", "action")
    assert " ".join(str(line.fields.get(name, "-")) for name in names) == meant.strip(" >")


def test_what_a_mikrotik_says_of_other_things_stays_text() -> None:
    line = _read("<134>Nov 22 11:00:00 r1 system,error,critical login failure for user admin from 203.0.113.9 via ssh")
    assert line.logsource == LogSource(service="syslog")


@pytest.mark.parametrize(
    ("rest", "action"),
    [
        ('msg="TCP connection dropped"', "drop"),
        ('msg="TCP packet" fw_action="drop"', "drop"),
        ('msg="Web site denied" fw_action="NA"', "deny"),
        ('msg="Connection Opened" fw_action="NA"', "accept"),
        ('msg="Something else"', None),
    ],
)
def test_a_sonicwall_says_what_it_did_in_its_action_or_else_in_its_message(rest: str, action: str | None) -> None:
    line = _read(f"<134>id=firewall sn=18B1 fw=198.51.100.1 m=36 src=203.0.113.9:4444:X1 dst=198.51.100.1:23:X1 {rest}")
    assert (line.logsource.category, line.fields.get("action")) == ("firewall", action)


def test_a_sonicwalls_time_is_universal_where_it_says_so_and_else_the_zones() -> None:
    assert _read(SONICWALL).time == datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
    assert _read(SONICWALL.replace(" UTC", "")).time == datetime(2026, 11, 21, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "action"), [("WAN_LOCAL-default-D", "block"), ("LAN_IN-2000-A", "accept"), ("GUEST_IN-R-3001", "block")]
)
def test_what_a_ubiquiti_router_did_is_in_the_tag_of_its_rule(tag: str, action: str) -> None:
    line = _read(f"<4>Nov 22 11:00:00 udm [{tag}]IN=eth8 OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=40 PROTO=TCP SPT=1 DPT=2")
    assert (line.logsource.category, line.fields["action"]) == ("firewall", action)


EVE = (
    '{"timestamp":"2026-11-22T11:00:00.5+0900","flow_id":1,"event_type":"alert","src_ip":"203.0.113.9","src_port":4444,'
    '"dest_ip":"192.0.2.5","dest_port":80,"proto":"TCP","@timestamp":"x","Hostname":"y","logsource":{"product":"z"},'
    '"alert":{"action":"blocked","signature_id":1,"signature":"ET SCAN x","severity":1}}'
)


@pytest.mark.parametrize(
    "head",
    [
        "<173>Nov 22 11:00:00 ids suricata[9]: ",
        "<173>1 2026-11-22T02:00:00Z ids suricata 9 - - ",
        "<173>Nov 22 11:00:00 ids suricata[9]: @cee: ",
    ],
)
def test_suricatas_objects_are_read_out_of_syslog_too(head: str) -> None:
    line = _read(head + EVE)
    assert (line.logsource, line.dialect) == (LogSource(product="suricata", service="alert"), "eve")
    assert [line.fields[name] for name in ("src_ip", "dst_port", "action", "alert.severity", "Hostname")] == [
        "203.0.113.9", 80, "block", 1, "ids",
    ]  # fmt: skip
    assert line.time == datetime(2026, 11, 22, 2, 0, 0, 500000, tzinfo=UTC)
    assert not {"@timestamp", "logsource"} & line.fields.keys()


def test_an_object_of_suricata_that_was_cut_stays_text() -> None:
    assert _read(f"<173>Nov 22 11:00:00 ids suricata[9]: {EVE[:-9]}").logsource == LogSource(service="syslog")


def test_what_a_cisco_firewall_says_of_other_things_stays_text() -> None:
    line = _read("<166>Nov 22 2026 11:46:11: %ASA-5-111008: User 'kim' executed the 'write' command.")
    assert line.logsource == LogSource("cisco")


@pytest.mark.parametrize(
    "stated",
    ["rt=Nov 22 2026 11:46:11", "rt=Nov 22 2026 11:46:11.000 KST", "rt=2026-11-22T02:46:11Z", "rt=1795315571000"],
)
def test_the_time_that_cef_states_is_read_in_each_of_its_forms(stated: str) -> None:
    line = _read(f"<14>Nov 22 11:59:00 fw CEF:0|V|P|1|x|n|5|{stated} src=192.0.2.1 dst=198.51.100.2")
    assert line.time == datetime(2026, 11, 22, 2, 46, 11, tzinfo=UTC)


def test_the_time_that_leef_states_is_the_events() -> None:
    line = _read("LEEF:1.0|V|P|1|x|devTime=Nov 22 2026 11:46:11\tsrc=192.0.2.1\tdst=198.51.100.2")
    assert line.time == datetime(2026, 11, 22, 2, 46, 11, tzinfo=UTC)


def test_an_event_happened_when_the_device_says_not_when_it_was_sent() -> None:
    assert _read(FORTIGATE).time == datetime(2026, 11, 22, 2, 37, 47, 369913, UTC)
    assert _read(TRUSGUARD).time == datetime(2026, 11, 22, 2, 30, 10, tzinfo=UTC)
    assert _read(MF2).time == datetime(2026, 11, 22, 0, 40, 15, tzinfo=UTC)


def test_palo_altos_url_log_is_a_proxys_and_its_system_log_is_not() -> None:
    head = PALO_ALTO.replace("TRAFFIC,end", "THREAT,url").partition("allow,1000")[0]
    line = _read(f'{head}alert,"example.com/a,b.exe",(9999),malware,informational,client-to-server')
    assert line.logsource == LogSource("paloalto", "proxy")
    assert (line.fields["c-uri"], line.fields["cs-host"]) == ("example.com/a,b.exe", "example.com")
    assert line.time == datetime(2026, 11, 22, 1, 59, 58, tzinfo=UTC)
    system = _read("<14>Nov 22 11:00:00 PA-1 1,2026/11/22 11:00:00,0128,SYSTEM,general,0,2026/11/22 11:00:00,,login,x")
    assert system.logsource == LogSource("paloalto")


def test_a_date_without_a_time_is_no_time() -> None:
    assert _read("logid=1 type=traffic date=2026-11-22 srcip=192.0.2.1").time is None


def test_a_change_of_the_firewall_keeps_the_vendors_words_for_rules_of_that_product() -> None:
    line = _read('logid="0100044546" type="event" subtype="system" action="Add" cfgpath="system.admin" user="kim"')
    assert line.logsource == LogSource("fortigate", None, "event")
    assert (line.fields["action"], line.fields["cfgpath"], line.fields["username"]) == ("Add", "system.admin", "kim")


def test_a_web_filters_line_is_the_proxys_with_its_fields() -> None:
    line = _read(
        'logid="1" type="utm" subtype="webfilter" action="blocked" srcip=192.0.2.1 dstip=198.51.100.2 '
        'hostname="example.com" url="/a.exe" agent="curl/8"'
    )
    assert line.logsource.category == "proxy"
    assert [line.fields[name] for name in ("c-uri", "cs-host", "c-useragent", "action")] == [
        "/a.exe",
        "example.com",
        "curl/8",
        "block",
    ]


def test_cisco_and_plain_syslog_are_kept_as_text_under_their_own_log_source() -> None:
    cisco = _read("<189>45: *Nov 22 11:46:11.123 UTC: %BGP-3-NOTIFICATION: sent to neighbor 192.0.2.1")
    assert cisco.logsource == LogSource("cisco", None, "bgp")
    assert "BGP-3-NOTIFICATION" in cisco.fields["message"]
    plain = _read("<38>Nov 22 11:46:11 srv sshd[123]: Failed password for root")
    assert (plain.logsource.service, plain.fields["program"], plain.fields["process"]) == ("syslog", "sshd", "123")


def test_korean_is_read_in_utf8_and_in_cp949() -> None:
    text = '<14>Nov 22 11:46:11 UTM 사용자="김하늘" name="방화벽" action=deny srcip=192.0.2.1 dstip=192.0.2.2'
    assert read_line(text.encode("cp949"), NOW, SEOUL) == read_line(text.encode(), NOW, SEOUL)


def test_no_sender_chooses_the_events_time_name_or_log_source() -> None:
    line = _read("LEEF:1.0|V|P|1|x|@timestamp=nonsense\tHostname=other\tlogsource=x\tsrc=192.0.2.1\tdst=192.0.2.2")
    assert not {"@timestamp", "Hostname", "logsource"} & line.fields.keys()


def test_cef_escapes_are_undone_where_they_count() -> None:
    record = cef.parse(r"CEF:0|Ven\|dor|Pro\\duct|1|id|na=me \| x|5|msg=a\=b c\\d\ne=f reason=it | is src=192.0.2.1")
    assert record is not None
    assert (record.vendor, record.product, record.name) == ("Ven|dor", "Pro\\duct", "na=me | x")
    assert record.fields == {"msg": "a=b c\\d\ne=f", "reason": "it | is", "src": "192.0.2.1"}


@pytest.mark.parametrize("separator", ["^", "x5E", "0x5e", "\t", "x09"])
def test_leef_states_its_separator_in_every_way(separator: str) -> None:
    between = "\t" if separator in ("\t", "x09") else "^"
    record = leef.parse(f"LEEF:2.0|V|P|1|id|{separator}|a=1{between}b=2 3")
    assert record is not None
    assert record.fields == {"a": "1", "b": "2 3"}


_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,20}", fullmatch=True)


@given(st.dictionaries(_NAMES, st.text(st.characters(exclude_characters='"\\', exclude_categories=["C"]), max_size=30)))
def test_quoted_pairs_come_back_as_they_were_written(fields: dict[str, str]) -> None:
    assert pairs(" ".join(f'{name}="{value}"' for name, value in fields.items())) == fields


@given(st.dictionaries(_NAMES, st.text(st.characters(exclude_categories=["C", "Z"]), max_size=30), max_size=8))
def test_a_cef_extension_comes_back_as_it_was_written(fields: dict[str, str]) -> None:
    def escaped(value: str) -> str:
        return value.replace("\\", "\\\\").replace("=", "\\=")

    text = " ".join(f"{name}={escaped(value)}" for name, value in fields.items() if not name.endswith("Label"))
    record = cef.parse(f"CEF:0|v|p|1|i|n|5|{text}")
    assert record is not None
    assert record.fields == {name: value for name, value in fields.items() if not name.endswith("Label")}


_SEEDS = [
    text.encode()
    for text in (
        FORTIGATE, CEF, LEEF, MF2, MF2_CSV, TRUSGUARD, SOPHOS, PFSENSE, OPNSENSE, MIKROTIK, SONICWALL, UBIQUITI,
        FIREPOWER, KOREAN, EVE,
    )
]  # fmt: skip
_PIECES = st.sampled_from(
    [b"<34>1 ", b"CEF:0|", b"LEEF:2.0|", b"a=", b'"', b"\\", b"|", b"=", b"`", b"[fw4_deny]", b"\x00"]
)


@settings(max_examples=500)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.one_of(_PIECES, st.binary(max_size=8)), max_size=40).map(b"".join),
        st.builds(
            lambda seed, place, junk, cut: (seed[:place] + junk + seed[place + len(junk) :])[:cut],
            st.sampled_from(_SEEDS),
            st.integers(0, 400),
            st.binary(max_size=12),
            st.integers(0, 400),
        ),
    )
)
def test_any_bytes_become_an_event_that_can_be_sent(raw: bytes) -> None:
    line = read_line(raw, NOW, SEOUL)
    orjson.dumps(line.fields)
    assert line.time is None or line.time.tzinfo is not None


def test_the_largest_line_gives_an_event_that_fits_a_batch() -> None:
    from jikimi.domain.event import MAX_EVENT_BYTES

    for filler in (b"\xff", "가".encode("cp949"), b'"', b"a=b "):
        assert len(orjson.dumps(_full(filler))) < MAX_EVENT_BYTES


def _full(filler: bytes) -> dict[str, object]:
    return read_line(b"LEEF:1.0|V|P|1|x|src=192.0.2.1\tdst=192.0.2.2\tx=" + filler * 100_000, NOW, SEOUL).fields


@pytest.mark.parametrize(
    "hostile",
    [
        b"a= " * 4000,
        b" " * 60_000,
        b"\\" * 60_000,
        b"CEF:0" + b"\\|" * 30_000,
        b"<1>1 " * 9000,
        b"%FTD-1-430003: " + b"aaaa: " * 9000,
        b"a in:b out:c " * 3000,
        b"IN=a OUT=b SRC=c DST=d " * 3000,
        b"id=firewall sn=1 fw=1 src=" + b"1." * 30_000,
        b'{"event_type":' + b"[" * 60_000,
    ],
)
def test_no_line_holds_the_reader_up(hostile: bytes) -> None:
    for _ in range(20):
        read_line(hostile, NOW, SEOUL)
