"""The viewer's build below /viewer: rewritten, compressed, laid over with our own files."""

import asyncio
import base64
import gzip
import hashlib
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from radbridge.portal.api import pages
from radbridge.portal.settings import PortalSettings
from radbridge.portal.viewer import rewrite
from radbridge.runtime.clock import utc_now
from radbridge.runtime.security.links import LinkSigner, ViewGrant
from radbridge.runtime.security.vault import Vault

INDEX = (
    '<!doctype html><html><head><meta name="msapplication-config" content="/assets/browserconfig.xml">'
    '<script>window.PUBLIC_URL="/"</script><link rel="manifest" href="/manifest.json">'
    '<script src="/app-config.js"></script><script defer src="/app.bundle.0123456789abcdef.js"></script>'
    '<link href="/app.bundle.css" rel="stylesheet"></head><body></body></html>'
)
SCRIPT = "__webpack_require__.p = \"/\";\nimport_('/dicom-microscopy-viewer/dicomMicroscopyViewer.min.js');\n"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "ohif"
    folder.mkdir()
    (folder / "index.html").write_text(INDEX)
    (folder / "app.bundle.0123456789abcdef.js").write_text(SCRIPT)
    (folder / "app.bundle.css").write_text(
        "@font-face{src:url(/a34f.woff2)}.logo{background:url(data:image/png;base64,)}"
    )
    (folder / "app-config.js").write_text("the published settings")
    (folder / "decoder.wasm").write_bytes(b"\0asm\1\0\0\0")
    (folder / "manifest.json").write_text('{"icons":[{"src":"/assets/a.png","type":"image/png"}]}')
    (tmp_path / "secret.txt").write_text("not below the build")
    ours = tmp_path / "pages" / "viewer"
    ours.mkdir(parents=True)
    (ours / "app-config.js").write_text("our settings for '/viewer'")
    return folder


