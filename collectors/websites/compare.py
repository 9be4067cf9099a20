"""A look at a site against what was learned of it: events of log source `web_integrity`. Pure.

A change is told once, when it comes, and once more (`ok`) when it is gone. Each look tells `up`: the proof that the
watch was kept. While the company deploys nothing is compared, and the new site is learned afterwards.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from collectors.websites.memory import LOOKS_KEPT, Look, SiteMemory
from collectors.websites.page import Page, distance

FAILURES_TO_TELL = 2
"""Looks in a row without an answer until the site counts as down: one lost packet is no outage."""
OUTAGES_TO_TELL = 3
"""Times within the last looks that a site stopped answering until it counts as unstable, though it never failed twice
in a row."""
FAR_TEXT = 12
FAR_PICTURE = 12
"""Bits of 64 that may differ (of the text's simhash; of the picture's perceptual hash)."""
FAR_SHAPE = 0.35
"""Share of tag paths that may be new or gone."""
FEWEST_WORDS = 20
"""A text with fewer words outside changing places has no simhash worth comparing; its places are counted instead."""
NEW_LINKED_HOSTS = 3
"""So many new hosts that the page links to at once: spam planted in a page comes in bundles, an editor adds one."""
EXPIRES_SOON = timedelta(days=14)
MOST_EDITS = 3
"""Edited places whose text is told; of more, how many."""
_PROBLEMS = (
    ("expired", "expired"),
    ("not yet valid", "not_yet_valid"),
    ("mismatch", "wrong_name"),
    ("self-signed", "self_signed"),
    ("self signed", "self_signed"),
)
"""What OpenSSL's sentence says → the word that rules ask for; anything else is `untrusted`."""
_BOASTS = ("hacked by", "owned by", "defaced by", "pwned", "was here", "해킹당", "해킹되")

_RUN, _SHOWN = ("script", "style"), ("image",)

Fields = dict[str, Any]


def compare(memory: SiteMemory, look: Look, *, deploying: bool = False) -> list[Fields]:
    """The event fields that follow from one look; `memory` takes it in."""
    events = [*_up(memory, look), *_certificate(memory, look)]
    if look.page is None:
        return events
    if deploying:
        if not memory.learning:
            memory.forget()
        return events
    if memory.learning:
        memory.learn(look.page)
        memory.learn_files(look.files)
        if look.picture:
            memory.picture = look.picture
        return events
    memory.since_files += 1
    if look.files:
        memory.compare_files(look.files)
    found = changes(memory, look.page)
    if memory.frames is None:
        memory.frames = set(look.page.frames)
    if look.picture and (far := _picture_distance(memory.picture, look.picture)) > FAR_PICTURE:
        found["picture"] = ("", f"{far} of 64 bits differ")
    elif found and not look.picture and "picture" in memory.told:
        found.setdefault("picture", ("", memory.told["picture"]))  # not drawn again: it moved no further
    events += _told(memory, look, found)
    if not found:
        events += _edits(memory, look, look.page)
        memory.follow(look.page)
    return events


def changes(memory: SiteMemory, page: Page) -> dict[str, tuple[str, str]]:
    """check → (before, after) of everything in which the page is not the one that was learned."""
    found = {}
    if page.title not in memory.titles:
        found["title"] = (memory.titles[-1] if memory.titles else "", page.title or "(no title)")
    for check, kinds, enough in (
        ("scripts", ("script", "style"), 1),
        ("links", ("frame", "form", "often", "landed"), 1),
        ("links", ("link",), NEW_LINKED_HOSTS),
    ):
        fresh = {host for kind in kinds for host in page.origins.get(kind, ()) if host not in _known(memory, kind)}
        if len(fresh) >= enough:
            found[check] = ("", ", ".join(sorted(fresh)[:20]))
    if memory.frames is not None and (frames := sorted(page.frames - memory.frames)):
        hosts = found.get("links", ("", ""))[1]
        found["links"] = ("", ", ".join([hosts, *frames] if hosts else frames)[:1000])
    if scripts := [*memory.new_scripts(page), *_altered(memory, page, _RUN)]:
        hosts = found.get("scripts", ("", ""))[1]
        found["scripts"] = ("", ", ".join([hosts, *scripts] if hosts else scripts)[:1000])
    if images := _altered(memory, page, _SHOWN):
        found["picture"] = ("", ", ".join(images)[:1000])
    share = _unlike(memory.shape, page.shape)
    if share > FAR_SHAPE:
        found["shape"] = ("", f"{share:.0%} of the page's structure is new or gone")
    if told := _text_change(memory, page):
        found["content"] = ("", told)
    return found


def _altered(memory: SiteMemory, page: Page, kinds: tuple[str, ...]) -> list[str]:
    """The site's own files of these kinds that hold something else than what was learned."""
    return [f"{address} is another file" for address in sorted(memory.altered) if page.files.get(address) in kinds]


