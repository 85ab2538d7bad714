"""What a label table would bring into a project, told before anything is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from cxr_explorer.project.labelling import Incoming, rows_to_import
from cxr_explorer.project.project import Project
from cxr_explorer.project.readers.agreement import known_findings
from cxr_explorer.tables.matching import match_files
from cxr_explorer.tables.read import reading_labels

LISTED = 5_000
"""Lines of a preview that are shown; all are counted."""


@dataclass(frozen=True, eq=False)
class Preview:
    """What a table would bring, before anything is stored.

    Attributes:
        format: The form it is in.
        files: Number of images it lists.
        findings: The findings it speaks of.
        new_findings: Those that are in no known vocabulary, and were not in the project.
        matched: Files that are images of the project.
        unmatched: Files that are not.
        ambiguous: Files that may mean several images, which are left out.
        contradicting: Images of which it says things that cannot both be, which are left out.
        readers: Whom it names.
        rows: The labels to store.
        problems: What could not be used, a sentence each.
        lines: (what, in the table, in the project), the first of them: what needs a look first.
        count: How many lines there are.
    """

    format: str
    files: int
    findings: tuple[str, ...]
    new_findings: tuple[str, ...]
    matched: int
    unmatched: int
    ambiguous: int
    contradicting: int
    readers: tuple[str, ...]
    rows: Incoming
    problems: tuple[str, ...]
    lines: tuple[tuple[str, str, str], ...]
    count: int


def examined_labels(path: Path, project_path: Path, reader: str) -> Iterator[float | Preview]:
    """Reads a table; for a child process. Yields the share that is done, at last the preview.

    Args:
        path: The table.
        project_path: The project.
        reader: Who a label is by where the table does not say.

    Raises:
        UserError: The table or the project cannot be read.
    """
    with Project.open_read_only(project_path) as project:
        known, paths, vocabulary = known_findings(project), list(project.paths().values()), project.vocabulary
    table = yield from reading_labels(path, known, vocabulary)
    matching = match_files(table.files, paths)
    rows = rows_to_import(table, matching, reader, vocabulary)
    problems = (*table.problems, *rows.problems)
    lines = chain(
        (("new finding", finding, "in no known vocabulary: is it one?") for finding in table.new_findings),
        (("problem", "", problem) for problem in problems),
        (("left out", file, "could be " + ", ".join(files)) for file, files in matching.ambiguous.items()),
        (("not here", file, "no such image in this project") for file in matching.unmatched),
        (("matched", file, image) for file, image in matching.matched.items()),
    )
    yield Preview(
        format=table.format,
        files=len(table.files),
        findings=table.findings,
        new_findings=table.new_findings,
        matched=len(matching.matched),
        unmatched=len(matching.unmatched),
        ambiguous=len(matching.ambiguous),
        contradicting=table.contradicting + rows.contradicting,
        readers=tuple(sorted(table.rows.readers)),
        rows=rows,
        problems=problems,
        lines=tuple(islice(lines, LISTED)),
        count=len(table.new_findings) + len(problems) + len(table.files),
    )
