"""The way into all API pages: each service's own, and the standards' tables as the services validate with them."""

import asyncio
from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, PlainTextResponse

from radbridge.contracts.dialects import reference
from radbridge.contracts.topics import ALL_SERVICES
from radbridge.runtime.problems import Problem

_STANDARDS = {
    "shanxi-v2.1.md": "山西省 V2.1：/exam-sync、/report/sync、/examMergeReport-sync",
    "neijiang-v0.94.md": "内江市 V0.94：/open/smr/studies、/open/smr/study/{studyUuid}/smrMark",
}


def router() -> APIRouter:
    """Routes ``/docs`` and below."""
    pages = APIRouter(prefix="/docs", include_in_schema=False)

    @pages.get("")
    async def index() -> HTMLResponse:
        """Every page of the reference."""
        return HTMLResponse(_INDEX)

    @pages.get("/{name}")
    async def standard(name: str) -> PlainTextResponse:
        """One standard's fields, rules and dictionaries as Markdown."""
        text = (await asyncio.to_thread(reference.pages)).get(name)
        if text is None:
            raise Problem(404, "No such page", "docs: see the list at /docs")
        return PlainTextResponse(text)

    return pages


def _item(address: str, text: str) -> str:
    return f'<li><a href="{escape(address)}">{escape(text)}</a></li>'


_INDEX = (
    '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>RadBridge API</title><h1>影桥接口 RadBridge API</h1><h2>标准接口 Hospital standards</h2><ul>"
    + "".join(_item(f"/docs/{name}", text) for name, text in _STANDARDS.items())
    + "</ul><h2>服务接口 Services</h2><ul>"
    + "".join(_item(f"/api/{service}/v1/docs", service) for service in ALL_SERVICES)
    + "</ul></html>"
)
