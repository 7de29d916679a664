"""How commands reach a running suite."""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeAlias

import typer

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_DATA = Path("data")
TOKEN_VARIABLE = "RADBRIDGE_TOKEN"  # noqa: S105 (a variable's name)
_TIMEOUT_SECONDS = 60.0
_FAULTS_SHOWN = 10

Url: TypeAlias = Annotated[str, typer.Option("--url", help="Address of the running suite.")]
Data: TypeAlias = Annotated[Path, typer.Option("--data", help="Data folder of a local suite; its token is used.")]


class SuiteError(Exception):
    """The suite does not answer, or refuses; the text is for the person at the terminal.

    ``status`` is the HTTP status (0 where nothing answered), ``problem`` the problem+json object.
    """

    def __init__(self, message: str, *, status: int = 0, problem: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem or {}


class SuiteClient:
    """Calls the HTTP APIs of a running suite with the admin token.

    The token is ``RADBRIDGE_TOKEN``, else the one that ``up`` wrote to ``admin.token`` in the data folder.
    """

    def __init__(self, url: str = DEFAULT_URL, data: Path = DEFAULT_DATA) -> None:
        import httpx

        token = os.environ.get(TOKEN_VARIABLE) or _token_of(data)
        self.url = url.rstrip("/")
        self.http = httpx.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {token}"} if token else {},
            timeout=_TIMEOUT_SECONDS,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **params: Any) -> Any:
        """The JSON answer of a GET; parameters that are ``None`` are left out.

        :raises SuiteError: no answer, or an error.
        """
        return self.request("GET", path, params={name: value for name, value in params.items() if value is not None})

    def post(self, path: str, body: Any = None) -> Any:
        """The JSON answer of a POST; raises as ``get`` does."""
        return self.request("POST", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        """The JSON answer of a PATCH; raises as ``get`` does."""
        return self.request("PATCH", path, json=body)

    def request(self, method: str, path: str, **options: Any) -> Any:
        """The JSON answer of any request (``None`` where it is empty); raises as ``get`` does."""
        with self._answering():
            response = self.http.request(method, path, **options)
        if response.is_error:
            raise _refusal(response)
        return response.json() if response.content else None

    def lines(self, path: str, **params: Any) -> Iterator[str]:
        """The lines of an endless answer as they come, without the empty ones that keep it alive; raises as ``get``
        does, also when the suite ends."""
        with self._answering(), self.http.stream("GET", path, params=params, timeout=None) as response:
            if response.is_error:
                response.read()
                raise _refusal(response)
            yield from filter(None, response.iter_lines())

    @contextmanager
    def _answering(self) -> Generator[None]:
        import httpx

        try:
            yield
        except httpx.TimeoutException:
            raise SuiteError(f"{self.url} did not answer in time") from None
        except httpx.HTTPError as error:
            raise SuiteError(
                f"no suite answers at {self.url} ({type(error).__name__}); is `radbridge up` running?"
            ) from None


def _token_of(data: Path) -> str | None:
    try:
        return (data / "admin.token").read_text(encoding="ascii").strip()
    except OSError:
        return None


def _refusal(response: "httpx.Response") -> SuiteError:
    problem: dict[str, Any] = {}
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        problem = response.json()
    text = problem.get("detail") or problem.get("title") or response.reason_phrase
    for fault in problem.get("errors", [])[:_FAULTS_SHOWN]:
        text = f"{text}; {fault.get('field')}: {fault.get('message')}"
    if response.status_code == 401:
        text = f"the suite refuses the token; set {TOKEN_VARIABLE}, or name the data folder with --data"
    return SuiteError(str(text), status=response.status_code, problem=problem)
