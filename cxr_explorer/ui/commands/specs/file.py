"""Folder, project, tables."""

from __future__ import annotations

from cxr_explorer.ui.commands.need import MAP, PROJECT, Need
from cxr_explorer.ui.commands.specs.spec import Spec

IMPORTED_FACTS = Need("no facts have been taken from a table")

SPECS: tuple[Spec, ...] = (
    Spec("open_folder", "&File", "&Open folder…", "Open a folder of radiographs", ("Ctrl+O",)),
    Spec("open_project", "&File", "Open &project…", "Open a project file (.cxr)", ("Ctrl+Shift+O",)),
    Spec("open_recent", "&File", "Open rece&nt", "List the projects opened lately, with date and progress"),
    Spec(
        "unpack",
        "&File",
        "Unpack a &ZIP archive…",
        "Unpack the films of a ZIP archive, such as the copy of a disc, into a folder beside it, and open that",
    ),
    Spec("demo", "&File", "Try the &demo", "Open a set of simulated radiographs"),
    Spec(
        "close_project",
        "&File",
        "&Close project",
        "Close the project and go back to the start page; everything is stored already",
        ("Ctrl+W",),
        PROJECT,
    ),
    Spec(
        "rescan",
        "&File",
        "&Look for new images",
        "Look for new images in the folder and analyse them",
        ("F5",),
        PROJECT,
        separated=True,
    ),
    Spec(
        "fetch",
        "&File",
        "Fetch from the arc&hive…",
        "Fetch films from the hospital's archive into the project's folder; off until you allow it for this project",
        (),
        PROJECT,
    ),
    Spec(
        "similar_to_file",
        "&File",
        "&Find images like a file…",
        "Show the images most like an image file; dropping it on the window does the same",
        (),
        MAP,
    ),
    Spec(
        "unreadable", "&File", "&Unreadable files…", "List the files that could not be read, with reasons", (), PROJECT
    ),
    Spec(
        "import_labels",
        "&File",
        "&Import labels…",
        "Import labels from CSV, Parquet or Label Studio, after a preview",
        ("Ctrl+I",),
        PROJECT,
        separated=True,
    ),
    Spec(
        "import_facts",
        "&File",
        "Import &facts of images…",
        "Import views, sexes, ages, makers, patients from a CSV of any columns, after a preview",
        ("Ctrl+Shift+I",),
        PROJECT,
    ),
    Spec(
        "clear_facts",
        "&File",
        "Forget i&mported facts…",
        "Forget facts that came from a table; what the image files say stays",
        (),
        IMPORTED_FACTS,
    ),
    Spec(
        "export_labels",
        "&File",
        "&Export labels…",
        "Write the labels as a table, for other programs, or as a data set",
        ("Ctrl+E",),
        PROJECT,
    ),
    Spec(
        "report",
        "&File",
        "&Report…",
        "Write a report: map, labels, audits, clusters, provenance, in one HTML file",
        ("Ctrl+Shift+R",),
        PROJECT,
    ),
    Spec(
        "progress",
        "&File",
        "Pro&gress",
        "Show how far you have come, in how many decisions, and in what time",
        ("Ctrl+Shift+P",),
        PROJECT,
    ),
    Spec("quit", "&File", "&Quit", "Close the window; everything is stored already", ("Ctrl+Q",), separated=True),
)
