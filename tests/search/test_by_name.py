"""The order of files."""

from pathlib import Path

from cxr_explorer.search.by_name import ids_by_name
from tests.project.projects import new_project


def test_images_are_ordered_by_their_paths(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        names = ["b/2.png", "ä.png", "B/1.png", "b/10.png", "a.png", "𝔞.png"]
        project.db.conn.executemany("UPDATE images SET path = ? WHERE id = ?", zip(names, range(1, 7), strict=True))
        paths = project.paths()
        assert ids_by_name(project).tolist() == sorted(paths, key=lambda image_id: paths[image_id])
        project.db.execute("DELETE FROM images")
        assert ids_by_name(project).size == 0
