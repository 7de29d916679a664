"""The DICOM upper layer and DIMSE as a Service Class Provider: one blocking thread for each association.

pynetdicom's own reactor polls every millisecond in two threads for each association: a dozen idle ones were measured to
take 0.6 of a core and to hold up everything else in the process. Here an idle association is one thread asleep in
``recv``, an object streams from the socket to the disk without lying in memory, and a message is answered at once.
pynetdicom stays what requests associations (storage commitment reports).
"""
