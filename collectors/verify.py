"""`python -m collectors.verify`: is this configuration the centre's? Asked by the agent, over stdin and stdout.

A program of its own, for the library that checks signatures would cost the agent 10 MB for the rest of its life.
"""

import asyncio
import sys

import msgspec

from jikimi.domain.agent_config import DOCUMENT, SUCCESSION, Signed
from jikimi.errors import JikimiError, Refused, Transient

ANSWER_WITHIN = 30.0
LONGEST_CHAIN = 1000


class Question(msgspec.Struct, frozen=True):
    """`pinned` is the public key (PEM) the agent trusts, `what` the kind of document it must be."""

    pinned: str
    signed: Signed
    what: str = DOCUMENT


class Verdict(msgspec.Struct, frozen=True):
    """`key` is the key (PEM) to trust from now on; "" = `refused` says why not."""

    key: str = ""
    refused: str = ""


def judge(question: Question) -> Verdict:
    """Follow the successions from the pinned key to the one that signed."""
    from jikimi.signing import Signature, TrustedKeys

    signed, key = question.signed, question.pinned
    try:
        trusted = TrustedKeys.one(key)
        for link in signed.successions[:LONGEST_CHAIN]:
            if link.key_id in trusted.ids:
                trusted.verify(SUCCESSION, link.key.encode(), Signature(link.key_id, bytes.fromhex(link.signature)))
                key = link.key
                trusted = TrustedKeys.one(key)
        signature = Signature(signed.key_id, bytes.fromhex(signed.signature))
        trusted.verify(question.what, signed.document.encode(), signature)
    except JikimiError as error:
        return Verdict(refused=str(error))
    except ValueError:
        return Verdict(refused="the signature is no hexadecimal number")
    return Verdict(key)


async def ask(pinned: str, signed: Signed, what: str = DOCUMENT) -> str:
    """The key to trust from now on. Raises Refused for what is not the centre's, Transient when nobody could say."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "collectors.verify"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            said, _ = await process.communicate(msgspec.json.encode(Question(pinned, signed, what)))
        verdict = msgspec.json.decode(said, type=Verdict)
    except (OSError, msgspec.MsgspecError) as error:  # TimeoutError is an OSError
        raise Transient(f"the signature of the configuration could not be checked ({error})") from error
    finally:
        if process.returncode is None:
            process.kill()
    if not verdict.key:
        raise Refused(verdict.refused)
    return verdict.key


def main() -> None:
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    sys.stdout.buffer.write(msgspec.json.encode(judge(question)))


if __name__ == "__main__":
    main()
