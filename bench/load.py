"""The agent bench's traffic: `python -m bench.load serve`, and `python -m bench.load play SECONDS RATE FOLDER`.

Of every eight flows six are TCP and two UDP; beside them a file is made, read and deleted ten times a second in FOLDER,
and a program is started five times a second. Bounded in time and number; says what it did as one JSON line.
"""

import json
import selectors
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.namespaces import THERE

TCP_PORT, UDP_PORT = 8080, 5353
QUESTION, ANSWER = b"q" * 200, b"a" * 3000
FILES_A_SECOND, STARTS_A_SECOND = 10, 5
_PATIENCE = 5.0


def serve() -> None:
    """Answer TCP and UDP until stdin closes."""
    waiting = selectors.DefaultSelector()
    server = socket.create_server((THERE, TCP_PORT), backlog=512)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((THERE, UDP_PORT))
    for one in (server, datagrams, sys.stdin):
        waiting.register(one, selectors.EVENT_READ)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for key, _ in waiting.select():
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is datagrams:
                data, peer = datagrams.recvfrom(2048)
                datagrams.sendto(data, peer)
            elif key.fileobj is server:
                peer_socket, _ = server.accept()
                waiting.register(peer_socket, selectors.EVENT_READ, "peer")
            elif isinstance(key.fileobj, socket.socket):
                _answer(key.fileobj, waiting)


def _answer(peer: socket.socket, waiting: selectors.BaseSelector) -> None:
    try:
        if peer.recv(2048):
            peer.sendall(ANSWER)
            return
    except OSError:
        pass
    waiting.unregister(peer)
    peer.close()


def play(seconds: float, rate: int, folder: Path) -> dict[str, int]:
    """What was done, by kind."""
    done = {"tcp": 0, "udp": 0, "files": 0, "starts": 0}
    end = time.monotonic() + seconds
    beside = [
        threading.Thread(target=_files, args=(folder, end, done)),
        threading.Thread(target=_starts, args=(end, done)),
    ]
    for thread in beside:
        thread.start()
    count = int(seconds * rate)
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        if number % 8 < 6:
            _tcp()
            done["tcp"] += 1
        else:
            _udp()
            done["udp"] += 1
    for thread in beside:
        thread.join()
    return done


def _tcp() -> None:
    with socket.create_connection((THERE, TCP_PORT), timeout=_PATIENCE) as peer:
        peer.sendall(QUESTION)
        got = 0
        while got < len(ANSWER) and (more := peer.recv(4096)):
            got += len(more)


def _udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(_PATIENCE)
        peer.connect((THERE, UDP_PORT))
        peer.send(QUESTION)
        peer.recv(2048)


def _files(folder: Path, end: float, done: dict[str, int]) -> None:
    while time.monotonic() < end:
        file = folder / f"plan-{done['files']}"
        file.write_bytes(QUESTION)
        file.read_bytes()
        file.unlink()
        done["files"] += 1
        time.sleep(1 / FILES_A_SECOND)


def _starts(end: float, done: dict[str, int]) -> None:
    while time.monotonic() < end:
        subprocess.run(["true"], check=True)
        done["starts"] += 1
        time.sleep(1 / STARTS_A_SECOND)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        sys.stdout.write(json.dumps(play(float(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))) + "\n")
