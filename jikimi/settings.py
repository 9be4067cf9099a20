"""Where the centre keeps its files. Each room has one frozen settings class of its own, read once at start."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataDir:
    """The centre's data folder: everything `jikimi up` keeps, so that a copy of it is a backup."""

    root: Path

    @property
    def database(self) -> Path:
        """SQLite: tenants, findings, incidents, outbox, operator state."""
        return self.root / "centre.db"

    @property
    def log(self) -> Path:
        """Folder of the embedded event log."""
        return self.root / "log"

    @property
    def events(self) -> Path:
        """Folder of the embedded event store (chDB)."""
        return self.root / "events"

    @property
    def pictures(self) -> Path:
        """Folder of pictures of watched web sites."""
        return self.root / "websites"

    @property
    def evidence(self) -> Path:
        """Folder of captures fetched from agents, by company and request."""
        return self.root / "evidence"

    @property
    def rules(self) -> Path:
        """Folder of the unpacked rule bundle; the bundle itself lies in the database."""
        return self.root / "rules"

    @property
    def trusted_keys(self) -> Path:
        """Folder of public keys (`*.pub`) whose rule bundles are believed."""
        return self.root / "trusted-keys"

    @property
    def config_keys(self) -> Path:
        """Folder of the keys that sign what agents are told to do; whoever reads it commands them."""
        return self.root / "agent-config-keys"

    @property
    def address(self) -> Path:
        """`http://127.0.0.1:PORT` of the running centre."""
        return self.root / "centre.address"

    @property
    def admin_token(self) -> Path:
        """Secret (mode 0600) with which commands on this machine administer the running centre."""
        return self.root / "admin.token"


def default_data_dir() -> Path:
    """$JIKIMI_DATA, else ./jikimi-data."""
    return Path(os.environ.get("JIKIMI_DATA", "jikimi-data"))
