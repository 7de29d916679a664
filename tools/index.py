"""The Python package index that this machine is set up for, read where pip and uv read it. Standard library only."""

from __future__ import annotations

import configparser
import hashlib
import os
import ssl
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin

from tools.lock import Wheel

_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")


class IndexAnswerError(Exception):
    """The index does not have the wheel, or answers another file than the lock names."""


def configured_index() -> str | None:
    """Address of the simple index set by environment or pip's configuration; None means the one uv.lock names."""
    for variable in _VARIABLES:
        if url := os.environ.get(variable):
            return url
    files = [os.environ.get("PIP_CONFIG_FILE", ""), "~/.pip/pip.conf", "~/.config/pip/pip.conf", "/etc/pip.conf"]
    for file in filter(None, files):
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(Path(file).expanduser())
        if url := settings.get("global", "index-url", fallback=""):
            return url
    return None


def download(wheel: Wheel) -> bytes:
    """The wheel's bytes, from the configured index or from where the lock says, checked against the lock's hash.

    Raises:
        IndexAnswerError: see there.
        OSError: the index cannot be reached.
    """
    content = _get(_address(wheel))
    if hashlib.sha256(content).hexdigest() != wheel.sha256:
        raise IndexAnswerError(f"{wheel.file_name}: its hash is not the one in uv.lock")
    return content


def _address(wheel: Wheel) -> str:
    index = configured_index()
    if index is None:
        return wheel.url
    page = f"{index.rstrip('/')}/{wheel.file_name.partition('-')[0].replace('_', '-')}/"
    links = _Links()
    links.feed(_get(page).decode())
    for link in links.found:
        address = urldefrag(urljoin(page, link)).url
        if address.endswith("/" + wheel.file_name):
            return address
    raise IndexAnswerError(f"{page} lists no {wheel.file_name}")


def _get(url: str) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise IndexAnswerError(f"{url}: only http and https")
    context = ssl.create_default_context()
    for variable in ("PIP_CERT", "REQUESTS_CA_BUNDLE"):
        if bundle := os.environ.get(variable):
            context.load_verify_locations(bundle)
    with urllib.request.urlopen(url, timeout=180, context=context) as answer:  # noqa: S310 - the scheme is checked above
        return answer.read()


class _Links(HTMLParser):
    """The addresses of all links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]
