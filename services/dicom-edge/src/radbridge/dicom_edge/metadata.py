"""Metadata of series, prepared once and kept sealed on the volume.

The files are a cache: each is bound to its series, holds one line for each object, and is made again or completed when
the index names other objects than it holds.
"""

import asyncio
import hashlib
import logging
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex

import orjson

from radbridge.dicom_edge.domain.dataset import DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA, Buffer, tag_text
from radbridge.dicom_edge.domain.json_model import JsonDataSet, data_set_json, json_element
from radbridge.dicom_edge.domain.transfer_syntaxes import encoding_of
from radbridge.dicom_edge.objects import Objects
from radbridge.dicom_edge.store import Instance
from radbridge.runtime.security.keyring import Keyring, SealError

BASE = "urn:radbridge:dicom-web"
"""Stands in prepared metadata for the address that the reader used."""
_AT_ONCE = 8

_log = logging.getLogger(__name__)


def instance_path(study_uid: str, series_uid: str, sop_instance_uid: str) -> str:
    """Path of an object below the DICOMweb root."""
    return f"/studies/{study_uid}/series/{series_uid}/instances/{sop_instance_uid}"


class PreparedMetadata:
    """DICOM JSON of objects."""

    def __init__(self, objects: Objects, keyring: Keyring, folder: Path) -> None:
        self._objects = objects
        self._keyring = keyring
        self._folder = folder

    def prepare(self) -> None:
        """Make the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)

    async def of_series(self, study_uid: str, instances: Sequence[Instance]) -> list[bytes]:
        """Metadata of each object of one series, in the order given, as JSON with ``BASE`` for addresses."""
        first = instances[0]
        place = f"dicom-edge/metadata/{first.study_id}/{first.series_uid}"
        path = self._folder / f"{hashlib.sha256(place.encode()).hexdigest()}.sealed"
        known = await asyncio.to_thread(self._load, path, place)
        missing = [instance for instance in instances if instance.object_name not in known]
        for start in range(0, len(missing), _AT_ONCE):
            batch = missing[start : start + _AT_ONCE]
            made = await asyncio.gather(*(self.of_instance(study_uid, instance) for instance in batch))
            known.update(zip((instance.object_name for instance in batch), made, strict=True))
        if missing:
            lines = {instance.object_name: known[instance.object_name] for instance in instances}
            await asyncio.to_thread(self._save, path, place, first.institution_id, lines)
        return [known[instance.object_name] for instance in instances]

    async def of_instance(self, study_uid: str, instance: Instance) -> bytes:
        """Metadata of one object."""
        header = await self._objects.header(instance)
        return await asyncio.to_thread(_metadata, header, study_uid, instance)

    def _load(self, path: Path, place: str) -> dict[str, bytes]:
        try:
            clear = zlib.decompress(self._keyring.open_bytes(path.read_bytes(), place=place))
        except FileNotFoundError:
            return {}
        except (SealError, zlib.error, OSError):
            _log.warning("prepared metadata is made again")
            return {}
        return dict(_line(line) for line in clear.split(b"\n") if line)

    def _save(self, path: Path, place: str, institution_id: str, lines: dict[str, bytes]) -> None:
        clear = b"\n".join(name.encode() + b"\t" + line for name, line in lines.items())
        draft = path.with_suffix(f".{token_hex(4)}")
        try:
            sealed = self._keyring.seal_bytes(institution_id, "patient", zlib.compress(clear, 1), place=place)
            draft.write_bytes(sealed)
            os.replace(draft, path)  # noqa: PTH105 (replaces whatever another request saved)
        except (OSError, SealError):
            _log.warning("prepared metadata could not be kept")
            draft.unlink(missing_ok=True)


def _line(line: bytes) -> tuple[str, bytes]:
    name, _, metadata = line.partition(b"\t")
    return name.decode("ascii"), metadata


def _metadata(header: Buffer, study_uid: str, instance: Instance) -> bytes:
    base = f"{BASE}{instance_path(study_uid, instance.series_uid, instance.sop_instance_uid)}/bulkdata/"
    encoding = encoding_of(instance.transfer_syntax_uid, bytes(header[:8]))
    data_set: JsonDataSet = data_set_json(header, encoding, bulk_data_uri=base.__add__)
    data_set["00083002"] = json_element("UI", instance.transfer_syntax_uid)
    if instance.pixel_tag:
        tag = tag_text(instance.pixel_tag)
        data_set[tag] = {"vr": _pixel_vr(instance), "BulkDataURI": base + tag}
    # all text is UTF-8 here, whatever the object declares
    data_set["00080005"] = json_element("CS", "ISO_IR 192")
    return orjson.dumps(dict(sorted(data_set.items())))


def _pixel_vr(instance: Instance) -> str:
    if instance.pixel_tag == FLOAT_PIXEL_DATA:
        return "OF"
    if instance.pixel_tag == DOUBLE_FLOAT_PIXEL_DATA:
        return "OD"
    return "OB" if instance.encapsulated or instance.bits_allocated <= 8 else "OW"
