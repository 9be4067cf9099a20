"""A Linux server: what auditd writes, and the access log of its web server."""

from collections.abc import Iterator
from random import Random

from bench.lanes.values import hexadecimal, inside, moments, outside, word
from jikimi.domain.event import Event

_COMMANDS = (
    "ls -la /srv",
    "cat /etc/hostname",
    "systemctl status nginx",
    "grep -r error /var/log/app",
    "date +%s",
    "df -h",
)
_PATHS = ("/", "/index.html", "/static/app.js", "/api/orders", "/login", "/images/logo.png", "/robots.txt")
_BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
)


def auditd(random: Random) -> Iterator[Event]:
    """EXECVE, SYSCALL and PATH records by turns."""
    for moment in moments(random):
        kind = random.choice(("EXECVE", "SYSCALL", "PATH"))
        event: Event = {
            "@timestamp": moment,
            "type": kind,
            "node": "web-1",
            "msg": f"audit({random.randrange(10**9)}.{random.randrange(999)})",
        }
        command = random.choice(_COMMANDS).split()
        if kind == "EXECVE":
            event |= {"argc": len(command) + 1} | {f"a{n}": part for n, part in enumerate([*command, word(random)])}
        elif kind == "SYSCALL":
            event |= {
                "arch": "c000003e",
                "syscall": "59",
                "success": "yes",
                "exit": "0",
                "ppid": str(random.randrange(2, 40_000)),
                "pid": str(random.randrange(2, 40_000)),
                "auid": "1000",
                "uid": "33",
                "tty": "(none)",
                "comm": command[0],
                "exe": f"/usr/bin/{command[0]}",
                "key": "exec",
            }
        else:
            event |= {
                "item": "0",
                "name": f"/usr/bin/{command[0]}",
                "inode": str(random.randrange(10**6)),
                "mode": "0100755",
                "nametype": "NORMAL",
            }
        yield event


def web_access(random: Random) -> Iterator[Event]:
    """Visitors of a shop."""
    for moment in moments(random):
        path = random.choice(_PATHS)
        query = f"id={random.randrange(10**5)}&s={hexadecimal(random, 16)}" if path.startswith("/api") else ""
        yield {
            "@timestamp": moment,
            "c-ip": outside(random),
            "s-ip": inside(random),
            "cs-method": random.choice(("GET", "GET", "GET", "POST")),
            "cs-uri-stem": path,
            "cs-uri-query": query,
            "cs-version": "HTTP/1.1",
            "sc-status": random.choice((200, 200, 200, 304, 404)),
            "sc-bytes": random.randrange(200, 90_000),
            "cs-referer": f"https://shop.example.com{random.choice(_PATHS)}",
            "cs-user-agent": random.choice(_BROWSERS),
        }
