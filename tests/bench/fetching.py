"""How fast films come out of an archive: Orthanc on this computer, by each protocol, searched and fetched.

    python -m tests.bench.fetching --films 1000

The last line (--json) holds, for each protocol, seconds of search and of fetching, films a second, and the ratio to
writing the same files without any archive.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from cxr_explorer.files import atomic_write
from cxr_explorer.hospital.archive import KINDS, Archive, Kind, Query
from cxr_explorer.hospital.fetching import FetchReport, Wanted, count, fetch
from cxr_explorer.hospital.permission import Permission
from tests.hospital.orthanc import OWN_TITLE, PASSWORD, TITLE, USER, Orthanc, film, running
from tests.images.dicom_files import file_of


def archive_of(orthanc: Orthanc, kind: Kind) -> Archive:
    if kind == "dicomweb":
        return Archive(kind, orthanc.url, encrypted=False, user=USER, password=PASSWORD)
    return Archive(kind, orthanc.place, TITLE, OWN_TITLE, orthanc.own_port, encrypted=False)


def run(films: int) -> dict[str, dict[str, float]]:
    """Fills an archive, one film a study, and empties it by each protocol."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name, running(Path(name) / "orthanc") as orthanc:
        home = Path(name)
        os.environ["XDG_DATA_HOME"] = str(home / "data")
        start = time.perf_counter()
        for number in range(films):
            with atomic_write(home / f"{number}.dcm") as stream:
                stream.write(file_of(film(f"P{number}", "20240301", seed=number % 8)))
        written = time.perf_counter() - start
        for path in home.glob("*.dcm"):
            orthanc.ask("/instances", path.read_bytes())
        for kind in KINDS:
            archive = archive_of(orthanc, kind)
            permission = Permission(archive.kind, archive.address)
            start = time.perf_counter()
            *_, counted = count(archive, permission, Query())
            searched = time.perf_counter() - start
            start = time.perf_counter()
            *_, report = fetch(archive, permission, Wanted(Query(), home / kind))
            seconds = time.perf_counter() - start - searched
            assert isinstance(report, FetchReport) and counted == report.stored == films, (kind, counted, report)
            found[kind] = {
                "search_s": round(searched, 2),
                "fetch_s": round(seconds, 2),
                "films_a_second": round(films / seconds, 1),
                "ratio_to_writing": round(seconds / written, 2),
            }
    return found


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    chosen = parser.parse_args()
    found = run(chosen.films)
    if chosen.json:
        print(json.dumps(found))
        return
    for kind, figures in found.items():
        print(kind, figures)


if __name__ == "__main__":
    main()
