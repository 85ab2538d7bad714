"""Embeddings that another program made, as .npz, .csv and .parquet: what is taken, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.pace import run_out
from cxr_explorer.tables import embeddings as embeddings_module
from cxr_explorer.tables.embeddings import GivenEmbeddings, is_embeddings_file, reading_embeddings, stem_of

FILES = ["a/one.png", "two.png", "three.png"]
VECTORS = np.array([[1.0, 2.5], [-3.0, 0.0], [0.25, 7.0]])


def given(path: Path) -> GivenEmbeddings:
    return run_out(reading_embeddings(path))


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def check(found: GivenEmbeddings) -> None:
    assert list(found.files) == FILES
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, VECTORS.astype(np.float32))
    assert found.refused == 0


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", ">f8", "i2"])
def test_npz_of_any_kind_of_number(tmp_path: Path, kind: str) -> None:
    vectors = (VECTORS * 4).astype(kind)
    found = given(npz(tmp_path / "clip.npz", files=np.array(FILES), embeddings=vectors))
    np.testing.assert_array_equal(found.vectors, vectors.astype("f4"))
    assert found.lines.tolist() == [1, 2, 3]


@pytest.mark.parametrize(("files", "vectors"), [("file_names", "X"), ("Paths", "features"), ("image", "embedding")])
def test_obvious_other_names_are_known(tmp_path: Path, files: str, vectors: str) -> None:
    check(given(npz(tmp_path / "clip.npz", **{files: np.array(FILES), vectors: VECTORS, "epoch": np.array(3)})))


def test_arrays_in_fortran_order_and_names_as_bytes(tmp_path: Path) -> None:
    vectors = np.asfortranarray(VECTORS)
    check(given(npz(tmp_path / "clip.npz", files=np.array(FILES, "S"), embeddings=vectors)))


def test_large_files_come_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings_module, "PIECE", 2)
    path = tmp_path / "clip.npz"
    np.savez_compressed(path, files=np.array(FILES), embeddings=VECTORS)
    reading = reading_embeddings(path)
    assert [next(reading), next(reading)] == pytest.approx([2 / 3, 1])
    check(run_out(reading))


CSVS = {
    "header": "file,e0,e1\na/one.png,1,2.5\ntwo.png,-3,0\nthree.png,0.25,7\n",
    "numbered header, semicolons": "path;0;1\na/one.png;1;2.5\ntwo.png;-3;0\nthree.png;0.25;7\n",
    "pandas with an index": ",file,0,1\n0,a/one.png,1,2.5\n1,two.png,-3,0\n2,three.png,0.25,7\n",
    "columns in another order": "dim_1,dim_0,age,Image Index\n2.5,1,50,a/one.png\n0,-3,,two.png\n7,0.25,9,three.png\n",
    "numbers beside places on a map": "file,x,y,e0,e1\na/one.png,9,9,1,2.5\ntwo.png,9,9,-3,0\nthree.png,9,9,0.25,7\n",
    "no header": "a/one.png,1,2.5\ntwo.png,-3,0\nthree.png,0.25,7\n",
    "list": 'file,embedding\na/one.png,"[1, 2.5]"\ntwo.png,"[-3.0, 0]"\nthree.png,[ 0.25   7.0]\n',
    "list, no header": 'a/one.png,"[1, 2.5]"\ntwo.png,"[-3.0, 0]"\nthree.png,"[0.25, 7.0]"\n',
    "list under any name": "file,clip\na/one.png,1 2.5\ntwo.png,-3 0\nthree.png,0.25 7\n",
}


@pytest.mark.parametrize("content", CSVS.values(), ids=CSVS)
def test_csv_in_its_forms(tmp_path: Path, content: str) -> None:
    check(given(text(tmp_path / "clip.csv", content)))


def test_columns_that_are_no_part_of_the_embedding_are_named(tmp_path: Path) -> None:
    found = given(text(tmp_path / "clip.csv", CSVS["columns in another order"]))
    assert found.problems == ("Columns that are no part of the embeddings: age.",)


@pytest.mark.parametrize("form", ["list", "large list", "fixed", "numbers"])
def test_parquet_in_its_forms(tmp_path: Path, form: str) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns: dict[str, Any] = {"label": ["x", "y", "z"], "file_name": FILES}
    kinds = {
        "list": pa.list_(pa.float64()),
        "large list": pa.large_list(pa.float16()),
        "fixed": pa.list_(pa.float32(), 2),
    }
    if form == "numbers":
        columns |= {"emb_0": VECTORS[:, 0], "emb_1": VECTORS[:, 1]}
    else:
        rows = [row.astype(np.float16) for row in VECTORS] if form == "large list" else VECTORS.tolist()
        columns["image_embedding"] = pa.array(rows, kinds[form])
    parquet.write_table(pa.table(columns), tmp_path / "clip.parquet")
    check(given(tmp_path / "clip.parquet"))


def test_rows_that_are_no_embeddings_are_counted_and_named(tmp_path: Path) -> None:
    vectors = np.array([[1, 2], [np.nan, 1], [np.inf, 1], [0, 0], [1e300, 1], [3, 4]])
    names = np.array(["a.png", "b.png", "c.png", "d.png", "e.png", " "])
    found = given(npz(tmp_path / "clip.npz", files=names, embeddings=vectors))
    assert (list(found.files), found.refused) == (["a.png"], 5)
    assert [problem.partition(":")[0] for problem in found.problems] == [
        "Row 2 (b.png)",
        "Row 3 (c.png)",
        "Row 4 (d.png)",
        "Row 5 (e.png)",
        "Row 6 ( )",
    ]
    assert "zero" in found.problems[2] and "none, or infinite" in found.problems[3] and "no file" in found.problems[4]


def test_ragged_rows_are_counted_and_named(tmp_path: Path) -> None:
    found = given(text(tmp_path / "a.csv", "file,embedding\na,1 2\nb,1 2 3\nc,\nd,3 x\ne,4 5\n"))
    assert (list(found.files), found.refused, found.lines.tolist()) == (["a", "e"], 3, [2, 6])
    assert found.problems[0] == "Line 3 (b): it has 3 numbers, the first row has 2."
    found = given(text(tmp_path / "b.csv", "a,1,2\nb,1,2,3\nc,1\nd,2,3\n"))
    assert (list(found.files), found.refused) == (["a", "d"], 2)


def test_ragged_and_empty_lists_of_a_parquet_file(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    lists = [[1.0, 2.0], None, [1.0], [], [3.0, None], [3.0, 4.0]]
    parquet.write_table(pa.table({"file": list("abcdef"), "embedding": lists}), tmp_path / "clip.parquet")
    found = given(tmp_path / "clip.parquet")
    assert (list(found.files), found.refused, found.lines.tolist()) == (["a", "f"], 4, [1, 6])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"ids": np.array(FILES), "embeddings": VECTORS}, "no array of file names.*there are: embeddings, ids"),
        ({"files": np.array(FILES), "out": VECTORS}, "no array of embeddings.*there are: files, out"),
        ({"files": np.array(FILES), "embeddings": VECTORS[:2]}, "3 entries, embeddings has the shape"),
        ({"files": np.array(FILES), "embeddings": VECTORS[:, 0]}, "one row for each"),
        ({"files": np.array(FILES), "embeddings": VECTORS.astype(str)}, "of texts, not of numbers"),
        ({"files": np.array(FILES), "embeddings": VECTORS.astype(complex)}, "complex numbers"),
        ({"files": np.array(FILES), "embeddings": VECTORS > 0}, "yes and no"),
        ({"files": np.array(FILES, object), "embeddings": VECTORS}, "Python objects, which are never opened"),
        ({"files": np.arange(3), "embeddings": VECTORS}, "one file name after the other"),
        ({"files": np.array([], "U1"), "embeddings": np.zeros((0, 2))}, "no row of embeddings"),
        ({"files": np.array(FILES), "embeddings": np.zeros((3, 0))}, "hold no numbers"),
        ({"files": np.array(FILES), "embeddings": np.ones((3, 1))}, "is one number"),
        ({"files": np.array(FILES), "embeddings": np.full((3, 2), np.nan)}, "no row of embeddings. Row 1 .a/one.png"),
    ],
)
def test_what_cannot_be_embeddings_is_refused_in_words(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        given(npz(tmp_path / "clip.npz", **arrays))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "no column of file names"),
        ("a.csv", "file,age,sex\na,1,2\n", "no column of embeddings is among: file, age, sex"),
        ("a.csv", "file,e0,e2\na,1,2\n", "no column of embeddings"),
        ("a.csv", "who,e0,e1\na,1,2\n", "no column of file names is among: who, e0, e1"),
        ("a.csv", "file,embedding\na,1\nb,1 2\nc,3 4\n", "most rows are longer or shorter"),
        ("a.npz", "not a zip", "no sound .npz"),
        ("a.parquet", "not parquet", "no sound Parquet"),
    ],
)
def test_files_of_another_form_are_refused_in_words(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        given(text(tmp_path / name, content))


def test_a_file_that_is_cut_short_or_not_there_is_refused_in_words(tmp_path: Path) -> None:
    path = npz(tmp_path / "clip.npz", files=np.array(FILES), embeddings=np.ones((3, 5000)))
    whole = path.read_bytes()
    for size in (len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match=r"no sound \.npz"):
            given(path)
    path.write_bytes(whole.replace(b"(3, 5000)", b"(9, 5000)"))
    with pytest.raises(UserError):
        given(path)
    with pytest.raises(UserError, match="Check the path"):
        given(tmp_path / "nowhere.npz")


def test_what_is_a_file_of_embeddings_and_what_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "shards.csv").mkdir()
    assert is_embeddings_file("x/CLIP.NPZ") and is_embeddings_file("x.csv.gz")
    assert not is_embeddings_file("shards") and not is_embeddings_file(str(tmp_path / "shards.csv"))
    assert [stem_of(Path(name)) for name in ("a/clip.v2.npz", "b.csv.gz", "c")] == ["clip.v2", "b", "c"]
