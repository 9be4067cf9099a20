"""Talks to the centre that runs on a data folder of this machine, with the secret it keeps there."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from jikimi.settings import DataDir

if TYPE_CHECKING:
    import httpx

SECONDS = 30.0


class AdminClient:
    """Every failure ends the command with one sentence: exit 1 when the centre is away, 2 when it refuses the wish."""

    def __init__(self, data: Path) -> None:
        self._folder = DataDir(data)
        try:
            self.address = self._folder.address.read_text().strip()
            self._token = self._folder.admin_token.read_text().strip()
        except FileNotFoundError:
            self._away()
        except OSError as error:
            _fail(1, f"{error.filename} cannot be read: {error.strerror}")

    def get(self, path: str, **query: Any) -> Any:
        return self._ask("GET", path, params=query)

    def post(self, path: str, wish: dict[str, Any] | None = None) -> Any:
        return self._ask("POST", path, json=wish)

    def put(self, path: str, wish: dict[str, Any]) -> Any:
        return self._ask("PUT", path, json=wish)

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        import httpx  # slow to import, and most commands of this program never ask

        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            with httpx.Client(base_url=self.address, headers=headers, timeout=SECONDS, trust_env=False) as client:
                answer = client.request(method, f"/v1/admin/{path}", **more)
        except (httpx.TransportError, httpx.InvalidURL):
            self._away()
        return _told(answer)

    def _away(self) -> NoReturn:
        _fail(1, f"no centre is running on {self._folder.root}; start it with `jikimi up --data {self._folder.root}`")


def _told(answer: "httpx.Response") -> Any:
    try:
        told = answer.json()
    except ValueError:
        _fail(1, f"the centre answered {answer.status_code} with something that is not JSON")
    if answer.is_error:
        sentence = told.get("error") if isinstance(told, dict) else None
        _fail(1 if answer.is_server_error else 2, sentence or f"the centre answered {answer.status_code}")
    return told


def _fail(code: int, sentence: str) -> NoReturn:
    typer.echo(f"jikimi: {sentence}", err=True)
    raise typer.Exit(code)
