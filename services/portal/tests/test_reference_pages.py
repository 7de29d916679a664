"""``/docs`` leads to the pages of every service and standard."""

import re
from pathlib import Path

from radbridge.contracts.dialects import reference
from radbridge.contracts.topics import ALL_SERVICES
from radbridge.portal.main import SERVICE
from radbridge.runtime.testing import running_service


async def test_every_page_is_listed_and_served(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        index = await running.client.get("/docs")
        assert (index.status_code, index.headers["content-type"]) == (200, "text/html; charset=utf-8")
        addresses = set(re.findall(r'href="([^"]+)"', index.text))
        assert {f"/api/{service}/v1/docs" for service in ALL_SERVICES} < addresses
        for name, text in reference.pages().items():
            assert f"/docs/{name}" in addresses
            assert (await running.client.get(f"/docs/{name}")).text == text
        assert (await running.client.get("/docs/other")).status_code == 404
