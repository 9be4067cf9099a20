"""MITRE's ATT&CK tables out of a local copy of enterprise-attack.json (STIX); nothing is ever downloaded."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sigma.data import mitre_attack

from jikimi.errors import Misconfigured


class AttackTables(msgspec.Struct, frozen=True):
    """Names and tactics of techniques, by id (`T1059.001`)."""

    names: dict[str, str]
    tactics: dict[str, tuple[str, ...]]


@contextmanager
def attack_tables(file: Path) -> Iterator[AttackTables]:
    """The tables, which pySigma's validators see too while the block runs. Raises Misconfigured when it holds none."""
    with tempfile.TemporaryDirectory(prefix="jikimi-attack-") as folder:
        mitre_attack.set_cache_dir(folder)
        mitre_attack.set_url(str(file))
        try:
            yield _read(file)
        finally:
            mitre_attack.set_cache_dir(folder)  # closes the cache that lies there


def _read(file: Path) -> AttackTables:
    try:
        names: dict[str, str] = mitre_attack.mitre_attack_techniques
        tactics: dict[str, list[str]] = mitre_attack.mitre_attack_techniques_tactics_mapping
    except (RuntimeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise Misconfigured(f"{file}: not MITRE's enterprise-attack.json ({error})") from error
    if not names:
        raise Misconfigured(f"{file}: not MITRE's enterprise-attack.json (no technique in it)")
    return AttackTables(dict(names), {technique: tuple(served) for technique, served in tactics.items()})
