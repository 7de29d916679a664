"""Onboarding a CA in a real browser: registering it, and trying it out with its own test data."""

import base64
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from pypdf import PdfWriter

from radbridge.runtime.clock import utc_now
from radbridge.runtime.security.sessions import COOKIE, Session, SessionCodec
from radbridge.runtime.security.vault import Vault
from radbridge.signing.trial_pki import Doctor, TrialAuthority
from radbridge.signing.trial_seal import TrialSealer
from tests.browser.conftest import World
from tests.support.signing import OpensslCa

pytestmark = pytest.mark.browser

TEXT = "检查所见：双肺纹理清晰。\r\n".encode()
API = "/api/signing/v1/authorities"


@dataclass(slots=True)
class ListSite:
    """Where a CA publishes its revocation lists."""

    address: str = ""
    pages: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def publish(self, path: str, content: bytes) -> str:
        """Answers the address."""
        self.pages[path] = content
        return self.address + path


@pytest.fixture
def list_site() -> Iterator[ListSite]:
    site = ListSite()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = site.pages.get(self.path)
            self.send_response(404 if page is None else 200)
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        site.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield site
        server.shutdown()
        thread.join()


@pytest.fixture
def authority() -> TrialAuthority:
    return TrialAuthority.create(utc_now())


@pytest.fixture
def doctor(authority: TrialAuthority) -> Doctor:
    return authority.issue_doctor("示例医师丙", "140000198001010033")


def pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


def written(folder: Path, files: dict[str, bytes]) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in files}


def register(world: World, name: str, authority: TrialAuthority, *addresses: str) -> None:
    """As `radbridge ca add` does."""

    def encoded(*files: bytes) -> list[str]:
        return [base64.b64encode(one).decode() for one in files]

    body = {
        "roots": encoded(authority.root_der),
        "intermediates": encoded(authority.sub_der, authority.tsa_der),
        "crls": encoded(*authority.crls),
        "crl_urls": list(addresses),
    }
    with world.suite.client() as client:
        client.put(f"{API}/{name}", json=body).raise_for_status()


def sealed_pdf(authority: TrialAuthority) -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(width=300, height=300)
    buffer = io.BytesIO()
    writer.write(buffer)
    return TrialSealer.create(authority, "影桥示例医院").seal_pdf(buffer.getvalue())


def one_set(authority: TrialAuthority, doctor: Doctor, **changed: bytes) -> dict[str, bytes]:
    return {
        "original.txt": TEXT,
        "certificate.cer": doctor.cert_der,
        "signature.b64": base64.encodebytes(doctor.sign_pkcs1(TEXT)),
        "timestamp.tsr": authority.timestamp(TEXT, utc_now()),
        **changed,
    }


def fits(page: Page) -> bool:
    inside: bool = page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    return inside


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name, exact=True)


def check(part: Locator, name: str) -> Locator:
    return part.locator(".checks li", has_text=name)


def log_in(context: BrowserContext, world: World, *roles: str) -> None:
    """A session as the provider of logins would begin it."""
    codec = SessionCodec(Vault.load(world.suite.data / "vault.key"), utc_now, valid=timedelta(hours=1))
    session = Session(subject="u-1", name="李工", roles=frozenset(roles))
    context.add_cookies([{"name": COOKIE, "value": codec.issue(session), "url": world.url}])


