"""What the watch knows of one site: small, serialisable, changed by one look at a time."""

from datetime import datetime

import msgspec

from collectors.websites.page import Page, simhash
from collectors.websites.scripts import Names, strangers

LOOKS_TO_LEARN = 5
"""So many good looks are taken as the site's own face before anything is compared."""
FILES_EVERY = 12
"""Looks from one comparison of the site's own files to the next: once an hour at a look every five minutes."""
LOOKS_KEPT = 10
"""Of the last looks it is kept whether they gave a page."""
CHANGES_TO_IGNORE = 3
"""A place whose text changed so often, alone, is one that changes: news, counters, today's date."""


RESTLESS_INLINE = 2
"""So many learned looks that brought a new script in the page: this site makes them up, they tell nothing."""


class SiteMemory(msgspec.Struct, omit_defaults=True):
    """`looks`: good looks so far; `restless`: places and how often their text changed; `told`: what was reported last
    of each check, so that one change is one event; `failures`: looks in a row without an answer; `scripts`: addresses
    of the site's own; `frames`: paths of its own that it shows within, None for a site learned before they were
    looked at; `inline`: scripts in the page, by the names they use; `inline_restless`: learned looks that brought new
    ones; `files`: address → digest; `altered`: those that are others now; `since_files`: looks since they were
    compared; `recent`: the last looks, the newest lowest, 1 = it gave no page."""

    looks: int = 0
    titles: list[str] = []
    origins: dict[str, set[str]] = {}
    shape: set[str] = set()
    texts: dict[str, set[str]] = {}
    simhash: int = 0
    restless: dict[str, int] = {}
    told: dict[str, str] = {}
    failures: int = 0
    issuer: str = ""
    picture: str = ""
    scripts: set[str] = set()
    frames: set[str] | None = None
    inline: list[Names] = []
    inline_restless: int = 0
    files: dict[str, str] = {}
    altered: dict[str, str] = {}
    restless_files: dict[str, int] = {}
    since_files: int = 0
    recent: int = 0

    @property
    def wants_files(self) -> bool:
        """Is it time to compare the site's own files?"""
        return self.learning or self.since_files >= FILES_EVERY

    @property
    def learning(self) -> bool:
        return self.looks < LOOKS_TO_LEARN

    def learn(self, page: Page) -> None:
        """The page is the site's own: take in everything it shows."""
        if page.title not in self.titles:
            self.titles.append(page.title)
        for kind, hosts in page.origins.items():
            self.origins.setdefault(kind, set()).update(hosts)
        self.shape |= page.shape
        self.scripts |= _scripts(page)
        self.frames = (self.frames or set()) | page.frames
        fresh = strangers(page.inline, self.inline)
        self.inline += fresh
        if self.looks:
            self._note_changes(page, weight=CHANGES_TO_IGNORE)
            self.inline_restless += bool(fresh)
        self._take_texts(page)
        self.looks += 1

    def follow(self, page: Page) -> None:
        """The page is still the site's own: places that changed move towards being left out."""
        self._note_changes(page, weight=1)
        self._take_texts(page)

    def learn_files(self, files: dict[str, str]) -> None:
        """Address → digest of the site's own files, while it is learned."""
        for address, digest in files.items():
            if self.files.setdefault(address, digest) != digest:
                self.restless_files[address] = CHANGES_TO_IGNORE

    def compare_files(self, files: dict[str, str]) -> None:
        """The same afterwards: `altered` is what is another than it was learned."""
        self.since_files = 0
        for address, digest in files.items():
            known = self.files.setdefault(address, digest)
            if digest == known or self.restless_files.get(address, 0) >= CHANGES_TO_IGNORE:
                self.altered.pop(address, None)
            elif self.altered.get(address) != digest:
                self.altered[address] = digest
                self.restless_files[address] = self.restless_files.get(address, 0) + 1

    def new_scripts(self, page: Page) -> list[str]:
        """What runs in the page and never did: files of the site's own, and scripts in the page by their names."""
        found = [address.partition("//")[2].partition("/")[2] for address in sorted(_scripts(page) - self.scripts)]
        if self.inline_restless < RESTLESS_INLINE:
            planted = strangers(page.inline, self.inline)
            found += sorted(f"a script in the page ({', '.join(sorted(names)[:8])})" for names in planted)
        return found

    def edited(self, page: Page) -> list[str]:
        """Places whose text stood still until now, or that are new with a text."""
        return [
            place
            for place, texts in page.texts.items()
            if not self.ignores(place) and not texts <= self.texts.get(place, set())
        ]

    def take_look(self, *, failed: bool) -> None:
        self.recent = (self.recent << 1 | failed) & ((1 << LOOKS_KEPT) - 1)

    @property
    def outages(self) -> int:
        """How often in the last looks it stopped giving a page."""
        return (self.recent & ~(self.recent >> 1)).bit_count()

    def forget(self) -> None:
        """The company rebuilt its site: learn it anew."""
        for name, fresh in msgspec.structs.asdict(SiteMemory()).items():
            setattr(self, name, fresh)

    def ignores(self, place: str) -> bool:
        return self.restless.get(place, 0) >= CHANGES_TO_IGNORE

    def still(self, page: Page) -> int:
        """The simhash of the page's words outside the places that change."""
        return simhash(word for place, words in page.words.items() if not self.ignores(place) for word in words)

    def _note_changes(self, page: Page, *, weight: int) -> None:
        for place in self.texts.keys() | page.texts.keys():
            if self.texts.get(place) != set(page.texts.get(place, ())):
                self.restless[place] = self.restless.get(place, 0) + weight

    def _take_texts(self, page: Page) -> None:
        self.texts = {place: set(found) for place, found in page.texts.items()}
        self.simhash = self.still(page)


def _scripts(page: Page) -> set[str]:
    return {address for address, kind in page.files.items() if kind == "script"}


class Look(msgspec.Struct, frozen=True):
    """One look at a site. `page` is None when there was no usable answer, `error` says why in one sentence;
    `certificate_error` is set when the chain, the name or the dates are wrong; `status` 0 means no HTTP answer;
    `files`: address → digest of the site's own files, when it was time for them."""

    at: datetime
    url: str
    status: int = 0
    error: str = ""
    page: Page | None = None
    milliseconds: int = 0
    issuer: str = ""
    expires_at: datetime | None = None
    certificate_error: str = ""
    picture: str = ""
    files: dict[str, str] = {}
