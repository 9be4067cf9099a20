"""Ask the centre that runs on a data folder for a backtest: it is the one that has the event store open."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from detectors.workshop.backtest import Backtested
from jikimi.errors import Misconfigured, Transient
from jikimi.settings import DataDir

Tell = Callable[[str, int, int], None]


def ask_centre(wish: Mapping[str, Any], data: DataDir, tell: Tell) -> Backtested | None:
    """What the centre that runs on this folder answers; None when none runs there."""
    import httpx

    try:
        address = data.address.read_text().strip()
        token = data.admin_token.read_text().strip()
    except FileNotFoundError:
        return None
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{address}/v1/admin/rules/backtest"
    try:
        with (
            httpx.Client(timeout=httpx.Timeout(30.0, read=wish["seconds"] + 120), trust_env=False) as client,
            client.stream("POST", url, json=dict(wish), headers=headers) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise _refusal(answer.status_code, answer.json())
            return _last(answer.iter_lines(), tell)
    except httpx.ConnectError:
        return None  # killed: it left its address behind
    except (httpx.HTTPError, ValueError) as error:
        raise Transient(f"the centre at {address} does not answer as it should: {error!r}") from error


def _last(lines: Iterator[str], tell: Tell) -> Backtested:
    for line in lines:
        told = msgspec.json.decode(line, type=dict[str, object])
        if "error" in told:
            raise Misconfigured(str(told["error"]))
        if "result" in told:
            return msgspec.convert(told["result"], Backtested)
        what, done, total = msgspec.convert(told["progress"], tuple[str, int, int])
        tell(what, done, total)
    raise Transient("the centre ended its answer too early; ask again")


def _refusal(status: int, body: dict[str, str]) -> Misconfigured | Transient:
    sentence = body.get("error", f"the centre answered {status}")
    if status == 413:
        sentence = "these rules are larger than a centre takes; name fewer"
    return Transient(sentence) if status >= 500 else Misconfigured(sentence)
