"""A web server on this machine whose page a test changes."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class ServedSite:
    """`body`, `status` and `headers` of every answer but that of a path in `files`; `url` of the page; how often it was
    `asked`."""

    def __init__(self, url: str, body: bytes) -> None:
        self.url = url
        self.body = body
        self.status = 200
        self.asked = 0
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, str] = {"Content-Type": "text/html; charset=utf-8"}


@contextmanager
def served(body: bytes, certificate: tuple[Path, Path] | None = None) -> Iterator[ServedSite]:
    """A server for as long as the block runs; with TLS when a certificate and its key are given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked += 1
            self.send_response(site.status)
            for name, value in site.headers.items():
                self.send_header(name, value)
            body = site.files.get(self.path, site.body)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "https" if certificate else "http"
    site = ServedSite(f"{scheme}://127.0.0.1:{server.server_address[1]}/", body)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
