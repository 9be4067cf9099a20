"""NetFlow v5, v9 (RFC 3954) and IPFIX (RFC 7011) datagrams of many exporters → flow records, without I/O.

Templates are kept for each exporter and observation domain, bounded; records whose template has not come yet wait for
it (collectors.network_devices.waiting) and come with it. Nothing a sender can write raises.
"""

import struct
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from collectors.network_devices.elements import ADDRESSES, REVERSE, UNSIGNED, Record, record_of, sampling_of
from collectors.network_devices.sequence import Counts, Sent, Sequences
from collectors.network_devices.waiting import Key, Source, Waiting

MOST_TEMPLATES = 4096
_MOST_FIELDS = 512
_MOST_SAMPLERS = 256
_VARIABLE = 0xFFFF
_V5_HEAD = struct.Struct(">HHIIIIBBH")
_V5_RECORD = struct.Struct(">4s4s4xHHIIIIHHxBBB8x")
_V9_HEAD = struct.Struct(">HHIIII")
_IPFIX_HEAD = struct.Struct(">HHIII")
_V5_INTERVAL = 0x3FFF
_OPTIONS = {9: 1, 10: 3}
_TEMPLATES = {9: 0, 10: 2}
_UINT32 = 0xFFFFFFFF


class _Field(NamedTuple):
    name: str | None
    size: int
    is_address: bool


class _Template(NamedTuple):
    fields: tuple[_Field, ...]
    of_exporter: bool
    """An options template: its records tell of the exporter itself."""


_Kept = TypeVar("_Kept")


