"""What the watch knows of one site: small, serialisable, changed by one look at a time."""

from datetime import datetime

import msgspec

from collectors.websites.page import Page, simhash

LOOKS_TO_LEARN = 5
"""So many good looks are taken as the site's own face before anything is compared."""
CHANGES_TO_IGNORE = 3
"""A place whose text changed so often, alone, is one that changes: news, counters, today's date."""


class SiteMemory(msgspec.Struct, omit_defaults=True):
    """`looks`: good looks so far; `restless`: places and how often their text changed; `told`: what was reported last
    of each check, so that one change is one event; `failures`: looks in a row without an answer."""

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
        if self.looks:
            self._note_changes(page, weight=CHANGES_TO_IGNORE)
        self._take_texts(page)
        self.looks += 1

    def follow(self, page: Page) -> None:
        """The page is still the site's own: places that changed move towards being left out."""
        self._note_changes(page, weight=1)
        self._take_texts(page)

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


class Look(msgspec.Struct, frozen=True):
    """One look at a site. `page` is None when there was no usable answer, `error` says why in one sentence;
    `certificate_error` is set when the chain, the name or the dates are wrong; `status` 0 means no HTTP answer."""

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
