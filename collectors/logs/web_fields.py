"""A request's address under the field names that Sigma's web rules use.

SigmaHQ's webserver rules write paths as well as queries into `cs-uri-query` (most mean the whole request target, some
only what follows the question mark): with a query the field holds both readings, without one the path.
"""

from urllib.parse import urlsplit

from jikimi.domain.event import Event


def target_fields(stem: str, query: str) -> Event:
    """`cs-uri-stem` and `cs-uri-query` of a request to a web server; `query` without its question mark."""
    return {"cs-uri-stem": stem, "cs-uri-query": [query, f"{stem}?{query}"] if query else stem}


def proxy_fields(url: str, host: str = "") -> Event:
    """`c-uri` and its parts of a request through a proxy; `url` is absolute, a path, or `host:port` of a CONNECT."""
    event: Event = {"c-uri": url, "cs-uri": url}
    path, _, query = url.partition("#")[0].partition("?")
    scheme, parted, rest = path.partition("://")
    if parted:
        authority, slash, stem = rest.partition("/")
        host = host or _host_of(authority)
        stem = slash + stem
        event["c-uri-scheme"] = scheme
    elif path.startswith("/"):
        stem = path
    else:  # CONNECT example.com:443
        host, stem = host or _host_of(path), ""
    if host:
        event["cs-host"] = host
    if stem:
        event |= {"c-uri-stem": stem, "cs-uri-stem": stem}
        _, dot, extension = stem.rsplit("/", 1)[-1].rpartition(".")
        if dot and 0 < len(extension) <= 10:
            event["c-uri-extension"] = extension
    if query:
        event |= {"c-uri-query": query, "cs-uri-query": query}
    return event


def _host_of(authority: str) -> str:
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""