class NetFlow:
    """Datagrams in, records out; the counters say what gave none."""

    def __init__(self) -> None:
        self._templates: OrderedDict[Key, _Template] = OrderedDict()
        self._boots: OrderedDict[tuple[str, int], int] = OrderedDict()
        self._samplings: OrderedDict[tuple[str, int], dict[int, int]] = OrderedDict()
        self._sequences = Sequences()
        self.waiting = Waiting()
        """Sets of records that came before the template that describes them."""
        self._late: list[Record] = []
        """Of the datagram being read: what waited for a template that it brought."""
        self.malformed = 0
        """Datagrams, or rests of them, that are not what they claim."""
        self.not_flows = 0
        """Records without two addresses (switched frames)."""
        self.missing = 0
        """What was lost on the way by the exporter's own numbers: flow records, of NetFlow v9 datagrams."""

    def records(self, datagram: bytes, exporter: str, now: float = 0.0) -> list[Record]:
        """The flow records of one datagram of `exporter` (its address), and before them those that had waited for a
        template in it. `now` in seconds of any steady clock."""
        version = int.from_bytes(datagram[:2])
        try:
            if version == 5:
                return list(self._version5(datagram, exporter))
            if version in (9, 10):
                return self._with_templates(version, datagram, exporter, now)
        except (struct.error, IndexError):
            pass
        self.malformed += 1
        return []

    def _version5(self, datagram: bytes, exporter: str) -> Iterator[Record]:
        _, count, uptime, seconds, nanoseconds, number, *engine, sampling = _V5_HEAD.unpack_from(datagram)
        whole = (len(datagram) - 24) // 48
        if count > whole:
            self.malformed += 1
        key = (exporter, 5, engine[0] << 8 | engine[1])
        self.missing += self._sequences.missing(key, number, Sent(count, count), Counts.RECORDS_BEFORE)
        boot = seconds * 1_000_000_000 + nanoseconds - uptime * 1_000_000
        for n in range(min(count, whole)):
            source, destination, _, _, packets, size, first, last, here, there, flags, protocol, _ = (
                _V5_RECORD.unpack_from(datagram, 24 + 48 * n)
            )
            start, end = (boot + _since_boot(stamp, uptime) * 1_000_000 for stamp in (first, last))
            record = Record(source, destination, protocol, here, there, min(start, end), end, packets, size, flags)
            yield record.of_all_packets(sampling & _V5_INTERVAL)

    def _with_templates(self, version: int, datagram: bytes, exporter: str, now: float) -> list[Record]:
        if version == 9:
            _, _, uptime, seconds, number, domain = _V9_HEAD.unpack_from(datagram)
            boot, at, end = seconds * 1_000_000_000 - uptime * 1_000_000, 20, len(datagram)
        else:
            _, end, seconds, number, domain = _IPFIX_HEAD.unpack_from(datagram)
            boot, at = self._boots.get((exporter, domain), 0), 16
            if end > len(datagram):
                self.malformed += 1
                end = len(datagram)
        source = Source(version, exporter, domain, seconds * 1_000_000_000, boot)
        found: list[Record] = []
        self._late = []
        records: int | None = 0
        while at + 4 <= end:
            kind, size = struct.unpack_from(">HH", datagram, at)
            if size < 4 or at + size > end:
                self.malformed += 1
                break
            try:
                count = self._set(source, kind, datagram[at + 4 : at + size], found, now)
            except (struct.error, IndexError):
                self.malformed += 1
                count = None
            records = None if records is None or count is None else records + count
            at += size
        self.malformed += 0 < end - at < 4
        sent = None if records is None else Sent(records, len(found))
        counts = Counts.DATAGRAMS if version == 9 else Counts.RECORDS_BEFORE
        self.missing += self._sequences.missing((exporter, version, domain), number, sent, counts)
        return self._late + found

    def _set(self, source: Source, kind: int, body: bytes, found: list[Record], now: float) -> int | None:
        """How many records the set holds, None when nobody can tell; those of flows are added to `found`."""
        version, exporter, domain, _, _ = source
        if kind in (_TEMPLATES[version], _OPTIONS[version]):
            self._learn(version, body, exporter, domain, of_exporter=kind == _OPTIONS[version])
            return 0
        if kind < 256:
            self.malformed += 1
            return None
        key = (exporter, version, domain, kind)
        template = self._templates.get(key)
        if template is None:
            self.waiting.keep(key, source, body, now)
            return None
        return self._read(source, template, body, found)

    def _read(self, source: Source, template: _Template, body: bytes, found: list[Record]) -> int:
        """How many records the set holds; raises struct.error or IndexError for one that is not what it claims."""
        who = (source.exporter, source.domain)
        values = list(self._values(template, body))
        for one in values:
            if template.of_exporter:
                self._of_exporter(one, who)
            elif (record := record_of(one, source.exported, source.boot or self._boots.get(who, 0))) is None:
                self.not_flows += 1
            else:
                found.append(record.of_all_packets(self._sampling(one, who)))
        return len(values)

    def _read_late(self, key: Key) -> None:
        for source, body in self.waiting.take(key):
            try:
                self._read(source, self._templates[key], body, self._late)
            except (struct.error, IndexError):
                self.malformed += 1

    def _learn(self, version: int, body: bytes, exporter: str, domain: int, *, of_exporter: bool) -> None:
        at = 0
        while at + 4 <= len(body):
            number, count = struct.unpack_from(">HH", body, at)
            at += 4
            if number < 256 and not count:
                break  # padding
            key = (exporter, version, domain, number)
            if not count:
                self._templates.pop(key, None)  # withdrawn (RFC 7011, section 8.1)
                continue
            scopes = 0
            if of_exporter:
                second = struct.unpack_from(">H", body, at)[0]
                at += 2
                # NetFlow v9 gives the lengths of the scopes and of the rest in bytes, IPFIX counts all and the scopes
                scopes, count = (count // 4, (count + second) // 4) if version == 9 else (0, count)
            if number < 256 or count > _MOST_FIELDS:
                raise struct.error(number)
            fields = []
            for n in range(count):
                field, at = _field(version, body, at)
                fields.append(field if n >= scopes else _Field(None, field.size, False))
            self._templates[key] = _Template(tuple(fields), of_exporter)
            self._templates.move_to_end(key)
            if len(self._templates) > MOST_TEMPLATES:
                self._templates.popitem(last=False)
            self._read_late(key)

    def _of_exporter(self, values: dict[str, int | bytes], exporter: tuple[str, int]) -> None:
        """When it started, from which some count the times of flows; of how many packets it looks at one."""
        if isinstance(boot := values.get("boot_ms"), int):
            _keep(self._boots, exporter, boot * 1_000_000)
        if sampling := sampling_of(values):
            samplers = self._samplings.get(exporter, {})
            if len(samplers) < _MOST_SAMPLERS:
                _keep(self._samplings, exporter, {**samplers, _sampler(values): sampling})

    def _sampling(self, values: dict[str, int | bytes], exporter: tuple[str, int]) -> int:
        """As the record itself states it, or the sampler that it names, or the exporter's only one."""
        samplers = self._samplings.get(exporter, {})
        alone = next(iter(samplers.values())) if len(samplers) == 1 else 1
        return sampling_of(values) or samplers.get(_sampler(values), alone)

    def _values(self, template: _Template, body: bytes) -> Iterator[dict[str, int | bytes]]:
        """The values of each record that is whole."""
        least = sum(1 if field.size == _VARIABLE else field.size for field in template.fields)
        at = 0
        while least and at + least <= len(body):
            values: dict[str, int | bytes] = {}
            for name, stated, is_address in template.fields:
                size = stated
                if size == _VARIABLE:
                    size, at = _variable(body, at)
                if at + size > len(body):
                    self.malformed += 1
                    return
                if name is not None:
                    raw = body[at : at + size]
                    if not is_address:
                        values.setdefault(name, int.from_bytes(raw[:8]))
                    elif size in (4, 16) and any(raw):
                        values[name] = raw
                at += size
            yield values


def _sampler(values: dict[str, int | bytes]) -> int:
    number = values.get("sampler", 0)
    return number if isinstance(number, int) else 0


def _keep(memory: OrderedDict[tuple[str, int], _Kept], key: tuple[str, int], value: _Kept) -> None:
    memory[key] = value
    if len(memory) > MOST_TEMPLATES:
        memory.popitem(last=False)


def _field(version: int, body: bytes, at: int) -> tuple[_Field, int]:
    number, size = struct.unpack_from(">HH", body, at)
    at += 4
    enterprise = 0
    if version == 10 and number & 0x8000:
        enterprise = struct.unpack_from(">I", body, at)[0]
        number, at = number & 0x7FFF, at + 4
    if enterprise not in (0, REVERSE):
        return _Field(None, size, False), at
    name = ADDRESSES.get(number) or UNSIGNED.get(number)
    if enterprise == REVERSE:
        name = f"reverse_{name}" if name in ("bytes", "packets", "flags") else None
    return _Field(name, size, enterprise == 0 and number in ADDRESSES), at


def _variable(body: bytes, at: int) -> tuple[int, int]:
    """A length of one byte, or of two behind 255 (RFC 7011, section 7), and where the value begins."""
    if body[at] < 255:
        return body[at], at + 1
    return int.from_bytes(body[at + 1 : at + 3]), at + 3


def _since_boot(stamp: int, uptime: int) -> int:
    """ms from start to `stamp`, below 0 where the 32-bit counter ran over between the two."""
    return stamp - _UINT32 - 1 if stamp > uptime + 86_400_000 else stamp
