"""Labels as DICOM structured reports, one document a film and reader."""
