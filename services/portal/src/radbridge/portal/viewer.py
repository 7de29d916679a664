"""The published build of the OHIF viewer, served below ``/viewer``.

The build is made for the root of a site. Four places in it name that root: its pages (``index.html`` and
``manifest.json``), the address its scripts load their parts from, the address of its fonts in style sheets, and the
microscopy module. They are rewritten once, when a file is first asked for, and kept compressed from then on. Files of
our own (settings, style) are laid over the build's.
"""

import asyncio
import base64
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi.responses import FileResponse, HTMLResponse, Response

BASE = "/viewer"
INDEX = "index.html"

_MEDIA_TYPES = {".js": "text/javascript", ".wasm": "application/wasm", ".woff2": "font/woff2"}
_TEXTS = frozenset({".html", ".js", ".css", ".json", ".svg"})
_COMPRESSED = _TEXTS | {".wasm"}
_NAMED_BY_CONTENT = re.compile(r"(^|\.)[0-9a-f]{16}\.", re.ASCII)
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)

# unsafe-eval: the decoders of compressed images make functions from text (Emscripten's embind)
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' {hashes}; worker-src 'self' blob:; "
    "connect-src 'self' blob: data:; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; frame-ancestors 'self'; object-src 'none'; base-uri 'none'"
)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A file as it is sent."""

    compressed: bytes
    headers: dict[str, str]


class ViewerBuild:
    """Answers requests below ``/viewer``.

    :param build: the unpacked build.
    :param ours: files that are laid over the build's by name.
    """

    def __init__(self, build: Path, ours: Path) -> None:
        self._build = build.resolve()
        self._ours = ours.resolve()
        self._prepared: dict[Path, asyncio.Task[_Prepared]] = {}

    async def respond(self, path: str, *, if_none_match: str = "", accept_encoding: str = "") -> Response:
        """The file at ``path`` below ``/viewer``; the viewer's page where there is none, for its own routes."""
        if not (self._build / INDEX).is_file():
            return HTMLResponse(_MISSING, status_code=503)
        file = self._file(path)
        if file is None:
            if Path(path).suffix in _MEDIA_TYPES:
                return Response(status_code=404)
            file = self._build / INDEX
        if file.suffix not in _COMPRESSED:
            return FileResponse(file, media_type=_media_type(file), headers=_headers(file))
        prepared = await self._prepare(file)
        if prepared.headers["etag"] in if_none_match:
            return Response(status_code=304, headers=prepared.headers)
        if "gzip" in accept_encoding:
            headers = {**prepared.headers, "content-encoding": "gzip"}
            return Response(prepared.compressed, media_type=_media_type(file), headers=headers)
        body = await asyncio.to_thread(gzip.decompress, prepared.compressed)
        return Response(body, media_type=_media_type(file), headers=prepared.headers)

    def _file(self, path: str) -> Path | None:
        for folder in (self._ours, self._build):
            found = (folder / path).resolve()
            if found.is_relative_to(folder) and found.is_file():
                return found
        return None

    async def _prepare(self, file: Path) -> _Prepared:
        """Prepared once, however many ask at the same time."""
        task = self._prepared.get(file)
        if task is None:
            task = self._prepared[file] = asyncio.create_task(asyncio.to_thread(_prepare, file))
        try:
            return await asyncio.shield(task)
        except OSError:
            self._prepared.pop(file, None)
            raise


def _prepare(file: Path) -> _Prepared:
    content = file.read_bytes()
    headers = _headers(file)
    if file.suffix in _TEXTS:
        text = rewrite(file.name, content.decode("utf-8"))
        content = text.encode("utf-8")
        if file.suffix == ".html":
            headers["content-security-policy"] = _POLICY.format(hashes=_script_hashes(text))
    headers |= {"etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"', "vary": "accept-encoding"}
    return _Prepared(gzip.compress(content, compresslevel=6, mtime=0), headers)


def rewrite(name: str, text: str) -> str:
    """A text file of the build, made for ``/viewer`` in place of ``/``."""
    return _REWRITES.get(name, _REWRITES.get(Path(name).suffix, _unchanged))(text)


def _rewrite_page(text: str) -> str:
    text = re.sub(r'\b(href|src|content)="/', rf'\1="{BASE}/', text)
    text = text.replace('PUBLIC_URL="/"', f'PUBLIC_URL="{BASE}/"')
    return text.replace("</head>", f'<link href="{BASE}/radbridge.css" rel="stylesheet"></head>')


def _rewrite_script(text: str) -> str:
    text = text.replace('__webpack_require__.p = "/"', f'__webpack_require__.p = "{BASE}/"')
    return text.replace("'/dicom-microscopy-viewer/", f"'{BASE}/dicom-microscopy-viewer/")


def _rewrite_style(text: str) -> str:
    return text.replace("url(/", f"url({BASE}/")


def _rewrite_manifest(text: str) -> str:
    return text.replace('"/', f'"{BASE}/')


def _unchanged(text: str) -> str:
    return text


_REWRITES: dict[str, Callable[[str], str]] = {
    INDEX: _rewrite_page,
    "manifest.json": _rewrite_manifest,
    "radbridge.css": _unchanged,
    "app-config.js": _unchanged,
    ".js": _rewrite_script,
    ".css": _rewrite_style,
}


def _script_hashes(page: str) -> str:
    """The page's inline scripts as sources of a Content-Security-Policy (CSP level 3, 2.3.1)."""
    digests = (hashlib.sha256(script.encode()).digest() for script in _INLINE_SCRIPT.findall(page))
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def _headers(file: Path) -> dict[str, str]:
    named_by_content = _NAMED_BY_CONTENT.search(file.name)
    return {
        "cache-control": "public, max-age=86400" if named_by_content else "no-cache",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        # workers have the policy of their own script
        "content-security-policy": _POLICY.format(hashes=""),
    }


def _media_type(file: Path) -> str:
    known = _MEDIA_TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return f"{known}; charset=utf-8" if file.suffix in _TEXTS else known


_MISSING = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>影像 Images</title>
<p>影像浏览器尚未安装，请先运行 <code>make web</code>，然后重新启动。</p>
<p>The viewer is not installed yet: run <code>make web</code> and start again.</p></html>"""
