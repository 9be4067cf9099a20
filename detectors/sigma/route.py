"""Which rules see an event (specification: "Log source"): what a rule states must all be true of the event.

An event belongs to one or more products, categories and services. For Windows records they come from channel and event
id (jikimi.domain.windows); for everything else from the log source that travels with the events, plus the public
categories that our own log sources also serve.
"""

from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from detectors.sigma.rule import Rule
from detectors.sigma.tree import leaves
from jikimi.domain import windows
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource

_PROCESS_FIELDS = frozenset({"Image", "CommandLine", "ParentImage", "ParentCommandLine", "User", "OriginalFileName"})
_WINDOWS = (None, "windows")
"""Products of log sources under which records of a Windows event log may come."""
_TYPED = (12, "12")
_SYSTEMS = frozenset({"linux", "macos", "windows"})

_MACOS = ("/Users/", "/Applications/", "/Library/", "/System/", "/private/", "/Volumes/")

_AUTH = frozenset({"auth", "syslog"})
_SYSLOG = frozenset({"syslog"})
# (product, service) that events come under → what else they are, so that every rule they concern sees them.
_MORE_SERVICES: dict[tuple[str | None, str | None], frozenset[str]] = {
    **{("linux", service): _AUTH for service in ("sshd", "sudo", "auth")},
    **{("linux", service): _SYSLOG for service in ("cron", "guacamole")},
    **{("cisco", service): _SYSLOG for service in (None, "aaa", "bgp", "ldp")},
    ("fortigate", "event"): frozenset({"sslvpnd"}),
    ("paloalto", None): frozenset({"globalprotect"}),
    (None, "syslog"): frozenset({"bgp"}),
}
_MORE_PRODUCTS: dict[tuple[str | None, str | None], frozenset[str]] = {
    ("fortigate", "event"): frozenset({"fortios"}),
    (None, "syslog"): frozenset({"linux", "huawei", "juniper"}),  # a sender that does not say what it is
}
_MORE_CATEGORIES: dict[tuple[str | None, str | None], frozenset[str]] = {
    ("zeek", "dns"): frozenset({"dns"}),
    ("zeek", "http"): frozenset({"proxy", "webserver"}),
    ("zeek", "conn"): frozenset({"firewall"}),
    ("suricata", "dns"): frozenset({"dns"}),
    ("suricata", "http"): frozenset({"proxy", "webserver"}),
    **{("suricata", service): frozenset({"firewall"}) for service in ("alert", "drop", "flow", "netflow")},
    ("paloalto", None): frozenset({"appliance"}),
}


class EventClass(msgspec.Struct, frozen=True):
    """Everything an event's log source is, lower case; `known` are fields with one value in the whole class.

    `nameless` marks a flow whose process is not known: a system's rule about processes cannot judge it.
    """

    products: frozenset[str]
    categories: frozenset[str]
    services: frozenset[str]
    known: tuple[tuple[str, str], ...] = ()
    nameless: bool = False

    @property
    def spaces_names(self) -> bool:
        """May a field's name have spaces? Not in our own events and where the provider's manifest has none."""
        return "jikimi" not in self.products and dict(self.known).get("Channel") not in windows.WITHOUT_SPACED_NAMES

    def serves(self, rule: Rule) -> bool:
        """True when everything the rule's log source states holds for this class."""
        if self.nameless and rule.logsource.product in _SYSTEMS and _asks_for_process(rule):
            return False
        return self.is_all(rule.logsource)

    def is_all(self, stated: LogSource) -> bool:
        """True when every stated part holds for this class."""
        return (
            _holds(stated.product, self.products)
            and _holds(stated.category, self.categories)
            and _holds(stated.service, self.services)
        )


def _holds(stated: str | None, among: frozenset[str]) -> bool:
    return stated is None or stated.lower() in among


def _asks_for_process(rule: Rule) -> bool:
    return any(getattr(leaf, "field", None) in _PROCESS_FIELDS for leaf in leaves(rule.condition))


