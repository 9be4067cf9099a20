"""A centre that only takes: the upload contract of docs/architecture.md, every event kept in memory.

`python -m bench.sink PORT` prints "ready"; when stdin closes it prints all events, one JSON object a line.
"""

import http.server
import sys
import threading
from typing import Any

import orjson
import zstandard

from jikimi.domain.event import decode_envelope

CREDIT = 64 << 20
_expand = zstandard.ZstdDecompressor()


class Taker(http.server.BaseHTTPRequestHandler):
    """`taken` is shared by all connections."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    taken: list[bytes] = []  # noqa: RUF012 - one sink a process

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said: dict[str, Any] = {"time": "2026-01-01T00:00:00Z", "config_version": 1, "credit": CREDIT}
        if self.path == "/v1/batches":
            head, _, block = _expand.decompressobj().decompress(body).partition(b"\n")
            envelope = decode_envelope(head)
            source = orjson.dumps({"category": envelope.logsource.category})
            self.taken.extend(source + b"\t" + line for line in block.splitlines())
            said = {"acked_through": envelope.last_seq, "credit": CREDIT, "accepted": envelope.count}
        raw = orjson.dumps(said)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self) -> None:
        """The agent's configuration: nothing new."""
        self.send_response(304)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def main(port: int) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Taker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()
    for line in Taker.taken:
        source, _, event = line.partition(b"\t")
        sys.stdout.write(orjson.dumps({**orjson.loads(source), **orjson.loads(event)}).decode() + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
