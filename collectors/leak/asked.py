"""What the agent asks of the examining process, and its answers: one JSON object a line each way.

Paths to be opened are bytes, as the system has them; paths to be told are text.
"""

import msgspec

from collectors.leak.evidence import Evidence


class Register(msgspec.Struct, frozen=True, tag=True):
    """Take a protected document into the registry (a template: text that does not count)."""

    path: bytes
    template: bool = False


class Gone(msgspec.Struct, frozen=True, tag=True):
    """Documents, or folders of them, are no longer where they were."""

    paths: list[bytes]


class Examine(msgspec.Struct, frozen=True, tag=True):
    """Hold a written file against the registry. `inode` (0: unknown) says which file is meant, whatever its path
    names by now; `handle` finds it again after a rename: `struct file_handle` and a folder of its file system."""

    path: bytes
    inode: int = 0
    handle: bytes = b""
    mount: bytes = b""


class Sweep(msgspec.Struct, frozen=True, tag=True):
    """Everything was looked through: what is no longer there is gone."""


Request = Register | Gone | Sweep | Examine


class Answer(msgspec.Struct, frozen=True):
    """`done`: registered, unchanged, examined, gone, swept, failed. `trouble` says in words what could not be examined
    or kept (`trouble_ko` the same of a file that failed). `size` is an examined file's, in bytes. `anew`: the index was
    missing or damaged and is empty now."""

    done: str
    trouble: str = ""
    trouble_ko: str = ""
    best: Evidence | None = None
    documents: list[str] = []
    encrypted: bool = False
    path: str = ""
    size: int = 0
    counts: dict[str, int] = {}
    anew: bool = False
