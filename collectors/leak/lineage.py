"""Who read protected documents and then wrote outside: the only sign when the copy is encrypted.

Strong when what was written is unreadable or as large as what was read, weak alone. Pure: time is an argument.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Literal, NamedTuple

from collectors.leak.evidence import Evidence
from collectors.sources.who import Process, Who

Relation = Literal["same", "family", "pipeline", "session", "unknown"]
"""`family`: one started the other, within a few generations; `pipeline`: started together by the same parent;
`session`: started by the same parent at different times, or the same person's; `unknown`: nobody knows who wrote, but
somebody had just read."""

READS = 5_000
"""Remembered; the oldest are forgotten."""
BEFORE, AFTER = 600.0, 5.0
"""Seconds a reading may lie before the writing, or be told after it: a file is told at its close."""
OPEN_FOR = 86_400.0
"""Seconds an opening may lie before the writing while the document stays open: an editor holds it all day."""
SOON = 60.0
TOGETHER = 1.0
GENERATIONS = 4
_INIT = 1

_STRONG: dict[Relation, int] = {"same": 85, "family": 75, "pipeline": 75, "session": 40, "unknown": 40}
_WORDS: dict[Relation, tuple[str, str]] = {
    "same": ("같은 프로그램이", "the same program"),
    "family": ("같은 작업에 속한 프로그램이", "programs of the same job"),
    "pipeline": ("함께 실행된 프로그램이", "programs run together"),
    "session": ("같은 사용자가", "the same person"),
    "unknown": ("누가 썼는지는 알 수 없으나, 누군가 바로 앞에", "it is not known who wrote it, but somebody just"),
}
UNSEEN = 10
"""A file that could not be looked at is less than one that was, and is unreadable."""
_RANK: tuple[Relation, ...] = ("same", "pipeline", "family", "session", "unknown")


class Read(NamedTuple):
    """A protected document was read, or moved out of its folder; `still_open`: it was opened, and not closed since."""

    path: str
    size: int
    who: Who
    at: float
    still_open: bool = False

    def counts_at(self, moment: float) -> bool:
        """Whether what is written at `moment` may come from this reading."""
        return -AFTER <= moment - self.at <= (OPEN_FOR if self.still_open else BEFORE)


class Written(NamedTuple):
    """`sealed`: encrypted, as far as one can see. `examined`: its content was looked at, and is no protected document's
    that anybody could recognise."""

    size: int
    who: Who
    at: float
    sealed: bool
    examined: bool


class Lineage:
    """Bounded. `find` tells what is known of a process id (Processes.find). Not thread-safe."""

    def __init__(self, find: Callable[[int], Process | None]) -> None:
        self._find = find
        self._reads: OrderedDict[tuple[int, str], Read] = OrderedDict()

    def read(self, one: Read) -> None:
        """The latest of a program's readings of a document counts."""
        key = one.who.pid, one.path
        self._reads.pop(key, None)
        self._reads[key] = one
        if len(self._reads) > READS:
            self._reads.popitem(last=False)

    def of(self, written: Written) -> tuple[Evidence, list[str]] | None:
        """The evidence, and the documents that were read, nearest in time first; None when nobody related read any."""
        by_relation: dict[Relation, list[Read]] = {}
        near = [one for one in self._reads.values() if one.counts_at(written.at)]
        for one in sorted(near, key=lambda one: abs(written.at - one.at)):
            relation = self._relation(one.who, written.who)
            if relation and (relation != "unknown" or abs(written.at - one.at) <= SOON):
                by_relation.setdefault(relation, []).append(one)
        for relation in _RANK:
            if reads := by_relation.get(relation):
                told = _judge(relation, reads, written)
                if told:
                    return told
        return None

    def _relation(self, reader: Who, writer: Who) -> Relation | None:
        if not reader.pid:
            return None
        if not writer.pid:
            return "unknown"
        if reader.pid == writer.pid:
            return "same"
        read_by, written_by = self._find(reader.pid), self._find(writer.pid)
        if read_by and written_by and read_by.parent == written_by.parent and read_by.parent > _INIT:
            return "pipeline" if abs(read_by.started - written_by.started) <= TOGETHER else "session"
        if reader.pid in self._ancestors(writer.pid) or writer.pid in self._ancestors(reader.pid):
            return "family"
        return "session" if reader.user and reader.user == writer.user and reader.user != "root" else None

    def _ancestors(self, pid: int) -> set[int]:
        found = set[int]()
        for _ in range(GENERATIONS):
            process = self._find(pid)
            if process is None or process.parent <= _INIT:
                break
            pid = process.parent
            found.add(pid)
        return found


def _judge(relation: Relation, reads: list[Read], written: Written) -> tuple[Evidence, list[str]] | None:
    documents = list(dict.fromkeys(one.path for one in reads))
    ko, en = _WORDS[relation]
    equal = next((one for one in reads if one.size == written.size and one.size >= 1024), None)
    if equal and relation not in ("session", "unknown") and not written.examined:
        ko, en = f"{ko} 보호 문서를 읽고 크기가 같은 파일을 씀", f"{en} read the document and wrote a file of its size"
        rest = [path for path in documents if path != equal.path]
        return Evidence("lineage", 80, ko, en, equal.path), [equal.path, *rest]
    if not written.examined:
        if relation in ("session", "unknown"):
            return None
        ko = f"{ko} 보호 문서를 읽은 뒤 파일을 썼으나 그 내용을 확인하지 못함"
        en = f"{en} read the document, then wrote a file that could not be examined"
        return Evidence("lineage", _STRONG[relation] - UNSEEN, ko, en, documents[0]), documents
    if written.sealed:
        ko = f"{ko} 보호 문서를 읽은 뒤 내용을 알아볼 수 없는(암호화되었거나 조각난) 파일을 씀"
        en = f"{en} read the document, then wrote a file nobody can read (encrypted, or a piece of something packed)"
        return Evidence("lineage", _STRONG[relation], ko, en, documents[0]), documents
    if relation != "same" or all(written.at - one.at > SOON and not one.still_open for one in reads):
        return None
    ko, en = f"{ko} 보호 문서를 읽고 곧 파일을 씀(내용은 서로 다름)", f"{en} read the document and soon wrote a file"
    return Evidence("lineage", 30, ko, en, documents[0]), documents