def _some(*names: str | None) -> frozenset[str]:
    return frozenset(name.lower() for name in names if name)


def class_of(logsource: LogSource, event: Event) -> EventClass:
    """The class of one event that came under `logsource`."""
    if logsource.product == "jikimi":
        return _our_class(logsource, event)
    if logsource.product in _WINDOWS and "EventID" in event:
        channel, event_id = windows.channel_of(event), windows.id_of(event)
        if channel is not None and event_id is not None:
            return _windows_class(logsource, channel, event_id, _event_type(channel, event_id, event))
    stated = (logsource.product, logsource.service)
    return EventClass(
        _some(logsource.product) | _MORE_PRODUCTS.get(stated, frozenset()),
        _some(logsource.category) | _MORE_CATEGORIES.get(stated, frozenset()),
        _some(logsource.service) | _MORE_SERVICES.get(stated, frozenset()),
    )


def _event_type(channel: str, event_id: int, event: Event) -> str:
    return str(event.get("EventType", "")) if (channel, event_id) == (windows.SYSMON, 12) else ""


def _windows_class(logsource: LogSource, channel: str, event_id: int, event_type: str) -> EventClass:
    is_named_twice = (channel, event_id) == (windows.SYSTEM, windows.LOG_CLEARED)
    return EventClass(
        products=windows.products_of(channel, event_id),
        categories=windows.categories_of(channel, event_id, event_type) | _some(logsource.category),
        services=_some(windows.service_of(channel), logsource.service),
        known=(*(() if is_named_twice else (("Channel", channel),)), ("EventID", str(event_id))),
    )


def _our_class(logsource: LogSource, event: Event) -> EventClass:
    ours = EventClass(_some("jikimi"), _some(logsource.category), _some(logsource.service))
    also = _ALSO.get(logsource.category or "")
    return also(ours, event) if also else ours


def _flow(ours: EventClass, event: Event) -> EventClass:
    system = _system_of(event.get("Image"))
    by_a_device = frozenset({"firewall"}) if "netflow" in ours.services else frozenset[str]()
    return EventClass(
        products=ours.products | (frozenset({system}) if system else _SYSTEMS),
        categories=ours.categories | {"network_connection"} | by_a_device,
        services=ours.services,
        nameless=system is None,
    )


def _file(ours: EventClass, event: Event) -> EventClass:
    action = {"create": "file_event", "delete": "file_delete", "rename": "file_rename"}.get(str(event.get("Action")))
    system = _system_of(event.get("TargetFilename"))
    if action is None or system is None:
        return ours
    return EventClass(ours.products | {system}, ours.categories | {action}, ours.services)


def _dns(ours: EventClass, _event: Event) -> EventClass:
    """A name is the same on every system: rules that ask for the name alone see it, whichever system they state."""
    return EventClass(ours.products | _SYSTEMS, ours.categories | {"dns"}, ours.services, nameless=True)


def _malware(ours: EventClass, _event: Event) -> EventClass:
    return EventClass(ours.products, ours.categories | {"antivirus"}, ours.services)


# (product, category or service) → Sigma's name of a field ← the name it has in these events.
_ALIASES: dict[tuple[str | None, str | None], dict[str, str]] = {
    ("jikimi", "network_flow"): {
        "src_ip": "SourceIp", "src_port": "SourcePort", "dst_ip": "DestinationIp", "dst_port": "DestinationPort",
    },
    ("jikimi", "malware_scan"): {"Filename": "TargetFilename"},
    ("jikimi", "dns_query"): {"query": "QueryName", "record_type": "QueryType", "answer": "QueryResults"},
    ("zeek", "dns"): {"record_type": "qtype_name", "answer": "answers"},
    ("zeek", "http"): {
        "c-uri": "uri", "cs-uri": "uri", "cs-uri-stem": "uri", "cs-uri-query": "uri", "c-useragent": "user_agent",
        "cs-user-agent": "user_agent", "cs-method": "method", "cs-host": "host", "sc-status": "status_code",
        "cs-referer": "referrer", "c-ip": "id.orig_h", "dst_ip": "id.resp_h",
    },
    ("zeek", "conn"): {
        "src_ip": "id.orig_h", "src_port": "id.orig_p", "dst_ip": "id.resp_h", "dst_port": "id.resp_p",
    },
    ("kubernetes", "application"): {"apiGroup": "objectRef.apiGroup"},
    (None, "webserver"): {"c-useragent": "cs-user-agent"},
    (None, "proxy"): {"cs-user-agent": "c-useragent"},
}  # fmt: skip

