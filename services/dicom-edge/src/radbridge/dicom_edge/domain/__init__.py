"""Rules of DICOM itself: identity, data sets, statuses, queries and media types. Bytes in, values out; no I/O."""
