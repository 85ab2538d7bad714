"""`packaging/docs.py`: the site is built without a warning and without a network, and needs none to be read."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "packaging" / "docs.py"


def _docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_script", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


docs = _docs()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(package, reason="the extra `docs` is not installed")
    out = tmp_path_factory.mktemp("documents") / "site"
    # Whatever would reach out would have to go through this proxy, which nobody answers.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    result = subprocess.run(
        [sys.executable, str(SCRIPT), "--out", str(out)],
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return out


def pages(site: Path) -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in site.glob("*.html")}


def test_the_site_has_every_page(site: Path) -> None:
    found = pages(site)
    assert set(docs.page_names().values()) | {"command-reference", "index", "search"} <= set(found)
    assert "film.webp" in found["index"] and (site / "_images" / "film.webp").is_file()
    assert {"getting-started", "window", "audits", "suggestions"} <= set(found)  # which F1 opens
    for page in ("getting-started", "audits", "my-data"):  # shared with the help of the program
        assert not re.search(r"\{\w+\}", re.sub(r"<(script|style).*?</\1>", "", found[page], flags=re.S)), page
    assert "<math" in found["statistics"]
    for name in docs.commands():
        assert f'id="{name}"' in found["command-reference"], name


def test_nothing_is_fetched_from_a_network_when_a_page_is_shown(site: Path) -> None:
    fetched = re.compile(r"<(?:script|link|img|iframe|source|video)\b[^>]*?(?:src|href)=[\"']?(?:https?:)?//", re.I)
    for name, text in pages(site).items():
        assert not fetched.search(text), name
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", text), style


def test_no_page_names_a_place_on_this_machine(site: Path) -> None:
    for name, text in pages(site).items():
        assert str(ROOT) not in text and str(Path.home() / "") + "/" not in text, name


def test_every_page_is_in_the_contents(site: Path) -> None:
    margin = pages(site)["index"]
    for page in set(docs.page_names().values()) - {"index"}:
        assert f'href="{page}.html"' in margin, page


def test_a_link_that_leads_nowhere_is_an_error() -> None:
    known = {"resources/docs/faq.md": "faq", "CHANGELOG.md": "changelog"}
    text = "[a](faq.md#x) [b](../../CHANGELOG.md) [c](../../pyproject.toml) [d](https://x.org) `[e](no.md)`"
    assert docs.with_links(text, "resources/docs/index.md", known) == (
        "[a](faq.md#x) [b](changelog.md) c (`pyproject.toml`) [d](https://x.org) `[e](no.md)`"
    )
    with pytest.raises(FileNotFoundError, match="nowhere"):
        docs.with_links("[a](none.md)", "resources/docs/index.md", known)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sphinx")
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    sources = tmp_path.parent / "unused"
    assert docs.build(sources, tmp_path) == 1
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "mine"
    assert "Choose an empty folder" in capsys.readouterr().err
