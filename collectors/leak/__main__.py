"""`python -m collectors.leak INDEX`: the examining process of leak evidence."""

import sys
from pathlib import Path

import msgspec

from collectors.examining.process import serve
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
    if registry.rebuilt:
        sys.stderr.write("the index of protected documents was damaged and is made anew\n")

    def answer(line: bytes) -> Answer:
        try:
            return examiner.answer(decoder.decode(line))
        except Exhausted as error:
            return Answer("failed", str(error))

    serve(answer, Exhausted, memory=MEMORY, seconds=caps.seconds + 5)
    registry.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
