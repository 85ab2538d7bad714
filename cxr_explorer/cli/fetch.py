"""`fetch` and `unpack`: films out of a hospital's archive, and out of a ZIP archive, into a folder."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cxr_explorer.cli.arguments import DONE, WRONG_USAGE, Command, add_json
from cxr_explorer.cli.progress_line import ProgressLine
from cxr_explorer.errors import UserError
from cxr_explorer.files import make_private_folder
from cxr_explorer.hospital import fetching, permission
from cxr_explorer.hospital.archive import OWN_PORT, OWN_TITLE, Archive, Kind, Query
from cxr_explorer.hospital.fetching import FetchReport, Wanted
from cxr_explorer.hospital.unpacking import Unpacked, unpack
from cxr_explorer.images.kinds import describe_left_out
from cxr_explorer.labels.texts import images_text
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.pace import Progress
from cxr_explorer.project.project import Project
from cxr_explorer.worker import Job

PASSWORD = "CXR_ARCHIVE_PASSWORD"


def add_commands(command: Command) -> None:
    fetch = command("fetch", _fetch, "Fetch films from a hospital's archive into a folder; off until you allow it.")
    fetch.add_argument("folder", type=Path, help="where the films go; made where it is not there")
    fetch.add_argument("--project", type=Path, help="project file (default: in the user's data folder)")
    _add_archive(fetch)
    _add_query(fetch)
    fetch.add_argument("--count", action="store_true", help="say how many films there are, and fetch none")
    fetch.add_argument("--test", action="store_true", help="ask whether the archive answers (C-ECHO), and no more")
    fetch.add_argument(
        "--keep-identity", action="store_true", help="leave names, numbers and dates in the files (default: pseudonyms)"
    )
    fetch.add_argument("--key", type=Path, metavar="FILE", help="key of the pseudonyms (default: your own)")
    add_json(fetch)

    unpacked = command("unpack", _unpack, "Unpack the films of a ZIP archive into a folder beside it.")
    unpacked.add_argument("archive", type=Path, help="the ZIP archive")
    unpacked.add_argument("--to", type=Path, metavar="FOLDER", help="another folder")
    add_json(unpacked)


def _add_archive(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the archive (default: the one this project was allowed last)")
    where = group.add_mutually_exclusive_group()
    where.add_argument("--dicomweb", metavar="URL", help="by DICOMweb: https://pacs.hospital.example/dicom-web")
    where.add_argument("--pacs", metavar="HOST:PORT", help="by DICOM's own protocol, with --title")
    group.add_argument("--title", default="", help="the archive's AE title")
    group.add_argument("--own-title", default=OWN_TITLE, help=f"this program's AE title (default: {OWN_TITLE})")
    group.add_argument("--move", action="store_true", help="have films sent by C-MOVE (default: C-GET)")
    group.add_argument(
        "--own-port", type=int, default=OWN_PORT, help=f"where C-MOVE's films arrive (default: {OWN_PORT})"
    )
    group.add_argument(
        "--user",
        default="",
        help=f"where the archive asks for one; the password is asked for, or taken from ${PASSWORD}",
    )
    group.add_argument("--no-tls", action="store_true", help="allow an unencrypted connection, in a trusted network")
    group.add_argument("--authorities", metavar="PEM", default="", help="certificates to trust beside the system's")
    group.add_argument("--certificate", metavar="PEM", default="", help="this program's own certificate and key")
    group.add_argument("--allow-network", action="store_true", help="switch fetching on for this project and archive")
    group.add_argument("--forbid-network", action="store_true", help="switch it off, and do no more")


def _add_query(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which films")
    group.add_argument("--since", default="", metavar="YYYY-MM-DD", help="first day of the studies")
    group.add_argument("--until", default="", metavar="YYYY-MM-DD", help="last day of the studies")
    group.add_argument("--modality", nargs="+", default=["CR", "DX"], metavar="CODE", help="default: CR DX")
    group.add_argument("--body-part", default="", metavar="TERM", help="such as CHEST; those that do not say come too")


def _fetch(chosen: argparse.Namespace) -> int:
    query = Query(
        tuple(code.upper() for code in chosen.modality),
        chosen.since.replace("-", ""),
        chosen.until.replace("-", ""),
        chosen.body_part.upper(),
    )
    query.check()
    with _project_of(chosen.folder, chosen.project) as project:
        if chosen.forbid_network:
            permission.forbid(project)
            print("Fetching is switched off for this project.")
            return DONE
        archive = _archive(chosen) or permission.allowed_archive(project)
        if archive is None:
            print("cxr-explorer fetch: name the archive, with --dicomweb URL or --pacs HOST:PORT", file=sys.stderr)
            return WRONG_USAGE
        granted = (permission.allow if chosen.allow_network else permission.permission_for)(project, archive)
        path, default = project.path, chosen.project is None
    archive = _with_password(archive, chosen.user)
    if chosen.test:
        print(_drive(fetching.test_connection, archive, granted))
        return DONE
    if chosen.count:
        found = _drive(fetching.count, archive, granted, query)
        print(json.dumps({"found": found}) if chosen.json else f"{images_text(found)} in the archive.")
        return DONE
    wanted = Wanted(query, chosen.folder, chosen.keep_identity, chosen.key)
    report: FetchReport = _drive(fetching.fetch, archive, granted, wanted)
    if chosen.json:
        print(json.dumps({**asdict(report), "folder": str(chosen.folder)}))
        return DONE
    print(fetching.describe(report))
    words = ["cxr-explorer", "index", str(chosen.folder), *([] if default else ["--project", str(path)])]
    print(f"They lie in {chosen.folder}. Analyse them: {shlex.join(words)}")
    return DONE


def _project_of(folder: Path, path: Path | None) -> Project:
    try:
        make_private_folder(folder)
    except OSError as error:
        raise UserError(f"Cannot make the folder {folder}: {error.strerror or error}. Choose another.") from error
    return Project.of_folder(folder, path, bundled_vocabularies()[0])


def _archive(chosen: argparse.Namespace) -> Archive | None:
    if chosen.dicomweb is None and chosen.pacs is None:
        return None
    kind: Kind = "dicomweb" if chosen.dicomweb else "c-move" if chosen.move else "c-get"
    return Archive(
        kind,
        chosen.dicomweb or chosen.pacs,
        chosen.title,
        chosen.own_title,
        chosen.own_port,
        not chosen.no_tls,
        chosen.authorities,
        chosen.certificate,
    )


def _with_password(archive: Archive, user: str) -> Archive:
    """Asked for each time: it is kept nowhere."""
    if not user:
        return archive
    password = os.environ.get(PASSWORD)
    if password is None:
        if not sys.stdin.isatty():
            raise UserError(f"Nobody is there to be asked for the password. Set {PASSWORD}.")
        password = getpass.getpass(f"Password of {user}: ")
    return replace(archive, user=user, password=password)


def _unpack(chosen: argparse.Namespace) -> int:
    done: Unpacked = _drive(unpack, chosen.archive, chosen.to)
    if chosen.json:
        left_out = {item.kind.name: item.count for item in done.left_out}
        print(json.dumps({**asdict(done), "folder": str(done.folder), "left_out": left_out}))
        return DONE
    print(f"{images_text(done.stored)} unpacked, {done.had:,} there before")
    if text := describe_left_out(done.left_out):
        print(f"  left out: {text}")
    print(f"They lie in {done.folder}. Analyse them: {shlex.join(['cxr-explorer', 'index', str(done.folder)])}")
    return DONE


def _drive(function: Callable[..., Iterable[Any]], *arguments: Any) -> Any:
    """Runs it in a child process, with a progress line; returns the last thing it yielded. Ctrl+C ends it at once."""
    job, line, answer = Job(function, *arguments), ProgressLine(), None
    try:
        while not job.finished:
            for item in job.receive(0.5):
                if isinstance(item, Progress):
                    line.show(item)
                else:
                    answer = item
    finally:
        job.cancel()
        line.end()
    return answer