_ALSO: dict[str, Callable[[EventClass, Event], EventClass]] = {
    "network_flow": _flow,
    "file_access": _file,
    "malware_scan": _malware,
    "dns_query": _dns,
}


def _system_of(path: object) -> str | None:
    """Which system writes paths like this one."""
    if not isinstance(path, str):
        return None
    if path.startswith("/"):
        return "macos" if path.startswith(_MACOS) else "linux"
    return "windows" if "\\" in path else None


def complete(logsource: LogSource, event: Event) -> Event:
    """The event with the field names that public rules use, where it has another name for the same thing."""
    return completer(logsource, class_of(logsource, event))(event)


def completer(logsource: LogSource, event_class: EventClass) -> Callable[[Event], Event]:
    """`complete` for the events of one class, or such that have some of their fields only."""
    aliases = _aliases_of(logsource)
    if aliases is not None:
        return partial(_renamed, aliases)
    if record := _record_of(event_class):
        return partial(windows.complete_as, record)
    return _complete_record if logsource.product in _WINDOWS else _as_it_is


def _record_of(event_class: EventClass) -> tuple[str, int] | None:
    """Channel and id of a class of Windows records; only for a cleared log is the channel no known value."""
    known = dict(event_class.known)
    return (known.get("Channel", windows.SYSTEM), int(known["EventID"])) if known else None


def _renamed(aliases: Mapping[str, str], event: Event) -> Event:
    added = {name: event[other] for name, other in aliases.items() if other in event and name not in event}
    return {**added, **event} if added else event


def _complete_record(event: Event) -> Event:
    return windows.complete(event) if "Channel" in event else event


def _as_it_is(event: Event) -> Event:
    return event


def _aliases_of(logsource: LogSource) -> Mapping[str, str] | None:
    return _ALIASES.get((logsource.product, logsource.category or logsource.service))


def class_fields(logsource: LogSource) -> tuple[str, ...]:
    """The fields that `class_of` may look at; none when all events of the log source are of one class."""
    if logsource.product == "jikimi":
        return ("Action", "Image", "TargetFilename") if logsource.category in _ALSO else ()
    return ("Channel", "EventID", "EventType") if logsource.product in _WINDOWS else ()


def tag_field(logsource: LogSource) -> str | None:
    """Of them, the one by whose values the fields of events differ most."""
    return "EventID" if logsource.product in _WINDOWS else None


def names_of(logsource: LogSource, event_class: EventClass) -> Mapping[str, tuple[str, ...]]:
    """Field → the other fields of the event that `complete` makes its value of."""
    aliases = _aliases_of(logsource)
    if aliases is not None:
        return {name: (other,) for name, other in aliases.items()}
    return windows.names_of(_record_of(event_class)) if logsource.product in _WINDOWS else {}


def class_key(logsource: LogSource, event: Event) -> tuple[object, ...]:
    """Equal for two events only when `class_of` is: so that a class is worked out once."""
    if logsource.product == "jikimi":
        return (logsource, event.get("Action"), _system_of(event.get("Image")), _system_of(event.get("TargetFilename")))
    channel, event_id = event.get("Channel"), event.get("EventID")
    told = repr(event_id)  # as a key, True and 1.0 would be 1
    if event_id in _TYPED:
        return (logsource, channel, told, event.get("EventType"))
    return (logsource, channel, told, "EventID" in event)
