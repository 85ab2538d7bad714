"""Films from the hospital: out of its archive, out of a ZIP archive."""
