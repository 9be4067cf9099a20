"""`python -m collectors.leak INDEX`: the examining process of leak evidence."""

import sys
from pathlib import Path

import msgspec

from collectors.examining.process import serve
from collectors.leak import notes
from collectors.leak.asked import Answer, Request
from collectors.leak.budget import Caps, Exhausted
from collectors.leak.examiner import Examiner
from collectors.leak.registry import Registry

MEMORY = 512 << 20
"""Bytes of address space."""


def main() -> int:
    caps = Caps()
    registry = Registry(Path(sys.argv[1]))
    examiner = Examiner(registry, caps)
    decoder = msgspec.json.Decoder(Request)

    def answer(line: bytes) -> Answer:
        try:
            told = examiner.answer(decoder.decode(line))
        except Exhausted as error:
            told = Answer("failed", error.note.en, error.note.ko)
        anew, registry.anew = registry.anew, False
        return msgspec.structs.replace(told, anew=anew)

    serve(answer, lambda _: Exhausted(notes.TIME), memory=MEMORY, seconds=caps.seconds + 5)
    registry.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
