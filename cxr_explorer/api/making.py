"""Opening a project, and making one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

from cxr_explorer.api.opened import OpenProject
from cxr_explorer.labels.reader_names import check_reader
from cxr_explorer.labels.vocabulary import Vocabulary, bundled_vocabularies
from cxr_explorer.pace import Progress
from cxr_explorer.project.project import Project

READER = "reader 1"
"""The reader where none is named, as in the window and on the command line."""


def open_project(path: str | PathLike[str], *, reader: str = READER, read_only: bool = False) -> OpenProject:
    """Opens a project file (.cxr).

    A project that is open for writing is locked: no window, command or other notebook can open it for writing until it
    is closed. To look at a project while a window works on it, open it with `read_only=True`. As in the window, the
    backup of the day is made first where it is due, and a file of an older version is brought up to date.

    Args:
        path: The file.
        reader: Under whose name labels are given, and asked for, where no reader is named.
        read_only: Opens it to read alone: no lock, and nothing can be labelled.

    Raises:
        UserError: Not there, not a project, made by a newer version, damaged, not writable, or open elsewhere; or the
            name is no reader's.
    """
    name, path = check_reader(reader), Path(path)
    return OpenProject(Project.open_read_only(path) if read_only else Project.open(path), name, read_only)


def create_project(
    folder: str | PathLike[str],
    path: str | PathLike[str] | None = None,
    *,
    findings: Sequence[str] | None = None,
    reader: str = READER,
    encoder: str | PathLike[str] | None = None,
    device: str = "auto",
    progress: Callable[[Progress], object] | None = None,
    embeddings: str | PathLike[str] | None = None,
    model: str | None = None,
) -> OpenProject:
    """Analyses a folder of radiographs and builds its map, as `cxr-explorer index` does; returns the project, open.

    Where the folder has a project already it is opened and brought up to date, and keeps its labels. What an
    interrupted call has done is kept, and the next one goes on from there; see `OpenProject.index`.

    Args:
        folder: The image folder. It is only ever read.
        path: The project file; None for the place where the window looks for the folder's project.
        findings: Names of the findings to work with, for a new project; None for the 14 of NIH ChestX-ray14.
        reader: See `open_project`.
        encoder: Name of a bundled encoder, or the folder of one; None for the default one.
        device: "auto", "cpu", "cuda" or "mps".
        progress: Called about twice a second with a `Progress`: stage in words, done, total, seconds left.
        embeddings: A file of embeddings that another model made, instead of an encoder, see `OpenProject.index`.
        model: Name of that model.

    Raises:
        UserError: There is no such folder or nothing to analyse in it, the file is another folder's project, a name is
            no reader's or cannot be a finding's, or as `open_project` and `OpenProject.index` do.
    """
    name = check_reader(reader)
    vocabulary = bundled_vocabularies()[0] if findings is None else Vocabulary("Own", tuple(findings))
    project = OpenProject(Project.of_folder(Path(folder), None if path is None else Path(path), vocabulary), name)
    try:
        project.index(encoder=encoder, device=device, progress=progress, embeddings=embeddings, model=model)
    except BaseException:
        project.close()
        raise
    return project
