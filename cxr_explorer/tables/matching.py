"""Which image of a project does a file name in somebody's table mean, or an image of somebody's project?"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cxr_explorer.tables.texts import Texts

_SEVERAL = "\0"  # no spelling of a file
# A letter first, so that the last part of a DICOM UID used as a file name ("1.2.840.113619") is no extension.
_EXTENSION = re.compile(r"\.[a-z][a-z0-9]{0,4}$")


@dataclass(frozen=True)
class Matching:
    """The outcome of `match_files`; every file of the table is in exactly one of the three.

    Attributes:
        matched: File of the table -> the one file of the project it means. Two share a project file only where they
            are two spellings of one path ("./A.png" and "a.png").
        unmatched: Files of the table that no file of the project resembles.
        ambiguous: File of the table -> the files of the project it may mean. A single candidate stands here when
            another file of the table has a better or an equal claim to it.
    """

    matched: dict[str, str]
    unmatched: Sequence[str]
    ambiguous: dict[str, tuple[str, ...]]


def match_files(table_files: Iterable[str], project_files: Iterable[str]) -> Matching:
    """Find the image each file name of a table means, never guessing between two.

    Tried in this order, the first that finds anything decides:

    1. the same path;
    2. one path ends with the other, folder by folder ("CheXpert-v1.0/train/p1/a.jpg" and "p1/a.jpg"); of several such
       files the one that agrees over most folders;
    3. the same file name in other folders;
    4. and 5. like 2 and 3, with the extension left off.

    From 2 on, upper and lower case, "\\" and "/", and the two ways to write an accented letter are the same. 3 and 5
    apply only to names that occur once in the table: a table with two files "view1.jpg" tells them apart by folder.

    Args:
        table_files: Files as the table names them; repetitions are ignored.
        project_files: Paths relative to the project's folder, with "/".
    """
    project_keys = {file: _comparable(file) for file in project_files}
    files = table_files if isinstance(table_files, Texts) else list(dict.fromkeys(table_files))
    table_keys, foreign = _alike(files, project_keys)
    spelling = dict(table_keys)  # files of one spelling are one file: "./A.png" and "a.png"
    matched = {file: file for file in table_keys if file in project_keys}
    ambiguous: dict[str, tuple[str, ...]] = {}
    rest = [file for file in table_keys if file not in matched]
    one_each = list({key: file for file, key in spelling.items()}.values())
    claims = {file: spelling[file] for file in matched}  # project file -> the one spelling that claims it
    for with_extension in (True, False):
        if not with_extension and rest:
            table_keys = {file: _stem(key) for file, key in table_keys.items()}
            project_keys = {file: _stem(key) for file, key in project_keys.items()}
        for search in (_search_suffixes, _search_names):
            found = search(table_keys, one_each, rest, project_keys)
            for file, candidates in found.items():
                if len(candidates) == 1 and claims.setdefault(candidates[0], spelling[file]) != spelling[file]:
                    claims[candidates[0]] = _SEVERAL
            for file, candidates in found.items():
                if len(candidates) == 1 and claims[candidates[0]] == spelling[file]:
                    matched[file] = candidates[0]
                else:
                    ambiguous[file] = candidates
            rest = [file for file in rest if file not in found]
    if isinstance(files, Texts):
        left = set(rest)
        rows = [row for row, file in enumerate(files) if file in left] if left else []
        return Matching(matched, files.take(np.sort(np.array([*foreign, *rows], np.int64))), ambiguous)
    unmatched = {*rest, *(files[row] for row in foreign)}
    return Matching(matched, tuple(file for file in files if file in unmatched), ambiguous)


def _alike(files: Sequence[str], project_keys: Mapping[str, str]) -> tuple[dict[str, str], array[int]]:
    """Comparable form of the files that have a name of the project's, extension aside; and the rows of all others.

    Whatever is tried below, only the former can mean anything: of a table of millions no more is kept.
    """
    names = {_stem(_name(key)) for key in project_keys.values()}
    alike: dict[str, str] = {}
    foreign = array("q")
    for row, file in enumerate(files):
        key = _comparable(file)
        if _stem(_name(key)) in names:
            alike[file] = key
        else:
            foreign.append(row)
    return alike, foreign


@dataclass(frozen=True)
class ImageMatching:
    """The outcome of `match_images`; every file of theirs is in exactly one of the five.

    Attributes:
        by_content: Their file -> our file with the very same bytes.
        by_name: Their file -> our file of that name, where the content of one of the two is not known.
        other_content: Their file -> our file of that name, whose content is another one: perhaps another picture.
        unmatched: Their files that no file of ours resembles.
        ambiguous: Their file -> our files it may be.
    """

    by_content: dict[str, str]
    by_name: dict[str, str]
    other_content: dict[str, str]
    unmatched: Sequence[str]
    ambiguous: dict[str, tuple[str, ...]]


def match_images(theirs: Mapping[str, str | None], ours: Mapping[str, str | None]) -> ImageMatching:
    """Find the image each file of another project is: by content where that is known, else by name as `match_files`.

    Of several files with the same content the one of that name is meant; where the name does not tell, none is.

    Args:
        theirs: Path -> digest of the content, or None where it is not known.
        ours: The same of our files.
    """
    same = _by_digest(ours)
    named = match_files(theirs, ours)
    by_content: dict[str, str] = {}
    ambiguous: dict[str, tuple[str, ...]] = {}
    for digest, files in _by_digest(theirs).items():
        candidates = same.get(digest)
        if candidates is None:
            continue
        if len(files) == 1 and len(candidates) == 1:
            by_content[files[0]] = candidates[0]
            continue
        group = match_files(files, candidates)
        by_content.update(group.matched)
        ambiguous.update({file: candidates for file in files if file not in group.matched})
    claimed = set(by_content.values())
    by_name: dict[str, str] = {}
    other_content: dict[str, str] = {}
    for file, ours_file in named.matched.items():
        if file in by_content or file in ambiguous:
            continue
        if ours_file in claimed:
            ambiguous[file] = (ours_file,)
        elif theirs[file] is not None and ours[ours_file] is not None:
            other_content[file] = ours_file
        else:
            by_name[file] = ours_file
    settled = {*by_content, *ambiguous}
    ambiguous.update({file: files for file, files in named.ambiguous.items() if file not in settled})
    unmatched = tuple(file for file in named.unmatched if file not in settled)
    return ImageMatching(by_content, by_name, other_content, unmatched, ambiguous)


def _by_digest(files: Mapping[str, str | None]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for file, digest in files.items():
        if digest is not None:
            groups.setdefault(digest, []).append(file)
    return {digest: tuple(group) for digest, group in groups.items()}


def _stem(key: str) -> str:
    extension = _EXTENSION.search(key)
    return key[: extension.start()] if extension else key


def _comparable(file: str) -> str:
    """The path in the one form in which two spellings of it are equal."""
    file = file.strip().replace("\\", "/")
    if not file.isascii():
        file = unicodedata.normalize("NFC", unicodedata.normalize("NFC", file).casefold())
    else:
        file = file.lower()
    while file.startswith("./"):
        file = file[2:]
    return file.lstrip("/")


def _suffixes(key: str) -> Iterator[str]:
    """The path, then what is left of it as its folders go one after the other."""
    yield key
    start = key.find("/")
    while start != -1:
        yield key[start + 1 :]
        start = key.find("/", start + 1)


def _grouped(
    files: Mapping[str, str], names_of: Callable[[str], Iterable[str]], wanted: Container[str]
) -> dict[str, tuple[str, ...]]:
    """Wanted name -> the files that have it."""
    groups: dict[str, list[str]] = {}
    for file, key in files.items():
        for name in names_of(key):
            if name in wanted:
                groups.setdefault(name, []).append(file)
    return {name: tuple(group) for name, group in groups.items()}


def _search_suffixes(
    table_keys: Mapping[str, str], _one_each: Iterable[str], files: Iterable[str], project_keys: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """File of the table -> the files of the project whose path and its own end alike, where there are any."""
    keys = {file: table_keys[file] for file in files if table_keys[file]}
    wanted = set(keys.values())
    beyond = _grouped(project_keys, _suffixes, wanted)  # the project's path is the longer one
    within = _grouped(project_keys, lambda key: (key,), set(project_keys.values()) - {""})
    found: dict[str, tuple[str, ...]] = {}
    for file, key in keys.items():
        candidates = within.get(key) or beyond.get(key)
        if candidates is None:
            candidates = next((within[ending] for ending in _suffixes(key) if ending in within), None)
        if candidates is not None:
            found[file] = candidates
    return found


def _search_names(
    table_keys: Mapping[str, str], one_each: Iterable[str], files: Iterable[str], project_keys: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """File of the table -> the files of the project with its name, for names that occur once in the table."""
    in_table = Counter(_name(table_keys[file]) for file in one_each)
    names = {file: _name(table_keys[file]) for file in files}
    wanted = {name for name in names.values() if name and in_table[name] == 1}
    in_project = _grouped(project_keys, lambda key: (_name(key),), wanted)
    return {file: in_project[name] for file, name in names.items() if name in in_project}


def _name(key: str) -> str:
    return key.rpartition("/")[2]
