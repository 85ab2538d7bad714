"""From the hospital: films out of its archive, by DICOMweb or DICOM's own protocol, and out of a ZIP archive.

The only room that opens a connection to another computer, and only where the reader has switched that on for the
project, see `permission`.
"""