@pytest.mark.proves("SX-032")
def test_a_ca_is_added_after_its_faults_are_mended(
    console: Page, world: World, screen: object, authority: TrialAuthority, list_site: ListSite, tmp_path: Path
) -> None:
    sub_crl, root_crl = authority.crls
    files = written(
        tmp_path / "ca",
        {
            "root.pem": pem(authority.root_der),
            "broken.cer": b"no certificate",
            "sub.der": authority.sub_der,
            "tsa.der": authority.tsa_der,
            "root.crl": root_crl,
        },
    )
    name = f"CA-{tmp_path.name}"
    console.goto(f"{world.url}/#/authorities/add")
    console.get_by_label("名称").fill(name)
    console.get_by_role("button", name="登记").click()
    expect(console.locator(".fault-text")).to_have_text("请选择至少一个根证书文件")

    console.get_by_label("根证书").set_input_files([files["root.pem"], files["broken.cer"]])
    console.get_by_label("其他证书").set_input_files([files["root.crl"]])
    console.get_by_label("吊销列表更新地址").fill(f"ftp://ca.example/x\n{list_site.address}/gone.crl")
    console.get_by_role("button", name="登记").click()
    expect(console.get_by_role("alert")).to_contain_text("请更正标红的内容")
    expect(console.locator(".picked.wrong")).to_have_count(2)
    expect(console.locator(".picked.wrong", has_text="broken.cer")).to_contain_text("不是PEM或DER格式的证书")
    expect(console.locator(".picked.wrong", has_text="root.crl")).to_contain_text("这是吊销列表，不是证书")
    expect(console.get_by_text("ftp://ca.example/x：不是http或https地址")).to_be_visible()
    assert fits(console)

    console.get_by_role("button", name="移除 broken.cer").click()
    console.get_by_role("button", name="移除 root.crl").click()
    console.get_by_label("其他证书").set_input_files([files["sub.der"], files["tsa.der"]])
    console.get_by_label("吊销列表文件").set_input_files([files["root.crl"]])
    published = list_site.publish("/sub.crl", sub_crl)
    console.get_by_label("吊销列表更新地址").fill(f"{published}\n{list_site.address}/gone.crl")
    console.get_by_label("原始签名值").check()
    console.get_by_role("button", name="登记").click()
    expect(console.get_by_role("status").filter(has_text="已登记")).to_contain_text(name)

    console.get_by_role("link", name="所有 CA").click()
    shown = card(console, name)
    for subject, what in (("SM2 Root", "根证书"), ("SM2 CA", "CA"), ("TSA", "时间戳")):
        lineage = shown.locator(".lineage").filter(has=console.locator("b", has_text=f"Trial {subject}"))
        expect(lineage).to_contain_text(what)
        expect(lineage).to_contain_text("SM2 · SM3WithSM2")
        expect(lineage).to_contain_text("有效")
    fetched = shown.locator(".crl", has_text=published)
    expect(fetched).to_contain_text("No. 1")
    expect(fetched).to_contain_text("吊销列表签名正确且在有效期内")
    expect(fetched).to_contain_text("获取成功")
    expect(fetched).to_contain_text("还有 36")
    expect(shown.locator(".crl.bad")).to_contain_text("获取失败：服务器应答HTTP 404")
    expect(shown.locator(".crl.bad .notice")).to_have_text(
        "尚未取得吊销列表；不能据以确认证书未被吊销，按缺少吊销列表处理"
    )
    expect(fetched.locator(".notice")).to_have_count(0)
    expect(shown).to_contain_text("接受（64 字节）")
    expect(shown.locator("header")).to_contain_text("需要处理")
    assert fits(console)


def test_generations_of_a_root_made_with_openssl(console: Page, world: World, openssl: str, tmp_path: Path) -> None:
    made: list[Path] = []
    for generation in ("first", "second"):
        folder = tmp_path / generation
        folder.mkdir()
        made.append(OpensslCa(openssl, folder).make("Province Root"))
    name = f"CA-{tmp_path.name}"
    console.goto(f"{world.url}/#/authorities/add")
    console.get_by_label("名称").fill(name)
    console.get_by_label("根证书").set_input_files(made)
    console.get_by_role("button", name="登记").click()
    lineage = card(console, name).locator(".lineage")
    expect(lineage).to_have_count(1)
    expect(lineage.locator(".generation")).to_have_count(2)
    expect(lineage.locator(".ordinal")).to_have_text(["第 2 代", "第 1 代"])
    lineage.get_by_text("详情").first.click()
    expect(lineage.locator("dl").first).to_contain_text("CN=Province Root, O=Test, C=CN")
    expect(card(console, name)).to_contain_text("没有吊销列表")

    console.get_by_role("link", name="所有 CA").click()
    console.get_by_role("link", name="登记 CA").click()
    console.get_by_label("名称").fill(name)
    console.get_by_label("根证书").set_input_files(made[:1])
    console.get_by_role("button", name="登记").click()
    expect(console.get_by_role("status").filter(has_text="已登记")).to_have_count(0)
    console.get_by_label("确认替换").check()
    console.get_by_role("button", name="登记").click()
    expect(card(console, name).locator(".generation")).to_have_count(1)


