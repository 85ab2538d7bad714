"""Which films a run takes: a folder, a prefix of a store, a list."""

from pathlib import Path

import fsspec
import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.images.scan import scan
from cxr_explorer.shards.films import find_films
from tests.shards.films import draw, draw_films


def test_a_folder_is_scanned_as_the_program_scans_it(tmp_path: Path) -> None:
    draw_films(tmp_path, 6)
    (tmp_path / "notes.txt").write_text("no image")
    films = find_films(str(tmp_path))
    assert films.prefix == str(tmp_path)
    assert films.files == tuple(scan(tmp_path))
    assert find_films(f"file://{tmp_path}").files == films.files


def test_a_prefix_of_a_store_gives_the_same_paths_as_a_folder(tmp_path: Path) -> None:
    draw_films(tmp_path, 6)
    draw(tmp_path / "without.png", 9)
    (tmp_path / "without.png").rename(tmp_path / "IM0001")
    (tmp_path / ".hidden.png").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("no image")
    store = fsspec.filesystem("memory")
    for path in tmp_path.rglob("*"):
        if path.is_file():
            store.pipe_file(f"/prefix{tmp_path}/{path.relative_to(tmp_path).as_posix()}", path.read_bytes())
    films = find_films(f"memory://prefix{tmp_path}/")
    expected = {file.path: file.size_bytes for file in scan(tmp_path)}
    assert {file.path: file.size_bytes for file in films.files} == expected
    assert "IM0001" in expected
    assert all(file.mtime_ns > 0 for file in films.files)


def test_a_list_names_paths_from_where_it_lies(tmp_path: Path) -> None:
    draw_films(tmp_path / "films", 6)
    names = ["films/a/01.png", str(tmp_path / "films/b/c/00.png"), "films/gone.png"]
    (tmp_path / "list.txt").write_text("\n".join(names) + "\n\n")
    films = find_films(str(tmp_path / "list.txt"))
    assert films.prefix == str(tmp_path)
    assert [file.path for file in films.files] == ["films/a/01.png", "films/b/c/00.png", "films/gone.png"]
    assert films.files[0].size_bytes == (tmp_path / "films/a/01.png").stat().st_size
    assert (films.files[2].size_bytes, films.files[2].mtime_ns) == (0, 0)


def test_a_list_of_films_elsewhere_has_their_common_place(tmp_path: Path) -> None:
    films = draw_films(tmp_path / "films", 6)
    (tmp_path / "lists").mkdir()
    there = tmp_path / "lists" / "list.txt"
    there.write_text(f"{films}/a/01.png\n{films}/b/c/00.png\n")
    found = find_films(str(there))
    assert (found.prefix, [file.path for file in found.files]) == (str(films), ["a/01.png", "b/c/00.png"])
    fsspec.filesystem("memory").pipe_file("/bucket/x/1.png", b"1")
    there.write_text("memory://bucket/x/1.png\nmemory://bucket/y/2.png\n")
    found = find_films(str(there))
    assert (found.prefix, [(file.path, file.size_bytes) for file in found.files]) == (
        "memory://bucket",
        [("x/1.png", 1), ("y/2.png", 0)],
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.png\nb.png\na.png\n", "twice"),
        ("memory://x/a.png\n/films/b.png\n", "several stores"),
        ("\n\n", "No images"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(UserError, match=said):
        find_films(str(tmp_path / "list.txt"))


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    for where in (str(tmp_path / "nowhere"), str(tmp_path), "memory://nothing/there", "nonsense://films"):
        with pytest.raises(UserError):
            find_films(where)
