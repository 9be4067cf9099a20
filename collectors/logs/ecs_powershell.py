"""PowerShell's module logging (4103) in ECS: the two texts that Sigma's rules look into, as PowerShell writes them.

Elastic's pipeline takes `ContextInfo` and `Payload` apart and drops both. Source: Elastic's integration `windows`, data
stream `powershell_operational`.
"""

from collections.abc import Iterator
from typing import Any

from collectors.logs.ecs_field import field
from jikimi.domain.event import Event

_CONTEXT = {
    "Host Name": "process.title",
    "Host Version": "powershell.process.executable_version",
    "Host ID": "process.entity_id",
    "Host Application": "process.command_line",
    "Engine Version": "powershell.engine.version",
    "Runspace ID": "powershell.runspace_id",
    "Pipeline ID": "powershell.pipeline_id",
    "Command Name": "powershell.command.name",
    "Command Type": "powershell.command.type",
    "Script Name": "file.path",
    "Command Path": "powershell.command.path",
    "Sequence Number": "event.sequence",
    "User": "source.user",
    "Connected User": "destination.user",
    "Shell ID": "powershell.id",
}
"""In PowerShell's order."""


def module_logging(document: Event) -> Event:
    """`ContextInfo` and `Payload`, as far as the document tells them."""
    told = {name: _told(document, path) for name, path in _CONTEXT.items()}
    if not any(told.values()):
        return {}
    context = "".join(f"        {name} = {value}\r\n" for name, value in told.items())
    payload = "\r\n".join(_invocations(document))
    return {"ContextInfo": context} | ({"Payload": payload} if payload else {})


def _told(document: Event, path: str) -> str:
    if path.endswith(".user"):
        domain, name = (field(document, f"{path}.{part}") for part in ("domain", "name"))
        return f"{domain}\\{name}" if domain and name else str(name or "")
    value = field(document, path)
    return "" if value is None else str(value)


def _invocations(document: Event) -> Iterator[str]:
    """`CommandInvocation(Out-Null): "Out-Null"`, `ParameterBinding(Out-Null): name="InputObject"; value="…"`."""
    details = field(document, "powershell.command.invocation_details")
    for one in details if isinstance(details, list) else [details]:
        if isinstance(one, dict) and isinstance(one.get("type"), str):
            yield f"{one['type']}({one.get('related_command', '')}): {_said(one)}"


def _said(detail: dict[str, Any]) -> str:
    value = detail.get("value", "")
    return f"name={detail['name']}; value={value}" if "name" in detail else str(value)
