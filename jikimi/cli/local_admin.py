"""Administration of the centre that runs on this machine, over its own API with the local secret."""

from types import TracebackType
from typing import Any

import httpx

from jikimi.errors import Misconfigured, Transient
from jikimi.settings import DataDir


class LocalAdmin:
    """A client of /v1/admin. Errors of the API come back as Misconfigured with the API's own sentence."""

    def __init__(self, address: str, token: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )

    @classmethod
    def of(cls, data: DataDir) -> "LocalAdmin":
        """Raises Misconfigured when no centre runs on `data`."""
        try:
            address = data.address.read_text(encoding="ascii").strip()
            token = data.admin_token.read_text(encoding="ascii").strip()
        except FileNotFoundError as error:
            raise Misconfigured(
                f"no centre runs on {data.root}; start one with `jikimi up --data {data.root}`"
            ) from error
        return cls(address, token)

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path, None)

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        return await self._ask("POST", path, body)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        try:
            answer = await self._client.request(method, f"/v1/admin/{path}", json=body)
        except httpx.TransportError as error:
            raise Transient(f"the centre at {self._client.base_url} does not answer: {error}") from error
        if answer.is_success:
            return answer.json()
        raise Misconfigured(answer.json().get("error", answer.text))

    async def __aenter__(self) -> "LocalAdmin":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()
