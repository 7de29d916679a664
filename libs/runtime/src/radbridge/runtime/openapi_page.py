"""A page that lists a service's API from its OpenAPI description; it loads nothing from elsewhere."""

from html import escape
from typing import Any, cast

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

_STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
body { color: #1b2733 }
code { font: 13px/1.5 ui-monospace, monospace }
article { border-top: 1px solid #d5dde5; padding: .7rem 0 }
h2 { font-size: 1rem; margin: 0 }
h2 b { display: inline-block; min-width: 4.5rem; color: #0a6ebd }
p { margin: .3rem 0; white-space: pre-line }
td { padding: .1rem .8rem .1rem 0; vertical-align: top }
@media (prefers-color-scheme: dark) {
  body { background: #12181f; color: #dbe4ec }
  article { border-color: #2c3945 }
  h2 b { color: #6db8f2 }
}
"""


def add_openapi_page(app: FastAPI, path: str) -> None:
    """Serve the page at ``path``."""

    async def page() -> HTMLResponse:
        return HTMLResponse(render(app.openapi(), app.openapi_url or ""))

    app.add_api_route(path, page, methods=["GET"], include_in_schema=False)


def render(schema: dict[str, Any], source: str) -> str:
    """The page of an OpenAPI description."""
    title = escape(schema["info"]["title"])
    operations = [
        _operation(method, path, cast(dict[str, Any], operation))
        for path, methods in cast(dict[str, dict[str, Any]], schema.get("paths", {})).items()
        for method, operation in methods.items()
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f'<p>OpenAPI: <a href="{escape(source)}">{escape(source)}</a></p>{"".join(operations)}</html>'
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    text = operation.get("description") or operation.get("summary") or ""
    rows = "".join(
        f"<tr><td><code>{escape(parameter['name'])}</code><td>{escape(parameter['in'])}"
        f"<td>{'required' if parameter.get('required') else ''}<td>{escape(parameter.get('description', ''))}"
        for parameter in operation.get("parameters", [])
    )
    answers = ", ".join(
        f"{escape(status)} {escape(answer.get('description', ''))}"
        for status, answer in operation.get("responses", {}).items()
    )
    return (
        f"<article><h2><b>{escape(method.upper())}</b><code>{escape(path)}</code></h2><p>{escape(text)}</p>"
        f"<table>{rows}</table><p>{answers}</p></article>"
    )
