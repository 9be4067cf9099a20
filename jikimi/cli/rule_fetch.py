"""How `jikimi rules fetch` tells what it did."""

import sys

import msgspec

from detectors.workshop.fetch import Fetched


def told(fetched: Fetched, as_json: bool) -> None:
    """One sentence (or one JSON object) on stdout; what a person should know besides on stderr."""
    if as_json:
        print(msgspec.json.encode(fetched).decode())
    else:
        of = fetched.manifest
        what = f"release {of.release}" if of.release else "the package"
        did = "now holds" if fetched.changed else "already holds"
        print(f"{fetched.folder} {did} {what}: {of.loaded:,} rules, {of.refused} refused, SHA-256 {of.sha256}")
    if not fetched.manifest.verified_by:
        print("not verified: nobody states a SHA-256 for this file; give one with --sha256 next time", file=sys.stderr)
    else:
        print(f"verified by {fetched.manifest.verified_by}", file=sys.stderr)
    if fetched.manifest.refused:
        print(f"`jikimi rules check {fetched.folder}` says which rules are refused and why", file=sys.stderr)
