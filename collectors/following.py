"""Follows what the centre decides: takes its configuration when there is a newer one, and says what it refused."""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from collectors import config, settings
from collectors.http import Client
from collectors.identity import Identity
from collectors.passports import Passports
from collectors.settings import AgentSettings, StateDir
from collectors.sources.feed import HealthKind
from collectors.tamper.own_files import OwnFiles
from jikimi.clock import Clock
from jikimi.domain.passport import MediaRegister
from jikimi.errors import Misconfigured, Refused

Tell = Callable[[HealthKind, str], None]

_log = structlog.get_logger()


class Following:
    """`chosen` is what this life of the agent runs with. `anew` is set when it would have to run with something else:
    sources take their settings at their start, so the agent begins a fresh life, as it does when it is too heavy.
    """

    def __init__(self, state: StateDir, who: Identity, own: OwnFiles, tell: Tell, clock: Clock) -> None:
        self._state = state
        self._who = who
        self._own = own
        self._tell = tell
        self._clock = clock
        self._config = config.load(state.config)
        self._local = settings.load(state.settings)
        self._told: tuple[int, str] = (0, "")
        self.chosen = self._with_remote(self._config)
        self.anew = asyncio.Event()

    @property
    def media(self) -> MediaRegister:
        return self._config.media

    @property
    def key(self) -> str:
        """The centre's newest key that the agent knows; "" when it pinned none."""
        return self._config.key or self._who.config_key

    @property
    def obeys(self) -> bool:
        """False: the owner of this computer forbade the centre to decide anything here."""
        return self._local.remote

    async def follow(self, version: int, client: Client, passports: Passports) -> None:
        """`version` is what the centre has. Raises Transient, OSError when it cannot be had or kept now."""
        if version <= self._config.version:
            return
        offered = await config.fetch(client, self._who, self._config)
        if offered is None:
            return
        try:
            fresh = await config.accepted(self._who, self._config, offered, self._clock())
            chosen = settings.with_remote(self._local, fresh.settings, self._state.root)
        except (Refused, Misconfigured) as error:
            self._refuse(offered.version, str(error))
            return
        self._own.write(self._state.config, partial(config.save, fresh, self._state.config))
        self._config = fresh
        passports.replace(fresh.media)
        self._say_what_is_left(offered)
        _log.info("config_taken", version=fresh.version)
        if chosen != self.chosen:
            self.anew.set()

    def _say_what_is_left(self, offered: config.Offered) -> None:
        if offered.decides and not self._config.key:
            self._refuse(
                offered.version, "this agent knows no key of the centre's to check settings by; enrol it again"
            )
        elif self._config.settings and not self._local.remote:
            self._refuse(offered.version, f'"remote" is false in {self._state.settings}: its own settings hold')

    def _refuse(self, version: int, reason: str) -> None:
        """Once for each reason and version: the centre offers it again with every heartbeat."""
        _log.warning("config_refused", version=version, reason=reason)
        if self._told != (version, reason):
            self._told = (version, reason)
            self._tell("config_refused", reason)

    def _with_remote(self, known: config.Config) -> AgentSettings:
        """The computer's own when both together cannot be used any more (a folder, a setting changed here)."""
        try:
            return settings.with_remote(self._local, known.settings, self._state.root)
        except Misconfigured as error:
            self._refuse(known.version, str(error))
            return self._local