def _known(memory: SiteMemory, kind: str) -> set[str]:
    return memory.origins.get(kind, set())


def _unlike(known: set[str], seen: frozenset[str]) -> float:
    """Jaccard distance; what only some of the learned looks had is not missed twice as much."""
    every = known | seen
    return len(known ^ seen) / len(every) if every else 0.0


def _text_change(memory: SiteMemory, page: Page) -> str:
    still = {place: words for place, words in page.words.items() if not memory.ignores(place)}
    for place, words in page.words.items():
        text = " ".join(words)
        if set(page.texts[place]) != memory.texts.get(place) and (boast := _boast(text)):
            return f"the page says {boast!r}"
    if sum(map(len, still.values())) >= FEWEST_WORDS:
        far = distance(memory.simhash, memory.still(page))
        return f"the text differs in {far} of 64 bits" if far > FAR_TEXT else ""
    known = {place for place in memory.texts if not memory.ignores(place)}
    places = known | still.keys()
    other = [place for place in places if memory.texts.get(place) != set(page.texts.get(place, ()))]
    return f"{len(other)} of {len(places)} texts are others" if 2 * len(other) > len(places) else ""


def _edits(memory: SiteMemory, look: Look, page: Page) -> Iterator[Fields]:
    """Too little to be another page, enough to be another account number; a place that is edited often is left out."""
    if edited := memory.edited(page):
        told = [" ".join(page.words[place])[:300] for place in edited[:MOST_EDITS]]
        more = [f"({len(edited) - MOST_EDITS} more places)"] if len(edited) > MOST_EDITS else []
        yield _fields(look, "content", "edited", After=" | ".join([*told, *more]))


def _boast(text: str) -> str:
    return next((boast for boast in _BOASTS if boast in text), "")


def _picture_distance(before: str, now: str) -> int:
    return distance(int(before, 16), int(now, 16)) if before else 0


def _told(memory: SiteMemory, look: Look, found: dict[str, tuple[str, str]]) -> Iterator[Fields]:
    for check in ("title", "scripts", "links", "shape", "content", "picture"):
        before, after = found.get(check, ("", ""))
        if after and memory.told.get(check) != after:
            memory.told[check] = after
            yield _fields(look, check, "changed", Before=before, After=after)
        elif check not in found and memory.told.pop(check, None) is not None:
            yield _fields(look, check, "ok")


def _up(memory: SiteMemory, look: Look) -> Iterator[Fields]:
    memory.take_look(failed=look.page is None)
    if look.page is not None:
        memory.failures = 0
        memory.told.pop("up", None)
        yield _fields(look, "up", "ok", Milliseconds=look.milliseconds)
        yield from _unstable(memory, look)
        return
    memory.failures += 1
    if memory.failures >= FAILURES_TO_TELL and memory.told.get("up") is None:
        memory.told["up"] = "down"
        yield _fields(look, "up", "down", After=look.error)


def _unstable(memory: SiteMemory, look: Look) -> Iterator[Fields]:
    """It answers now, and often it did not."""
    if memory.outages >= OUTAGES_TO_TELL and memory.told.get("unstable") is None:
        memory.told["unstable"] = "unstable"
        failed = memory.recent.bit_count()
        yield _fields(look, "up", "unstable", After=f"{failed} of the last {LOOKS_KEPT} looks gave no page")
    elif not memory.outages:
        memory.told.pop("unstable", None)


def _certificate(memory: SiteMemory, look: Look) -> Iterator[Fields]:
    state, after, before = _certificate_state(memory, look)
    if state and memory.told.get("certificate") != state + after:
        memory.told["certificate"] = state + after
        problem = _problem(look.certificate_error) if look.certificate_error else ""
        yield _fields(look, "certificate", state, Before=before, After=after, Problem=problem)
    elif not state and look.issuer and memory.told.pop("certificate", None) is not None:
        yield _fields(look, "certificate", "ok", After=look.issuer)
    if look.issuer and not look.certificate_error:
        memory.issuer = look.issuer


def _certificate_state(memory: SiteMemory, look: Look) -> tuple[str, str, str]:
    """(status, after, before); status is "" when all is well or nothing is known."""
    if look.certificate_error:
        return "down", look.certificate_error, ""
    if look.expires_at is not None and look.expires_at - look.at < EXPIRES_SOON:
        return "expiring", look.expires_at.date().isoformat(), ""
    if look.issuer and memory.issuer and look.issuer != memory.issuer:
        return "changed", look.issuer, memory.issuer
    return "", "", ""


def _problem(sentence: str) -> str:
    return next((word for part, word in _PROBLEMS if part in sentence.lower()), "untrusted")


def _fields(look: Look, check: str, status: str, **more: object) -> Fields:
    told = {"Url": look.url, "Check": check, "Status": status, "HttpStatus": look.status or None, **more}
    return {name: value for name, value in told.items() if value not in (None, "")}
