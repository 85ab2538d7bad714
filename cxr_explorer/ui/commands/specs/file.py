"""Folder, project, tables."""

from __future__ import annotations

from cxr_explorer.ui.commands.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec("open_folder", "&File", "&Open folder…", "Open a folder of radiographs", "open_folder", ("Ctrl+O",)),
    Spec("open_project", "&File", "Open &project…", "Open a project file (.cxr)", "open_project", ("Ctrl+Shift+O",)),
    Spec("demo", "&File", "Try the &demo", "Open a set of simulated radiographs", "open_demo"),
    Spec(
        "rescan",
        "&File",
        "&Look for new images",
        "Scan the folder again and embed what is new",
        "rescan",
        ("F5",),
        "project",
        separated=True,
    ),
    Spec(
        "similar_to_file",
        "&File",
        "&Find images like a file…",
        "Show the images most like an image file; dropping it on the window does the same",
        "finder.choose_file",
        (),
        "map",
    ),
    Spec(
        "unreadable",
        "&File",
        "&Unreadable files…",
        "List the files that could not be read, with reasons",
        "show_unreadable",
        (),
        "project",
    ),
    Spec(
        "import_labels",
        "&File",
        "&Import labels…",
        "Take in labels from a CSV, after a preview",
        "import_labels",
        ("Ctrl+I",),
        "project",
        separated=True,
    ),
    Spec(
        "import_facts",
        "&File",
        "Import &facts of images…",
        "Take in views, sexes, ages, makers, patients from a CSV of any columns, after a preview",
        "metadata.import_table",
        ("Ctrl+Shift+I",),
        "project",
    ),
    Spec(
        "clear_facts",
        "&File",
        "Forget i&mported facts…",
        "Forget facts that came from a table; what the image files say stays",
        "metadata.forget",
        (),
        "imported facts",
    ),
    Spec(
        "export_labels",
        "&File",
        "&Export labels…",
        "Write the labels as CSV",
        "export_labels",
        ("Ctrl+E",),
        "project",
    ),
    Spec(
        "report",
        "&File",
        "&Report…",
        "Write a report: map, labels, audits, clusters, provenance, in one HTML file",
        "progress_report.write_report",
        ("Ctrl+Shift+R",),
        "project",
    ),
    Spec(
        "progress",
        "&File",
        "Pro&gress",
        "Show how far you have come, in how many decisions, and in what time",
        "progress_report.show_progress",
        ("Ctrl+Shift+P",),
        "project",
    ),
    Spec(
        "quit", "&File", "&Quit", "Close the window; everything is stored already", "close", ("Ctrl+Q",), separated=True
    ),
)
