"""What the company's register says of each mounted removable volume, told once and again when it changes; and, where
the company asked for it, done about it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from collectors.passports import Passports
from collectors.sources.blocks import SYS
from collectors.sources.enforce import Act, NotDone, enforce
from collectors.sources.feed import Feed
from collectors.sources.volumes import Volume
from jikimi.domain.logsource import REMOVABLE_MEDIA
from jikimi.domain.passport import Verdict

TRIES, PAUSE = 3, 2.0
"""How often, and seconds between, what the system refuses (files are open) is tried."""


@dataclass
class _Watched:
    judgement: str
    tries: int = 0
    next_try: float = 0.0
    done: bool = False


@dataclass
class Guard:
    """For one thread."""

    passports: Passports | None = None
    loop_is_removable: bool = False
    sys: Path = SYS
    monotonic: Callable[[], float] = time.monotonic
    _watched: dict[str, _Watched] = field(default_factory=dict, init=False)

    def fields(self, event: dict[str, object]) -> dict[str, object]:
        """`Passport` and `PassportHolder` for an event of a device; empty when the company keeps no register."""
        verdict = self.passports.judge(event) if self.passports else None
        return {"Passport": verdict.judgement, "PassportHolder": verdict.holder} if verdict else {}

    def look(self, feed: Feed, mounted: dict[str, tuple[Volume, dict[str, object]]]) -> None:
        """`mounted` are the volumes with their fields, as they are now."""
        if self.passports is None:
            return
        self._watched = {key: one for key, one in self._watched.items() if key in mounted}
        for key, (volume, told) in mounted.items():
            verdict = self.passports.judge({"Action": "mount", **told})
            if verdict is None:
                self._watched.pop(key, None)
                continue
            self._judged(feed, key, verdict, told)
            act = self._act(verdict, volume)
            if act:
                self._enforce(feed, self._watched[key], act, volume, told)

    def _judged(self, feed: Feed, key: str, verdict: Verdict, told: dict[str, object]) -> None:
        """A judgement that is no longer what the mount was told with is an event of its own."""
        before = self._watched.get(key)
        said = before.judgement if before else told.get("Passport", verdict.judgement)
        if before is None or before.judgement != verdict.judgement:
            self._watched[key] = _Watched(verdict.judgement)
        if said != verdict.judgement:
            now = {"Passport": verdict.judgement, "PassportHolder": verdict.holder}
            feed.emit(REMOVABLE_MEDIA, {**told, "Action": "passport", **now})

    def _act(self, verdict: Verdict, volume: Volume) -> Act | None:
        wanted = self.passports.enforcement if self.passports else "off"
        if wanted == "off" or verdict.judgement == "allowed":
            return None
        if wanted == "read_only" or verdict.judgement == "read_only_violation":
            return None if volume.mount.read_only else "read_only"
        return "unmount"

    def _enforce(self, feed: Feed, one: _Watched, act: Act, volume: Volume, told: dict[str, object]) -> None:
        if one.done or one.tries >= TRIES or self.monotonic() < one.next_try:
            return
        one.tries += 1
        one.next_try = self.monotonic() + PAUSE
        outcome, reason = "success", ""
        try:
            enforce(act, volume, sys=self.sys, loop_is_removable=self.loop_is_removable)
            one.done = True
        except NotDone as error:
            outcome, reason = "failure", str(error)
        if one.done or one.tries in (1, TRIES):
            what = {"Action": "enforce", "Enforcement": act, "Outcome": outcome, "Reason": reason}
            feed.emit(REMOVABLE_MEDIA, {**told, **what, "Passport": one.judgement})
