"""The sentence that Windows renders of an event, for people, back into the fields it was made of.

Some exports carry nothing else: Splunk's text, Get-WinEvent's objects, shippers that send the message alone. Sysmon's
lines are its fields (`Image: …`); Security's stand under headings (`Subject:` / `Account Name:`). English messages, as
Microsoft's manifests have them ("Appendix L: Events to Monitor" and the pages of each event).
"""

import re
from collections.abc import Iterator, Mapping

from jikimi.domain.event import Event
from jikimi.domain.windows import DEFENDER, POWERSHELL, SECURITY, SYSMON, SYSTEM, channel_of, id_of

MESSAGE = "Message"
_LINE = re.compile(r"[ \t]*([A-Z][\w /().-]{0,60}?):(?:[ \t]+(.*))?")
_SCRIPT = re.compile(
    r"Creating Scriptblock text \((\d+) of (\d+)\):\r?\n(.*?)\r?\n\r?\nScriptBlock ID: (\S+)\r?\nPath: ?(.*)", re.DOTALL
)
_ACCOUNT = {"Security ID": "UserSid", "Account Name": "UserName", "Account Domain": "DomainName", "Logon ID": "LogonId"}
_SUBJECT = {label: f"Subject{name}" for label, name in _ACCOUNT.items()} | {"Domain Name": "SubjectDomainName"}
_TARGET = {label: f"Target{name}" for label, name in _ACCOUNT.items()}
_CHANGED = {**_TARGET, "Security ID": "TargetSid"}

_HEADINGS: Mapping[str, Mapping[str, str]] = {
    "Subject": _SUBJECT,
    "Creator Subject": _SUBJECT,
    "New Logon": _TARGET,
    "Target Subject": _TARGET,
    "Account For Which Logon Failed": _TARGET,
    "Account Whose Credentials Were Used": _TARGET,
    "Account Information": {
        **_CHANGED, "User ID": "TargetSid", "Supplied Realm Name": "TargetDomainName", "Logon GUID": "LogonGuid",
    },
    "Target Account": _CHANGED,
    "New Account": _CHANGED,
    "Account That Was Locked Out": _CHANGED,
    "Group": {"Security ID": "TargetSid", "Group Name": "TargetUserName", "Group Domain": "TargetDomainName",
              "Account Name": "TargetUserName", "Account Domain": "TargetDomainName"},
    "Member": {"Security ID": "MemberSid", "Account Name": "MemberName"},
    "Attributes": {"SAM Account Name": "SamAccountName"},
    "Directory Service": {"Name": "DSName", "Type": "DSType"},
    "Attribute": {"LDAP Display Name": "AttributeLDAPDisplayName", "Syntax (OID)": "AttributeSyntaxOID",
                  "Value": "AttributeValue"},
    "Operation": {"Type": "OperationType"},
}  # fmt: skip
_LABELS: Mapping[str, str] = {
    "New Process ID": "NewProcessId", "Creator Process ID": "ProcessId", "Process ID": "ProcessId",
    "Creator Process Name": "ParentProcessName", "Process Command Line": "CommandLine",
    "Caller Process ID": "ProcessId", "Caller Process Name": "ProcessName",
    "Source Network Address": "IpAddress", "Client Address": "IpAddress", "Client Port": "IpPort",
    "Destination Address": "DestAddress", "Destination Port": "DestPort", "Application Name": "Application",
    "Logon Process": "LogonProcessName", "Authentication Package": "AuthenticationPackageName",
    "Package Name (NTLM only)": "LmPackageName", "Transited Services": "TransmittedServices",
    "Logon GUID": "LogonGuid", "Sub Status": "SubStatus", "Failure Code": "Status", "Result Code": "Status",
    "Error Code": "Status", "Pre-Authentication Type": "PreAuthType", "Service ID": "ServiceSid",
    "Handle ID": "HandleId", "Accesses": "AccessList", "Share Path": "ShareLocalPath", "Privileges": "PrivilegeList",
    "Logon Account": "TargetUserName", "Source Workstation": "Workstation", "DN": "ObjectDN", "GUID": "ObjectGUID",
    "Class": "ObjectClass", "Target Server Name": "TargetServerName", "Additional Information": "TargetInfo",
}  # fmt: skip
_OF_SYSTEM = {7045: {"Service File Name": "ImagePath", "Service Start Type": "StartType",
                     "Service Account": "AccountName"}}  # fmt: skip
_SHARES = (5140, 5145)
_LEVELS = re.compile(r"Mandatory Label\\(\w+) Mandatory Level")
_NO_VALUE = frozenset({"", "-"})
_DATA = frozenset({
    "SubjectUserName", "SubjectUserSid", "TargetUserName", "NewProcessName", "ProcessName", "ServiceName", "UtcTime",
    "Image", "ScriptBlockText", "RuleName", "Threat Name",
})  # fmt: skip
"""An event with one of these has brought its data, whatever its message says."""


def read_message(event: Event) -> None:
    """Adds what the message of a flat event says, when the event has no data of its own."""
    channel, number, message = channel_of(event), id_of(event), event.get(MESSAGE)
    if channel is None or number is None or not isinstance(message, str) or event.keys() & _DATA:
        return
    for name, value in _fields(channel, number, message).items():
        event.setdefault(name, value)


def field_of_label(label: str) -> str:
    """The field of a label that stands under no heading; an underscore stands for a blank."""
    label = label.replace("_", " ")
    return _LABELS.get(label) or _joined(label)


def _fields(channel: str, number: int, message: str) -> Event:
    if channel == SYSMON:
        return {label: value for label, value in _lines(message) if value is not None and " " not in label}
    if channel == POWERSHELL and number == 4104 and (script := _SCRIPT.search(message)) is not None:
        names = ("MessageNumber", "MessageTotal", "ScriptBlockText", "ScriptBlockId", "Path")
        return dict(zip(names, script.groups(), strict=True))
    if channel == DEFENDER:
        return {f"Threat {label}" if label == "Name" else label: value for label, value in _lines(message) if value}
    if channel == SYSTEM and number in _OF_SYSTEM:
        return {_OF_SYSTEM[number].get(label, _joined(label)): value for label, value in _lines(message) if value}
    return _security(number, message) if channel == SECURITY else {}


def _security(number: int, message: str) -> Event:
    heading: Mapping[str, str] = {}
    told: Event = {}
    for label, value in _lines(message):
        if value is None:
            heading = _HEADINGS.get(label, {})
            continue
        name = heading.get(label) or _LABELS.get(label) or _joined(label)
        if number in _SHARES:
            name = {"SourceAddress": "IpAddress", "SourcePort": "IpPort"}.get(name, name)
        if value not in _NO_VALUE or name not in told:
            told[name] = value
    if (level := _LEVELS.fullmatch(str(told.get("MandatoryLabel")))) is not None:
        told["MandatoryLabel"] = level[1]
    return told


def _lines(message: str) -> Iterator[tuple[str, str | None]]:
    """Label and value; a heading has no value. A line of another form goes on with the value before it."""
    label, value = "", None
    for line in message.splitlines():
        found = _LINE.fullmatch(line)
        if found is not None:
            if label:
                yield label, value
            label, value = found[1], found[2].strip() if found[2] is not None else None
        elif label and value is not None and line.strip():
            value = f"{value}\n{line.strip()}"
        elif not line.strip() and label:
            yield label, value
            label, value = "", None
    if label:
        yield label, value


def _joined(label: str) -> str:
    return label.replace(" ", "")
