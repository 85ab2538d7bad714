"""The notebook of the documents runs from top to bottom, and is kept without what it printed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

import cxr_explorer as cxr
from cxr_explorer.encoder.checkpoint import default_encoder
from tests.project.mapped import make_project

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "resources" / "docs" / "notebook.ipynb"


def shown(cell: Any) -> str:
    """What a cell printed, and the value it ended with, as plain text."""
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell["outputs"]]
    return "".join(texts)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the kernel's client: none of it is ours
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    for name in ("ipykernel", "pandas", "torch"):
        pytest.importorskip(name)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    client = nbclient.NotebookClient(
        notebook, timeout=400, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    said = {cell["source"]: shown(cell) for cell in notebook.cells if cell["cell_type"] == "code"}

    def of(words: str) -> str:
        return next(text for source, text in said.items() if words in source)

    assert "Analysing images" in of("create_project")
    assert of("len(project.labels())") == "0"
    assert "Effusion = absent" in of("project.undo()")
    assert of("export_labels").startswith("(2")
    size_px = default_encoder().spec.size_px
    assert f"(1, {size_px}, {size_px})" in of("torch_dataset")
    (table,) = tmp_path.rglob("effusion.csv")
    assert table.read_text(encoding="utf-8").startswith("image_id,file,Effusion")


def test_the_notebook_is_kept_without_outputs() -> None:
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_the_examples_of_the_guide_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("pandas", "torch"):
        pytest.importorskip(name)
    make_project(tmp_path).rename(tmp_path / "films.cxr")
    monkeypatch.chdir(tmp_path)
    guide = (NOTEBOOK.parent / "python-api.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    names: dict[str, Any] = {}
    for example in examples:
        exec(example, names)
    printed = capsys.readouterr().out
    assert "Effusion = absent on 5 images 0" in printed
    size_px = default_encoder().spec.size_px
    assert f"torch.Size([1, {size_px}, {size_px}])" in printed
    assert (tmp_path / "labels.csv").is_file()


def test_the_guide_names_every_call() -> None:
    guide = (NOTEBOOK.parent / "python-api.md").read_text(encoding="utf-8")
    calls = {name for name, member in vars(cxr.OpenProject).items() if name[0] != "_" and callable(member)}
    assert {name for name in calls if f"`{name}(" not in guide and f"project.{name}(" not in guide} == set()
