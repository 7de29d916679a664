"""``radbridge verify chain|evidence|again`` against a running service."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from radbridge.cli.main import build
from radbridge.runtime.testing import ADMIN_TOKEN, listening


async def radbridge(*arguments: str) -> tuple[int, dict[str, Any]]:
    result = await asyncio.to_thread(
        CliRunner(env={"RADBRIDGE_TOKEN": ADMIN_TOKEN}).invoke, build(), [*arguments, "--json"]
    )
    return result.exit_code, json.loads(result.stdout)


async def test_an_auditor_checks_the_chain(world: Any, tmp_path: Path) -> None:
    for number in ("R1", "R2", "R3"):
        await world.push(number)
    export = tmp_path / "evidence.jsonl"
    export.write_text("\n".join(await world.evidence()) + "\n", encoding="utf-8")
    async with listening(world.running.host.app) as url:
        code, found = await radbridge("verify", "chain", f"--url={url}")
        assert (code, found["holds"], found["entries"]) == (0, True, 3)
        assert await radbridge("verify", "evidence", str(export), f"--head={found['head']}") == (0, found)
        code, again = await radbridge("verify", "again", "2", f"--url={url}")
        assert (code, again["same"]) == (0, True)
        await world.running.resources.database.write_one("DELETE FROM evidence WHERE position = 3")
        assert (await radbridge("verify", "chain", f"--url={url}"))[0] == 0
        code, cut = await radbridge("verify", "chain", f"--url={url}", f"--head={found['head']}")
        assert (code, cut["holds"]) == (1, False)
    lines = export.read_text("utf-8").splitlines()
    export.write_text("\n".join([lines[0], lines[2]]), encoding="utf-8")
    assert (await radbridge("verify", "evidence", str(export)))[0] == 1


async def test_people_read_a_text(world: Any, tmp_path: Path) -> None:
    export = tmp_path / "evidence.jsonl"
    await world.push("R1")
    export.write_text("\n".join(await world.evidence()), encoding="utf-8")
    result = CliRunner().invoke(build(), ["verify", "evidence", str(export)])
    assert result.stdout.startswith("the chain holds\n  1 entries, positions 1 to 1, head ")


@pytest.mark.parametrize("position", ["0", "x"])
def test_a_position_is_a_number(position: str) -> None:
    assert CliRunner().invoke(build(), ["verify", "again", position]).exit_code == 2
