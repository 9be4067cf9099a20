"""What is compared of a page: title, foreign origins, the shape of the document, its text. Pure: HTML in, signals out.

A plain hash of the page is all noise (tokens, dates, advertisements). Text is kept by the place it stands in
(`div#news` and its ancestors), so that places which always change can be left out; texts are compared by simhash
(Charikar 2002).
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin, urlsplit

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode

from collectors.websites.scripts import MOST_SCRIPTS, Names, is_script, names_of

DEEPEST = 64
"""Elements nested deeper count as standing at this depth."""
MOST_PLACES = 2_000
"""Places kept of one page; beyond it (a page of tens of thousands of lists) the rest is not compared."""
MOST_PATHS = 5_000
"""Tag paths kept of one page."""
MOST_WORDS = 20_000
"""Words (and texts) of one page that are compared, in order; 4 MB of them would cost seconds a look."""
_NESTED = 5_000
"""Open elements at once at which a page is cut off: the parser's time grows with their square; browsers stop at 512."""
_NAMES = 1_000
"""Tag names at which a page is cut off, for the same reason; HTML has some 140."""
_TAG = re.compile(rb"(/?)([a-zA-Z][a-zA-Z0-9]*)")
_CLOSES_ITSELF = frozenset(
    b"area base br col dd dt embed hr img input li link meta option p source td th tr track wbr".split()
)
_UNSEEN = ("script", "style", "noscript", "template", "svg")
_WORD = re.compile(r"\w+")
_ORIGINS = (
    # kind, CSS selector, attribute. Scripts run; the others carry a visitor or what he types elsewhere.
    ("script", "script[src]", "src"),
    ("style", "link[rel~=stylesheet][href]", "href"),
    ("frame", "iframe[src], frame[src], embed[src]", "src"),
    ("frame", "object[data]", "data"),
    ("form", "form[action]", "action"),
    ("link", "a[href]", "href"),
)
_FILES = (
    ("script", "script[src]", "src"),
    ("style", "link[rel~=stylesheet][href]", "href"),
    ("image", "img[src], input[type=image][src]", "src"),
)
OFTEN = 5
"""Links to one host from which on they count as a bundle."""
MOST_FILES = 30
"""Of the site's own files, those that a look names; scripts first."""
MOST_FRAMES = 100
_AT_ONCE = ("onload", "onerror", "onpageshow")
"""Attributes whose script runs without anybody's doing."""
_DRAWN = re.compile(r"(?:url\(|@import)\s*['\"]?([^'\"();\s]+)", re.IGNORECASE)
_REFRESH = re.compile(r"url\s*=\s*['\"]?([^'\">]+)", re.IGNORECASE)


class Page(msgspec.Struct, frozen=True):
    """The signals of one page. `origins`: kind → other hosts, under `often` those linked to in a bundle, under `landed`
    the one that the page came from; `inline`: the scripts in the page by the names they use; `files`: the site's own
    scripts, style sheets and images, address → kind; `frames`: paths of the site's own that it shows within; `shape`:
    paths of tags; `texts`: place → digests of its texts; `words`: place → its words in order, for the simhash of what
    stands still."""

    title: str
    origins: dict[str, frozenset[str]]
    inline: frozenset[Names]
    files: dict[str, str]
    frames: frozenset[str]
    shape: frozenset[str]
    texts: dict[str, frozenset[str]]
    words: dict[str, tuple[str, ...]]


def read_page(html: bytes, url: str) -> Page:
    """Never raises: whatever a browser would show something for, the parser reads (HTML5 error recovery)."""
    tree = LexborHTMLParser(_cut(html))
    title = " ".join((found.text() if (found := tree.css_first("title")) else "").split())
    base = _base(tree, url)
    origins, inline, files = _origins(tree, url, base), _inline(tree), _own_files(tree, url, base)
    frames = _own_frames(tree, url, base)
    for name in _UNSEEN:
        for node in tree.css(name):
            node.decompose()
    shape: set[str] = set()
    texts: dict[str, set[str]] = {}
    words: dict[str, list[str]] = {}
    left = MOST_WORDS
    for tags, place, text in _elements(tree):
        if len(shape) < MOST_PATHS:
            shape.add(tags)
        if text and left > 0 and (place in texts or len(texts) < MOST_PLACES):
            spoken = [word.casefold() for word in _WORD.findall(text)][:left]
            left -= max(1, len(spoken))
            texts.setdefault(place, set()).add(_digest(text))
            words.setdefault(place, []).extend(spoken)
    return Page(
        title[:500],
        {kind: frozenset(hosts) for kind, hosts in origins.items()},
        inline,
        files,
        frames,
        frozenset(shape),
        {place: frozenset(found) for place, found in texts.items()},
        {place: tuple(found) for place, found in words.items()},
    )


def _cut(html: bytes) -> bytes:
    """The page up to where it nests, or invents tags, beyond all measure."""
    depth, place = 0, 0
    names: set[bytes] = set()
    for piece in html.split(b"<"):
        tag = _TAG.match(piece)
        if tag and (name := tag.group(2).lower()) not in _CLOSES_ITSELF:
            names.add(name)
            depth = max(0, depth + (-1 if tag.group(1) else 1))
            if depth > _NESTED or len(names) > _NAMES:
                return html[:place]
        place += len(piece) + 1
    return html


