"""Where a release of the public rule set lies, and the SHA-256 that its publisher states for it.

SigmaHQ publishes zip packages with each release on GitHub and neither a checksum file nor a signature; GitHub states a
digest of every asset (REST API, "releases", `assets[].digest`). It proves that what came is what was uploaded there,
not who uploaded it: whoever must know more pins a SHA-256 that a person has checked.
"""

import re
from typing import Any, Literal

import httpx
import msgspec

from jikimi.errors import Misconfigured, Transient

API = "https://api.github.com/repos/SigmaHQ/sigma/releases"
PAGE = "https://github.com/SigmaHQ/sigma/releases"

Package = Literal["all", "core", "core+", "core++", "emerging"]
_ASSETS: dict[Package, str] = {
    "all": "sigma_all_rules.zip",
    "core": "sigma_core.zip",
    "core+": "sigma_core+.zip",
    "core++": "sigma_core++.zip",
    "emerging": "sigma_emerging_threats_addon.zip",
}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Asset(msgspec.Struct, frozen=True):
    """A package of a release; `sha256` is what the publisher's API states, empty when it states none."""

    release: str
    url: str
    sha256: str


def find_asset(client: httpx.Client, release: str | None, package: Package, api: str = API) -> Asset:
    """Of the release with that tag, else of the latest.

    Raises Misconfigured for a release or package that is not there, Transient when the API does not answer.
    """
    if release is not None and not _TAG.fullmatch(release):
        raise Misconfigured(f"{release!r} is no release tag; {PAGE} lists them (r2026-04-01)")
    told = _ask(client, f"{api}/tags/{release}" if release else f"{api}/latest", release)
    assets = {str(one.get("name")): one for one in told.get("assets", ()) if isinstance(one, dict)}
    asset = assets.get(_ASSETS[package])
    if asset is None:
        raise Misconfigured(f"release {told.get('tag_name')} has no {_ASSETS[package]}; it has: {', '.join(assets)}")
    digest = str(asset.get("digest") or "").removeprefix("sha256:")
    url = asset.get("browser_download_url")
    if not isinstance(url, str):
        raise Transient(f"the release API at {api} names no address of {_ASSETS[package]}")
    return Asset(str(told.get("tag_name")), url, digest if _SHA256.fullmatch(digest) else "")


def stated_sha256(text: str) -> str:
    """A SHA-256 as a person or a `.sha256` file writes it. Raises Misconfigured for anything else."""
    first = text.split()[0].lower() if text.split() else ""
    if not _SHA256.fullmatch(first):
        raise Misconfigured(f"{text.strip()[:80]!r} is no SHA-256 (64 hexadecimal digits)")
    return first


def _ask(client: httpx.Client, url: str, release: str | None) -> dict[str, Any]:
    try:
        answer = client.get(url, headers={"Accept": "application/vnd.github+json"})
    except httpx.HTTPError as error:
        raise Transient(f"{url} does not answer ({error!r}); try again, or give a file with --from") from error
    if answer.status_code == 404:
        raise Misconfigured(f"there is no release {release or 'yet'}; {PAGE} lists them")
    if answer.is_error:
        raise Transient(f"{url} answered {answer.status_code} (perhaps too many questions); try again later")
    try:
        told = answer.json()
    except ValueError as error:
        raise Transient(f"{url} answered with something that is not JSON") from error
    if not isinstance(told, dict):
        raise Transient(f"{url} answered with something that is no release")
    return told
