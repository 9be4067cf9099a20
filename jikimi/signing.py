"""Ed25519 (RFC 8032) over bytes that say what they are for: who may release rules or configuration, and did they.

A private key is a PKCS #8 PEM file (mode 0600), a public key a SubjectPublicKeyInfo PEM file `NAME.pub`: what
`openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write too. Trust is a folder of public keys: to change
keys, add the new one, sign with it, then take the old one away.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from jikimi.errors import Misconfigured, Refused

PUBLIC_SUFFIX = ".pub"


@dataclass(frozen=True, slots=True)
class Signature:
    """`value` is 64 bytes; `key_id` the 32 hex digits of the key that made it."""

    key_id: str
    value: bytes


class SigningKey:
    """A private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.id = _id_of(key.public_key())

    @classmethod
    def generate(cls) -> "SigningKey":
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, path: Path) -> "SigningKey":
        """Raises Misconfigured for a file that is not there or holds no unencrypted Ed25519 key."""
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise Misconfigured(f"{path}: the private key cannot be read ({error.strerror})") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise Misconfigured(f"{path}: this is no unencrypted private key in PEM") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise Misconfigured(f"{path}: this is no Ed25519 key; make one with `jikimi rules bundle keygen`")
        return cls(key)

    def write(self, path: Path) -> Path:
        """Writes `path` for its owner only and the public key beside it, whose path it returns; overwrites nothing."""
        public = path.with_name(path.name + PUBLIC_SUFFIX)
        private = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        told = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for target, content, mode in ((path, private, 0o600), (public, told, 0o644)):
            try:
                with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                    file.write(content)
            except OSError as error:
                raise Misconfigured(f"{target}: the key cannot be written ({error.strerror})") from error
        return public

    @property
    def public(self) -> str:
        """The public key in PEM."""
        raw = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return raw.decode("ascii")

    def sign(self, purpose: str, message: bytes) -> Signature:
        """`purpose` is signed too, so that what was signed as one thing never passes for another."""
        return Signature(self.id, self._key.sign(_framed(purpose, message)))


class TrustedKeys:
    """The public keys that are believed, by their id."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def read(cls, folder: Path) -> "TrustedKeys":
        """Every `*.pub` in the folder; a missing folder trusts nobody. Raises Misconfigured for what is no key."""
        keys = [_public(path) for path in sorted(folder.glob(f"*{PUBLIC_SUFFIX}"))]
        return cls({_id_of(key): key for key in keys})

    @classmethod
    def one(cls, public: str) -> "TrustedKeys":
        """Of a single public key in PEM. Raises Misconfigured for what is no such key."""
        key = _loaded(public.encode(), "the key")
        return cls({_id_of(key): key})

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._keys)

    def verify(self, purpose: str, message: bytes, signature: Signature) -> None:
        """Raises Refused for a key that is not trusted and for a signature that does not fit."""
        key = self._keys.get(signature.key_id)
        if key is None:
            raise Refused(f"signed with the key {signature.key_id}, which is not among the {len(self._keys)} trusted")
        try:
            key.verify(signature.value, _framed(purpose, message))
        except InvalidSignature as error:
            raise Refused(f"the signature of key {signature.key_id} does not fit: the content was changed") from error


def _framed(purpose: str, message: bytes) -> bytes:
    return purpose.encode() + b"\0" + message


def _id_of(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:32]


def _public(path: Path) -> Ed25519PublicKey:
    try:
        return _loaded(path.read_bytes(), str(path))
    except OSError as error:
        raise Misconfigured(f"{path}: the public key cannot be read ({error.strerror})") from error


def _loaded(content: bytes, where: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Misconfigured(f"{where}: this is no public key in PEM; take it out of the trusted keys") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Misconfigured(f"{where}: this is no Ed25519 key; take it out of the trusted keys")
    return key