def simhash(words: Iterable[str]) -> int:
    """64 bits; pages that share most of their word pairs differ in few of them. 0 for no word."""
    digests, before = bytearray(), ""
    for word in words:
        digests += hashlib.blake2b(f"{before} {word}".encode(), digest_size=8).digest()
        before = word
    half = len(digests) // 16
    result = 0
    for place in range(8):
        ones = [0] * 8
        for byte, count in Counter(digests[place::8]).items():
            for bit in range(8):
                ones[bit] += count if byte >> bit & 1 else 0
        result = result << 8 | sum(1 << bit for bit in range(8) if ones[bit] > half)
    return result


def distance(one: int, other: int) -> int:
    """Bits that differ."""
    return (one ^ other).bit_count()


def _elements(tree: LexborHTMLParser) -> Iterator[tuple[str, str, str]]:
    """(tag path, place, own text) of every element of the body, in order."""
    if tree.body is None:
        return
    stack: list[tuple[LexborNode, str, str, int]] = [(tree.body, "", "", 0)]
    while stack:
        node, tags, place, depth = stack.pop()
        if depth < DEEPEST:
            tags, place = f"{tags}/{node.tag}", f"{place}/{_named(node)}"
        yield tags, place, " ".join(node.text(deep=False).split())
        inside = []
        child = node.child
        while child is not None:
            if not (child.tag or "-").startswith(("-", "_")):  # texts and comments are "-text", "-comment"
                inside.append((child, tags, place, depth + 1))
            child = child.next
        stack.extend(reversed(inside))


def _named(node: LexborNode) -> str:
    """The tag with its id: names of classes change with every build of a site."""
    name = node.attributes.get("id")
    return f"{node.tag}#{name}" if name and not any(map(str.isdigit, name)) else str(node.tag)


def _base(tree: LexborHTMLParser, url: str) -> str:
    """What the page's addresses are relative to."""
    node = tree.css_first("base[href]")
    try:
        return urljoin(url, (node.attributes.get("href") or "") if node else "")
    except ValueError:
        return url


def _origins(tree: LexborHTMLParser, url: str, base: str) -> dict[str, set[str]]:
    own = urlsplit(url).hostname or ""
    found: dict[str, set[str]] = {"landed": {own}}
    links: Counter[str] = Counter()
    for kind, selector, attribute in _ORIGINS:
        for node in tree.css(selector):
            host = _foreign_host(base, node.attributes.get(attribute), own)
            if host:
                found.setdefault(kind, set()).add(host)
                links[host] += kind == "link"
    for node in tree.css("meta[http-equiv][content]"):
        if (node.attributes.get("http-equiv") or "").lower() == "refresh":
            told = _REFRESH.search(node.attributes.get("content") or "")
            if host := _foreign_host(base, told.group(1) if told else None, own):
                found.setdefault("frame", set()).add(host)
    for node in tree.css("style"):
        drawn = (_foreign_host(base, target, own) for target in _DRAWN.findall(node.text()))
        found.setdefault("style", set()).update(filter(None, drawn))
    if often := {host for host, count in links.items() if count >= OFTEN}:
        found["often"] = often
    return found


def _foreign_host(base: str, target: str | None, own: str) -> str:
    """The host that `target` leads to; "" for the site's own, and for an address no browser would follow."""
    try:
        host = urlsplit(urljoin(base, target or "")).hostname
    except ValueError:
        return ""
    return host if host and host != own else ""


def _inline(tree: LexborHTMLParser) -> frozenset[Names]:
    scripts = [node for node in tree.css("script") if "src" not in node.attributes]
    run = [node.text() for node in scripts if is_script(node.attributes.get("type"))]
    for name in _AT_ONCE:
        run += [node.attributes.get(name) or "" for node in tree.css(f"[{name}]")]
    return frozenset(names for text in run[:MOST_SCRIPTS] if (names := names_of(text)))


def _own_files(tree: LexborHTMLParser, url: str, base: str) -> dict[str, str]:
    """Without queries: they are versions and tokens."""
    own, found = urlsplit(url), dict[str, str]()
    for kind, selector, attribute in _FILES:
        for node in tree.css(selector):
            try:
                parts = urlsplit(urljoin(base, node.attributes.get(attribute) or ""))
            except ValueError:
                continue
            if (parts.scheme, parts.netloc) == (own.scheme, own.netloc) and len(found) < MOST_FILES:
                found.setdefault(parts._replace(query="", fragment="").geturl()[:500], kind)
    return found


def _own_frames(tree: LexborHTMLParser, url: str, base: str) -> frozenset[str]:
    """What is put into a page from an address of the site's own, such as where an intruder uploaded something."""
    own, found = urlsplit(url), set[str]()
    for kind, selector, attribute in _ORIGINS:
        for node in tree.css(selector) if kind == "frame" else ():
            try:
                parts = urlsplit(urljoin(base, node.attributes.get(attribute) or ""))
            except ValueError:
                continue
            if parts.netloc == own.netloc and len(found) < MOST_FRAMES:
                found.add(parts.path[:500] or "/")
    return frozenset(found)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
