"""The keys that sign what agents are told to do: made at the centre's first start, changed without losing an agent.

Each new key is signed with the one before it. An agent that trusts any of them follows the chain to the newest.
"""

from pathlib import Path

import msgspec

from jikimi.domain.agent_config import DOCUMENT, SUCCESSION, Document, Signed, Succession
from jikimi.domain.evidence import REQUESTS, EvidenceRequests
from jikimi.errors import Misconfigured
from jikimi.signing import SigningKey, TrustedKeys


class ConfigKeys:
    """Open with `ConfigKeys.open`. The folder holds `KEY-ID.key` files and `chain.json`, whose end is in use."""

    def __init__(self, folder: Path, chain: tuple[Succession, ...], key: SigningKey) -> None:
        self._folder = folder
        self._chain = chain
        self._key = key

    @classmethod
    def open(cls, folder: Path) -> "ConfigKeys":
        """Makes the first key in an empty folder. Raises Misconfigured when a key is missing or cannot be written."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            chain = msgspec.json.decode((folder / "chain.json").read_bytes(), type=tuple[Succession, ...])
        except FileNotFoundError:
            key = SigningKey.generate()
            chain = (Succession(key.public, key.id, ""),)
            _keep(folder, key, chain)
            return cls(folder, chain, key)
        except (OSError, msgspec.MsgspecError) as error:
            raise Misconfigured(f"{folder}: the keys of agents' configuration cannot be used ({error})") from error
        if not chain:
            raise Misconfigured(f"{folder}/chain.json: empty; restore it from a backup of the data folder")
        return cls(folder, chain, SigningKey.read(folder / f"{_key_of(chain[-1])}.key"))

    @property
    def public(self) -> str:
        """What a new agent pins: the key in use, PEM."""
        return self._key.public

    def rotate(self) -> str:
        """A new key signs from now on; its id. Raises Misconfigured when it cannot be written."""
        key = SigningKey.generate()
        signature = self._key.sign(SUCCESSION, key.public.encode())
        chain = (*self._chain, Succession(key.public, signature.key_id, signature.value.hex()))
        _keep(self._folder, key, chain)
        self._chain, self._key = chain, key
        return key.id

    def sign(self, document: Document | EvidenceRequests) -> Signed:
        text = msgspec.json.encode(document)
        signature = self._key.sign(DOCUMENT if isinstance(document, Document) else REQUESTS, text)
        return Signed(text.decode(), signature.key_id, signature.value.hex(), self._chain[1:])


def _keep(folder: Path, key: SigningKey, chain: tuple[Succession, ...]) -> None:
    """The key first: a crash between the two leaves a key that nobody uses."""
    key.write(folder / f"{key.id}.key")
    fresh = folder / "chain.new"
    try:
        fresh.write_bytes(msgspec.json.encode(chain))
        fresh.replace(folder / "chain.json")
    except OSError as error:
        raise Misconfigured(f"{folder}: cannot be written ({error.strerror})") from error


def _key_of(link: Succession) -> str:
    return TrustedKeys.one(link.key).ids[0]
