"""A process killed by SIGKILL while it receives: what it acknowledged is there, bit for bit, after the next start."""

import asyncio
import os
import signal
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from radbridge.dicom_edge.domain.part10 import read_file_meta
from radbridge.runtime.testing import eventually

PROGRAM = textwrap.dedent("""
    import asyncio, sys
    from pathlib import Path
    from radbridge.dicom_edge.main import SERVICE
    from radbridge.runtime.testing import running_service

    async def main():
        async with running_service(SERVICE, Path(sys.argv[1]), settings={"dicom_port": 0}) as running:
            known = running.resources.directory.by_id("h1")
            if known is None:
                await running.add_institution(institution_id="h1", code="HOSPITAL-A", ae_title="HOSPITAL_A")
            stats = (await running.admin.get("/api/dicom-edge/v1/stats")).json()
            print(stats["dicom_port"], flush=True)
            await asyncio.Event().wait()

    asyncio.run(main())
""")


async def start(folder: Path) -> tuple[asyncio.subprocess.Process, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        line = await process.stdout.readline()
    assert line, "the service did not start"
    return process, int(line)


def send_until_killed(sender: Any, ct: Any, files: list[bytes], process: Any, kill_after: int) -> list[bytes]:
    """Send by four associations at once; after so many answers the process is killed. Answers what was acknowledged."""
    acknowledged: list[bytes] = []
    counting, killed = threading.Lock(), threading.Event()

    def count(file: bytes) -> None:
        with counting:
            acknowledged.append(file)
            if len(acknowledged) >= kill_after and not killed.is_set():
                killed.set()
                os.kill(process.pid, signal.SIGKILL)

    def send(batch: list[bytes]) -> None:
        association = sender.associate([("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1")])
        for file in batch:
            if not association.is_established or ct.store_bytes(association, file) != 0x0000:
                return
            count(file)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, [files[n::4] for n in range(4)]))
    return acknowledged


@pytest.mark.faults
async def test_every_acknowledged_object_survives(tmp_path: Path, start_edge: Any, ct: Any) -> None:
    seed = Random().randrange(1 << 32)
    random = Random(seed)
    print(f"seed {seed}")
    folder = tmp_path / "suite"
    acknowledged: list[bytes] = []
    for _ in range(3):
        process, port = await start(folder)
        files = [ct.as_file(ct.image(PixelData=random.randbytes(512))) for _ in range(60)]
        kill_after = random.randrange(1, 50)
        acknowledged += await asyncio.to_thread(send_until_killed, ct.sender(port), ct, files, process, kill_after)
        await process.wait()
    async with start_edge() as edge:
        for file in acknowledged:
            uid = read_file_meta(file).sop_instance_uid
            path = f"/dicom-web/studies/1.2.3.4.5/series/1.2.3.4.5.1/instances/{uid}"
            given = await edge.admin.get(path, headers={"accept": "application/dicom"})
            assert given.status_code == 200, f"seed {seed}"
            assert ct.data_set(given.content) == ct.data_set(file), f"seed {seed}"
        stats = (await edge.admin.get("/api/dicom-edge/v1/stats")).json()
        assert stats["instances"] >= len(acknowledged)

        async def every_file_has_a_row() -> bool:
            on_volume = (await edge.admin.get("/api/dicom-edge/v1/stats")).json()["instances_on_volume"]
            files = [path.suffix for path in (folder / "dicom-edge" / "objects").rglob("*.*")]
            return files == [".dcm"] * on_volume

        await eventually(every_file_has_a_row)
