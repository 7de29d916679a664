"""Images received per second, against DCMTK's storescp on the same disk: ``python -m benchmarks.dicom_receive``.

DCMTK's storescu sends the same CT images (512 × 512, 16 bit) to both in turn, by one association and by four at once.
storescp writes files and answers; dicom-edge syncs each object, commits its index row and then answers. Best of the
rounds, which alternate, so that the machine's load weighs on both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from radbridge.dicom_edge.main import SERVICE
from radbridge.runtime.testing import running_service

IMAGES = 160
ROUNDS = 3
SERVE = "--serve"


def make_images(folder: Path, count: int) -> list[Path]:
    """Files of one new series."""
    study, series = generate_uid(), generate_uid()
    paths: list[Path] = []
    for number in range(count):
        data_set = Dataset()
        data_set.SOPClassUID = CTImageStorage
        data_set.SOPInstanceUID = generate_uid()
        data_set.StudyInstanceUID, data_set.SeriesInstanceUID = study, series
        data_set.StudyDate, data_set.Modality, data_set.InstanceNumber = "20240102", "CT", number
        data_set.PatientName, data_set.PatientID = "Bench^Mark", "B1"
        data_set.Rows = data_set.Columns = 512
        data_set.SamplesPerPixel, data_set.PhotometricInterpretation = 1, "MONOCHROME2"
        data_set.BitsAllocated = data_set.BitsStored = 16
        data_set.HighBit, data_set.PixelRepresentation = 15, 0
        data_set.PixelData = struct.pack("<H", number % 4096) * (512 * 512)
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / f"{number:04}.dcm"
        data_set.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def send(port: int, paths: list[Path], associations: int) -> float:
    """Seconds that storescu takes for all images, its start included."""
    tool = shutil.which("storescu")
    assert tool is not None
    options = ["-aet", "BENCH", "-aec", "RADBRIDGE", "-xe", "127.0.0.1", str(port)]

    def one(batch: list[Path]) -> None:
        environment = {**os.environ, "TCP_NODELAY": "1"}
        subprocess.run([tool, *options, *map(str, batch)], check=True, env=environment)

    began = time.perf_counter()
    with ThreadPoolExecutor(associations) as pool:
        list(pool.map(one, [paths[n::associations] for n in range(associations)]))
    return time.perf_counter() - began


async def serve(folder: Path) -> None:
    """The service in a process of its own; prints its port, ends with its input."""
    async with running_service(SERVICE, folder, settings={"dicom_port": 0}) as running:
        await running.add_institution(code="BENCH", ae_title="BENCH")
        print((await running.admin.get("/api/dicom-edge/v1/stats")).json()["dicom_port"], flush=True)
        await asyncio.to_thread(sys.stdin.read)


@asynccontextmanager
async def edge(folder: Path) -> AsyncGenerator[int]:
    """dicom-edge; answers its DICOM port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, SERVE, str(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def storescp(folder: Path) -> AsyncGenerator[int]:
    """DCMTK's storescp, a process for each association; answers its port."""
    await asyncio.to_thread(folder.mkdir)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        "storescp", "--fork", "-aet", "RADBRIDGE", "-od", str(folder), "-pdu", "131072", str(port),
        env={**os.environ, "TCP_NODELAY": "1"},
    )  # fmt: skip
    try:
        while await asyncio.to_thread(_refused, port):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        yield port
    finally:
        process.terminate()
        await process.wait()


def _refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def measure(images: int, rounds: int) -> dict[str, float]:
    """Images per second of both, and their ratio, by one association and by four."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "images").mkdir()
        async with edge(folder / "edge") as edge_port, storescp(folder / "storescp") as peer_port:
            figures: dict[str, float] = {}
            for associations in (1, 4):
                best: dict[str, float] = {}
                for _ in range(rounds):
                    paths = await asyncio.to_thread(make_images, folder / "images", images)
                    for name, port in (("storescp", peer_port), ("dicom_edge", edge_port)):
                        seconds = await asyncio.to_thread(send, port, paths, associations)
                        best[name] = min(seconds, best.get(name, seconds))
                for name, seconds in best.items():
                    figures[f"{name}_{associations}_images_per_second"] = round(images / seconds, 1)
                figures[f"ratio_{associations}"] = round(best["storescp"] / best["dicom_edge"], 3)
            return figures


def main(print_line: Callable[[str], None] = print) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    if shutil.which("storescu") is None or shutil.which("storescp") is None:
        print("DCMTK is not installed: nothing to compare with", file=sys.stderr)
        return 0
    figures = asyncio.run(measure(arguments.images, arguments.rounds))
    if arguments.json:
        print_line(json.dumps(figures))
    else:
        for name, value in figures.items():
            print_line(f"{name:36} {value}")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == [SERVE]:
        asyncio.run(serve(Path(sys.argv[2])))
    else:
        sys.exit(main())
