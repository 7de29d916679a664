"""The HTTP edge: DICOMweb and the native API."""
