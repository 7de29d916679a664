"""Pages and the viewer: static files of the built web workspace and of OHIF's published build."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from radbridge.portal.settings import PortalSettings
from radbridge.portal.viewer import ViewerBuild
from radbridge.runtime.security.links import LinkExpired, LinkInvalid, LinkSigner

PAGE_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'",
}
ASSET_HEADERS = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}


def router(settings: PortalSettings, links: LinkSigner) -> APIRouter:
    """Routes of everything that a browser loads."""
    pages = APIRouter(include_in_schema=False)
    viewer = ViewerBuild(settings.viewer_dir, settings.pages_dir / "viewer")

    def page(name: str, *, status: int = 200) -> Response:
        path = settings.pages_dir / name
        if not path.is_file():
            return HTMLResponse(_NOT_BUILT, status_code=503)
        return FileResponse(path, status_code=status, media_type="text/html; charset=utf-8", headers=PAGE_HEADERS)

    @pages.get("/")
    async def console() -> Response:
        return page("index.html")

    @pages.get("/p/{code}")
    async def patient(code: str) -> Response:
        return page("patient.html")

    @pages.get("/view")
    async def view(token: str = "") -> Response:
        """The page itself says what is wrong with a link; the status says so to programs."""
        try:
            links.verify(token)
        except (LinkInvalid, LinkExpired):
            return page("view.html", status=401)
        return page("view.html")

    @pages.get("/assets/{path:path}")
    async def asset(path: str) -> Response:
        found = _below(settings.pages_dir / "assets", path)
        return FileResponse(found, headers=ASSET_HEADERS) if found else Response(status_code=404)

    @pages.get("/viewer")
    @pages.get("/viewer/{path:path}")
    async def ohif(request: Request, path: str = "") -> Response:
        return await viewer.respond(
            path,
            if_none_match=request.headers.get("if-none-match", ""),
            accept_encoding=request.headers.get("accept-encoding", ""),
        )

    return pages


def _below(folder: Path, path: str) -> Path | None:
    """The file at ``path`` below ``folder``; ``None`` where there is none or the path leads out."""
    found = (folder / path).resolve()
    return found if found.is_relative_to(folder.resolve()) and found.is_file() else None


_NOT_BUILT = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>影桥 RadBridge</title>
<p>页面尚未构建，请先运行 <code>make web</code>。The pages are not built yet: run <code>make web</code>.</p></html>"""