@pytest.fixture
def client(build: Path) -> httpx.AsyncClient:
    app = FastAPI()
    settings = PortalSettings(viewer_dir=build, pages_dir=build.parent / "pages")
    app.include_router(pages.router(settings, LinkSigner(Vault.create(), utc_now)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal")


def test_four_places_name_the_new_root() -> None:
    page = rewrite("index.html", INDEX)
    assert 'window.PUBLIC_URL="/viewer/"' in page
    assert not re.search(r'\b(href|src|content)="/(?!viewer/)', page)
    assert '__webpack_require__.p = "/viewer/"' in rewrite("136.bundle.js", SCRIPT)
    assert "'/viewer/dicom-microscopy-viewer/dicomMicroscopyViewer.min.js'" in rewrite("app.bundle.js", SCRIPT)
    assert "url(/viewer/a34f.woff2)" in rewrite("app.bundle.css", "url(/a34f.woff2)")
    assert "url(data:image" in rewrite("app.bundle.css", "url(data:image/png)")


async def test_index_for_the_viewers_own_routes(client: httpx.AsyncClient) -> None:
    for path in ("/viewer", "/viewer/", "/viewer/viewer?StudyInstanceUIDs=1.2", "/viewer/notfoundstudy/1.2.840"):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "/viewer/app-config.js" in answer.text
    assert (await client.get("/viewer/gone.bundle.js")).status_code == 404


async def test_inline_scripts_are_allowed_by_their_hash_alone(client: httpx.AsyncClient) -> None:
    answer = await client.get("/viewer")
    policy = answer.headers["content-security-policy"]
    inline = re.findall(r"<script>(.*?)</script>", answer.text)
    digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert "script-src 'self' 'unsafe-inline'" not in policy
    assert "frame-ancestors 'self'" in policy


async def test_pages_are_never_stored_and_run_no_inline_script(client: httpx.AsyncClient, build: Path) -> None:
    for name in ("index.html", "patient.html", "view.html"):
        (build.parent / "pages" / name).write_text(f"<!doctype html>{name}")
    for path, name in (("/", "index.html"), ("/p/abc", "patient.html"), ("/view?token=t", "view.html")):
        answer = await client.get(path)
        assert answer.text.endswith(name)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy


async def test_our_settings_lie_over_the_published_ones(client: httpx.AsyncClient) -> None:
    answer = await client.get("/viewer/app-config.js")
    assert answer.text == "our settings for '/viewer'"
    assert answer.headers["cache-control"] == "no-cache"


async def test_types_compression_and_revalidation(client: httpx.AsyncClient) -> None:
    wasm = await client.get("/viewer/decoder.wasm")
    assert wasm.headers["content-type"] == "application/wasm"
    assert wasm.content == b"\0asm\1\0\0\0"

    path = "/viewer/app.bundle.0123456789abcdef.js"
    plain = await client.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    packed = await client.get(path, headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text == rewrite("app.js", SCRIPT)
    assert "max-age=86400" in packed.headers["cache-control"]
    again = await client.get(path, headers={"if-none-match": packed.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_file_is_prepared_once(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    compressed: list[int] = []
    compress = gzip.compress

    def counting(data: bytes, **options: int) -> bytes:
        compressed.append(len(data))
        return compress(data, **options)

    monkeypatch.setattr("radbridge.portal.viewer.gzip.compress", counting)
    await asyncio.gather(*(client.get("/viewer/app.bundle.css") for _ in range(5)))
    assert len(compressed) == 1


@pytest.mark.parametrize("path", ["../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "assets/../../secret.txt"])
async def test_nothing_outside_the_build(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/viewer/{path}")
    assert "not below the build" not in answer.text


async def test_a_missing_build_is_told(tmp_path: Path) -> None:
    app = FastAPI()
    settings = PortalSettings(viewer_dir=tmp_path / "none", pages_dir=tmp_path)
    app.include_router(pages.router(settings, LinkSigner(Vault.create(), utc_now)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal") as client:
        viewer, console = await client.get("/viewer"), await client.get("/")
    assert (viewer.status_code, console.status_code) == (503, 503)
    assert "make web" in viewer.text
    assert "make web" in console.text


def test_the_default_folder_is_where_the_build_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its version."""
    from tools.stamps import ROOT
    from tools.web import VIEWER

    monkeypatch.chdir(tmp_path)
    for version in ("3.9.4", "3.99.0", "3.13.2"):
        (tmp_path / VIEWER.relative_to(ROOT).parents[1] / version / VIEWER.name).mkdir(parents=True)
    chosen = tmp_path / PortalSettings().viewer_dir
    assert chosen.relative_to(tmp_path) == VIEWER.relative_to(ROOT).parents[1] / "3.99.0" / VIEWER.name


def test_the_viewer_of_the_checkout_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tools.web import VIEWER

    if not VIEWER.is_dir():
        pytest.skip("the viewer is not unpacked (make web)")
    monkeypatch.chdir(tmp_path)
    assert PortalSettings().viewer_dir == VIEWER


async def test_a_view_without_a_good_link_says_so_to_programs_too(tmp_path: Path) -> None:
    (tmp_path / "view.html").write_text("<title>view</title>")
    links = LinkSigner(Vault.create(), utc_now)
    app = FastAPI()
    app.include_router(pages.router(PortalSettings(viewer_dir=tmp_path / "none", pages_dir=tmp_path), links))
    grant = ViewGrant(actor="hospital:B", purpose="recognition", exam_id="e")
    tokens = (links.issue(grant, timedelta(minutes=1)), links.issue(grant, timedelta(seconds=-1)), "x", "")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal") as client:
        answers = [await client.get("/view", params={"token": token}) for token in tokens]
    assert [answer.status_code for answer in answers] == [200, 401, 401, 401]
    assert {answer.text for answer in answers} == {"<title>view</title>"}


def test_the_unpacked_build_has_no_other_address_of_the_root() -> None:
    """A new version of the viewer that names the root elsewhere must not go unnoticed."""
    from tools.web import VIEWER

    if not (VIEWER / "index.html").is_file():
        pytest.skip("the viewer is not unpacked (make web)")
    page = rewrite("index.html", (VIEWER / "index.html").read_text())
    assert not re.search(r'="/(?!viewer/)', page)
    for file in [*VIEWER.glob("*bundle*.js"), *VIEWER.glob("*.css")]:
        text = rewrite(file.name, file.read_text()).replace("/viewer/", "")
        assert not any(root in text for root in ('__webpack_require__.p = "/', "url(/", "ImportFunction('/")), file.name
