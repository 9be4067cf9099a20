"""How much is captured and kept; a part of the agent's settings file."""

import msgspec

MEGABYTE = 1024 * 1024


class CaptureSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`always`: the ring runs along, so that a capture also holds what came before it was asked for; else packets are
    captured only from the asking on. `filter` is libpcap's. `snap`: bytes kept of each packet, 0 for all.
    """

    always: bool = False
    interface: str = "any"
    filter: str = ""
    files: int = 10
    megabytes_each: int = 20
    snap: int = 0
    evidence_megabytes: int = 2048
    """What all frozen captures together may take. Beyond it none is frozen: evidence is never deleted by itself."""

    @property
    def ring_bytes(self) -> int:
        return self.files * self.megabytes_each * MEGABYTE