@pytest.mark.proves("SX-069")
def test_a_trial_shows_what_is_wrong_check_by_check(
    console: Page,
    world: World,
    screen: object,
    authority: TrialAuthority,
    doctor: Doctor,
    list_site: ListSite,
    tmp_path: Path,
) -> None:
    name, document = f"CA-{tmp_path.name}", sealed_pdf(authority)
    register(world, name, authority, f"{list_site.address}/gone.crl")
    written(tmp_path / "sets" / "good", one_set(authority, doctor))
    signed = base64.encodebytes(doctor.sign_pkcs7(TEXT))
    written(
        tmp_path / "sets" / "sealed", one_set(authority, doctor, **{"signature.b64": signed, "document.pdf": document})
    )
    spoiled = {"original.txt": TEXT + b".", "document.pdf": document + b"x"}
    written(tmp_path / "sets" / "spoiled", one_set(authority, doctor, **spoiled))

    console.goto(f"{world.url}/#/authorities")
    card(console, name).get_by_role("link", name="试验").click()
    console.get_by_label("导入文件夹").set_input_files(tmp_path / "sets")
    expect(console.get_by_label("第 3 组名称")).to_have_value("spoiled")
    console.get_by_role("button", name="开始试验").click()
    result = console.get_by_role("region", name="试验结果")
    expect(result.get_by_role("status")).to_contain_text("5 项检查未通过")

    glance = result.get_by_role("table")
    standings = {
        "good": ["passed", "passed", "passed", "passed", "skipped"],
        "sealed": ["passed"] * 5,
        "spoiled": ["failed", "passed", "failed", "failed", "failed"],
    }
    for title, classes in standings.items():
        row = glance.get_by_role("row", name=title)
        expect(row.locator("td")).to_have_class(classes)

    spoiled_part = result.locator(".result-part", has=console.get_by_role("heading", name="spoiled"))
    expect(check(spoiled_part, "时间戳")).to_contain_text("时间戳的摘要与CAData不符")
    expect(check(spoiled_part, "原文未改动")).to_contain_text("签名原文可能被改动")
    expect(check(spoiled_part, "签章 1")).to_contain_text("签章之后文件被追加了未签章的内容")
    good_part = result.locator(".result-part", has=console.get_by_role("heading", name="good"))
    expect(good_part.locator(".checks .failed")).to_have_count(0)
    expect(check(good_part, "签章")).to_contain_text("没有签章文件")
    own_part = result.locator(".result-part").first
    expect(check(own_part, "根证书 1")).to_contain_text("Trial SM2 Root")
    expect(check(own_part, "更新地址 1")).to_contain_text(f"{list_site.address}/gone.crl")
    expect(check(own_part, "更新地址 1")).to_contain_text("CRL更新地址无法获取吊销列表：服务器应答HTTP 404")
    assert fits(console)

    register(world, name, authority)
    console.reload()
    console.get_by_role("button", name="用它重新试验").click()
    expect(result.get_by_role("status")).to_contain_text("4 项检查未通过")

    sets = tmp_path / "mended"
    for title in ("1", "2", "3"):
        written(sets / title, one_set(authority, doctor))
    register(world, name, authority, list_site.publish("/sub.crl", authority.crls[0]))
    console.get_by_label("导入文件夹").set_input_files(sets)
    console.get_by_role("button", name="开始试验").click()
    expect(result.get_by_role("status")).to_contain_text("试验通过，可以接入")
    expect(result.locator(".checks .failed")).to_have_count(0)
    assert fits(console)


