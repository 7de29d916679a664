# pyright: basic
"""A real CT series as a hospital's PACS would hold it, with identities of its own for each demonstration."""

import io
import tarfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pydicom import dcmread, dcmwrite
from pydicom.uid import generate_uid

from radbridge.contracts.model.people import Patient


@dataclass(frozen=True, slots=True)
class CtSeries:
    """Files on disk and what identifies them. ``sop_instance_uids`` are in the order of ``paths``."""

    study_instance_uid: str
    series_instance_uid: str
    accession_number: str
    sop_class_uid: str
    sop_instance_uids: tuple[str, ...]
    paths: tuple[Path, ...]


def write_ct_series(folder: Path, *, patient: Patient, accession_number: str, study_instance_uid: str) -> CtSeries:
    """Write the 24 slices of a head phantom below ``folder``, told apart from every other run by new UIDs."""
    series_uid = generate_uid()
    uids: list[str] = []
    paths: list[Path] = []
    sop_class = ""
    archive = files("radbridge.cli.demo").joinpath("data/ct_head_phantom.tar.xz").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:xz") as slices:
        for member in slices:
            content = slices.extractfile(member)
            if content is None:
                continue
            ds = dcmread(io.BytesIO(content.read()))
            ds.StudyInstanceUID = study_instance_uid
            ds.SeriesInstanceUID = series_uid
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            ds.AccessionNumber = accession_number
            ds.SpecificCharacterSet = "ISO_IR 192"
            ds.PatientName = patient.name or ""
            ds.PatientID = patient.imaging_number or ""
            ds.PatientBirthDate = patient.birth_date.strftime("%Y%m%d") if patient.birth_date else ""
            path = folder / f"{len(paths) + 1:03}.dcm"
            dcmwrite(path, ds, enforce_file_format=True)
            uids.append(ds.SOPInstanceUID)
            paths.append(path)
            sop_class = ds.SOPClassUID
    return CtSeries(study_instance_uid, series_uid, accession_number, sop_class, tuple(uids), tuple(paths))
