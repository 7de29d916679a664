"""DICOM objects: received, indexed, kept and served."""