def test_sets_are_given_file_by_file(
    console: Page, world: World, authority: TrialAuthority, doctor: Doctor, tmp_path: Path
) -> None:
    name = f"CA-{tmp_path.name}"
    register(world, name, authority)
    files = written(tmp_path / "set", one_set(authority, doctor))
    console.goto(f"{world.url}/#/authorities/{name}/trial")
    console.get_by_role("button", name="开始试验").click()
    expect(console.get_by_role("alert")).to_contain_text("请至少提供一组测试数据")

    console.get_by_label("第 2 组签名原文", exact=True).set_input_files(files["original.txt"])
    console.get_by_role("button", name="开始试验").click()
    expect(console.get_by_role("alert")).to_contain_text("还缺 2 项：第 2 组的签名证书、第 2 组的签名值")

    console.get_by_role("button", name="第 2 组签名证书：粘贴文本").click()
    console.get_by_label("第 2 组签名证书的文本").fill(pem(doctor.cert_der).decode())
    console.get_by_label("第 2 组签名值", exact=True).set_input_files(files["signature.b64"])
    console.get_by_label("第 2 组时间戳", exact=True).set_input_files(files["timestamp.tsr"])
    console.get_by_label("第 2 组签名格式").select_option(label="PKCS1")
    console.get_by_role("button", name="开始试验").click()
    result = console.get_by_role("region", name="试验结果")
    expect(check(result, "测试数据")).to_contain_text("测试数据应为3组，现为1组")
    expect(result.locator(".checks .failed")).to_have_count(1)
    expect(result.get_by_role("heading", name="第2组")).to_contain_text("通过")


def test_operators_see_cas_but_change_none(
    page: Page, context: BrowserContext, world: World, authority: TrialAuthority, tmp_path: Path
) -> None:
    name = f"CA-{tmp_path.name}"
    register(world, name, authority)
    log_in(context, world, "operator")
    page.goto(f"{world.url}/#/authorities")
    expect(card(page, name)).to_contain_text("吊销列表签名正确且在有效期内")
    expect(page.get_by_text("登记和试验 CA 需要管理员权限")).to_be_visible()
    expect(page.get_by_role("link", name="登记 CA")).to_have_count(0)
    expect(page.get_by_role("link", name="试验")).to_have_count(0)
    for address in ("add", f"{name}/trial"):
        page.goto(f"{world.url}/#/authorities/{address}")
        expect(page.get_by_text("登记和试验 CA 需要管理员权限")).to_be_visible()
        expect(page.locator("form")).to_have_count(0)
    refused = page.evaluate(
        "(path) => fetch(path, {method: 'POST', headers: {'content-type': 'application/json'}, body: '{}'})"
        ".then((answer) => answer.status)",
        f"{API}/{name}/trial",
    )
    assert refused == 403


def test_who_may_not_see_cas_is_told(page: Page, context: BrowserContext, world: World) -> None:
    log_in(context, world, "doctor")
    page.goto(f"{world.url}/#/authorities")
    expect(page.get_by_role("alert")).to_contain_text("您的账号没有这项权限")


def test_without_any_ca_the_page_leads_to_the_first(console: Page, world: World, screen: object) -> None:
    console.route(f"**{API}", lambda route: route.fulfill(json={"authorities": []}))
    console.goto(f"{world.url}/#/authorities")
    expect(console.get_by_text("还没有登记 CA")).to_be_visible()
    assert fits(console)
    console.get_by_role("link", name="登记 CA").click()
    expect(console.get_by_role("heading", name="登记 CA")).to_be_visible()
