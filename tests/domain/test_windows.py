"""The table from Windows channels and event ids to Sigma's log sources."""

import re

import pytest

from jikimi.domain.logsource import LogSource
from jikimi.domain.windows import (
    CATEGORIES,
    CHANNELS_OF_SERVICE,
    SERVICES,
    SYSMON,
    categories_of,
    complete,
    id_of,
    logsource_of_event,
    service_of,
)
from jikimi.testing.corpus import corpus_root


@pytest.mark.parametrize(
    ("channel", "service"),
    [
        ("Security", "security"),
        ("security", "security"),
        ("System", "system"),
        ("Microsoft-Windows-Sysmon/Operational", "sysmon"),
        ("Microsoft-Windows-PowerShell/Operational", "powershell"),
        ("PowerShellCore/Operational", "powershell"),
        ("Windows PowerShell", "powershell-classic"),
        ("Microsoft-Windows-Windows Defender/Operational", "windefend"),
        ("Microsoft-Windows-Bits-Client/Operational", "bits-client"),
        ("Microsoft-Windows-AppLocker/EXE and DLL", "applocker"),
        ("Vendor-Of-Something/Operational", None),
    ],
)
def test_a_channel_names_its_service_in_any_case(channel: str, service: str | None) -> None:
    assert service_of(channel) == service


@pytest.mark.parametrize(
    ("channel", "event_id", "categories"),
    [
        (SYSMON, 1, {"process_creation"}),
        ("Security", 4688, {"process_creation"}),
        (SYSMON, 3, {"network_connection"}),
        (SYSMON, 12, {"registry_event", "registry_add", "registry_delete"}),
        (SYSMON, 13, {"registry_event", "registry_set"}),
        (SYSMON, 14, {"registry_event", "registry_rename"}),
        (SYSMON, 26, {"file_delete", "file_delete_detected"}),
        ("PowerShellCore/Operational", 4104, {"ps_script"}),
        ("Windows PowerShell", 400, {"ps_classic_start"}),
        ("Security", 1, set()),
    ],
)
def test_a_channel_and_an_id_name_every_category_of_the_event(
    channel: str, event_id: int, categories: set[str]
) -> None:
    assert categories_of(channel, event_id) == categories


def test_the_event_type_tells_an_added_registry_key_from_a_deleted_one() -> None:
    assert "registry_delete" not in categories_of(SYSMON, 12, "CreateKey")
    assert "registry_add" not in categories_of(SYSMON, 12, "DeleteValue")


def test_a_channel_belongs_to_one_service_only() -> None:
    channels = [c.lower() for group in CHANNELS_OF_SERVICE.values() for c in group]
    assert len(channels) == len(set(channels))


def test_an_event_with_channel_and_id_is_windows_and_others_are_not() -> None:
    event = {"Channel": "security", "EventID": "4624"}
    assert logsource_of_event(event) == LogSource(product="windows", service="security")
    assert logsource_of_event({"Channel": "Unheard/Of", "EventID": 1}) == LogSource(product="windows")
    assert logsource_of_event({"Channel": "general", "text": "a chat message"}) is None
    assert logsource_of_event({"EventID": 1}) is None


@pytest.mark.parametrize(
    ("written", "number"),
    [(4688, 4688), ("4688", 4688), (4688.0, 4688), (4688.5, None), (True, None), ([4688], None), ("4688.0", None)],
)
def test_an_event_id_is_a_number_however_it_is_written(written: object, number: int | None) -> None:
    assert id_of({"EventID": written}) == number


def test_a_security_process_creation_gets_the_field_names_that_rules_use() -> None:
    event = {
        "Channel": "Security",
        "EventID": 4688,
        "NewProcessName": "C:\\Windows\\System32\\cmd.exe",
        "ParentProcessName": "C:\\Windows\\explorer.exe",
        "SubjectUserName": "kim",
        "SubjectDomainName": "EXAMPLE",
        "MandatoryLabel": "S-1-16-12288",
    }
    seen = complete(event)
    assert seen["Image"] == "C:\\Windows\\System32\\cmd.exe"
    assert seen["ParentImage"] == "C:\\Windows\\explorer.exe"
    assert seen["User"] == "EXAMPLE\\kim"
    assert seen["IntegrityLevel"] == "High"
    assert "Image" not in event


def test_a_field_that_is_there_is_never_replaced_by_an_alias() -> None:
    event = {"Channel": "Security", "EventID": 4688, "NewProcessName": "a", "Image": "b"}
    assert complete(event)["Image"] == "b"


@pytest.mark.corpus
def test_every_windows_service_and_category_of_the_public_rules_is_in_the_table() -> None:
    root = corpus_root()
    if root is None:
        pytest.skip("no public rule set beside this checkout")
    services, categories = set(), set()
    for file in sorted((root / "sigma").rglob("*.yml")):
        source = re.search(r"^logsource:\n((?: +.*\n)+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        stated = dict(re.findall(r"^ +(\w+): *([\w.-]+)", source[1], re.MULTILINE)) if source else {}
        if stated.get("product") == "windows":
            services |= {stated["service"]} if "service" in stated else set()
            categories |= {stated["category"]} if "category" in stated else set()
    assert services <= SERVICES
    assert categories <= CATEGORIES
