"""The centre that runs on this machine, as its data folder describes it."""

from pathlib import Path
from typing import Any

import httpx
import msgspec

from jikimi.errors import Misconfigured, Refused, Transient
from jikimi.settings import DataDir


class LocalCentre:
    """Asks a running centre's admin routes. Raises Misconfigured when `data` describes none."""

    def __init__(self, client: httpx.AsyncClient, data: Path) -> None:
        self._client = client
        folder = DataDir(data)
        try:
            self.url = folder.address.read_text().strip()
            self._token = folder.admin_token.read_text().strip()
        except FileNotFoundError as error:
            raise Misconfigured(
                f"no centre runs on {data} ({Path(str(error.filename)).name} is missing): start it with"
                f" `jikimi up --data {data}`, or name a centre with --url and --token"
            ) from None
        except OSError as error:
            raise Misconfigured(f"{error.filename}: cannot be read ({error.strerror})") from error

    async def enrolment_token(self, tenant: str | None, *, uses: int = 1, minutes: int = 10) -> tuple[str, str]:
        """(token, tenant's name). Without `tenant` the only one is meant; Misconfigured when there are several."""
        wish = {"tenant": tenant, "uses": uses, "minutes": minutes}
        answer = await self._ask("POST", "/v1/admin/enrolment-tokens", wish)
        return str(answer["token"]), str(answer["tenant"])

    async def status(self) -> dict[str, Any]:
        """The object that `jikimi status --json` prints."""
        return await self._ask("GET", "/v1/admin/status", None)

    async def _ask(self, method: str, path: str, body: object) -> dict[str, Any]:
        try:
            response = await self._client.request(
                method, f"{self.url}{path}", json=body, headers={"Authorization": f"Bearer {self._token}"}
            )
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            reason = str(error) or type(error).__name__
            raise Transient(f"the centre at {self.url} does not answer ({reason}): is it running?") from error
        try:
            said = msgspec.json.decode(response.content)
        except msgspec.MsgspecError:
            said = None
        if response.is_success and isinstance(said, dict):
            return said
        sentence = said.get("error") if isinstance(said, dict) else None
        told = str(sentence or f"{self.url} answers HTTP {response.status_code}")
        if response.status_code in (401, 403):
            raise Refused(f"{told}; is {self.url} the centre of this data folder?")
        if response.status_code in (404, 409, 422):
            raise Misconfigured(told)
        raise Transient(told)
