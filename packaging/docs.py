"""Builds the documents as a site that needs no network, neither to be built nor to be read.

    python3 packaging/docs.py [--out FOLDER]        into resources/site, from where the program opens it

Sources are the pages of resources/docs, the pages of the built-in help (`docs/help`), and a few texts that stand beside
what they speak of. Pages that can be had from the program are: the keys in the help, the commands, the Python API.
A warning ends it. Where Sphinx is missing it is installed into .venv first, as `start.py` does.
"""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "resources" / "site"
DOCS = "resources/docs"

ELSEWHERE = {
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
    "SECURITY.md": "security",
    "resources/licences/LICENCES.md": "licences",
    "resources/docs/help/audits.md": "audits",
    "resources/docs/help/data.md": "my-data",
    "resources/docs/help/start.md": "getting-started",
    "resources/encoders/imagenet-lite0/MODEL_CARD.md": "model-card-imagenet-lite0",
    "resources/encoders/simclr-cxr/EVALUATION.md": "evaluation-simclr-cxr",
    "resources/encoders/simclr-cxr/MODEL_CARD.md": "model-card-simclr-cxr",
    "tests/README.md": "tests",
    "training/README.md": "training",
}
"""Pages of the site that lie outside of `resources/docs`, or deeper: file -> page."""

SECTIONS = {
    "Begin": ("installing", "getting-started", "demo", "first-films", "window", "keys"),
    "Trust": ("audits", "suggestions", "readers", "statistics"),
    "Data": ("tables", "formats", "hospital", "structured-reports", "privacy", "my-data"),
    "Without a window": ("command-line", "command-reference", "python-api", "python-reference", "ten-million"),
    "Encoders": (
        *("encoders", "few-labels", "train-nih", "training"),
        *("model-card-simclr-cxr", "evaluation-simclr-cxr", "model-card-imagenet-lite0"),
    ),
    "About": ("faq", "limits", "changelog", "contributing", "tests", "security", "licences"),
}
"""Pages by section, in their order. A page that nobody has written is left out; one not named here comes last."""

SETTINGS: dict[str, Any] = {
    "project": "CXR Explorer",
    "copyright": "The CXR Explorer contributors",
    "extensions": ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docs"],
    "source_suffix": {".md": "markdown"},
    "highlight_language": "text",
    "myst_heading_anchors": 4,
    "myst_enable_extensions": ["dollarmath", "deflist"],
    "napoleon_use_ivar": True,
    "autodoc_typehints": "description",
    "add_module_names": False,
    "autodoc_member_order": "bysource",
    "html_theme": "furo",
    "html_title": "CXR Explorer",
    "html_favicon": "icon.png",
    "html_show_search_summary": False,  # it would fetch pages, which a browser forbids where they are files
    "html_copy_source": False,
    "html_show_sourcelink": False,
    "html_math_renderer": "mathml",
}

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_PICTURES = (".png", ".svg", ".webp")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Builds the documents as a site that needs no network.")
    parser.add_argument("--out", type=Path, default=SITE, help="folder of the site (default: resources/site)")
    out: Path = parser.parse_args(arguments).out
    sys.path[:0] = [str(ROOT), str(ROOT / "packaging")]
    if importlib.util.find_spec("sphinx") is None:
        return _with_sphinx(sys.argv[1:] if arguments is None else arguments)
    with tempfile.TemporaryDirectory() as home:
        sources = Path(home) / "sources"
        write_sources(sources)
        return build(sources, out.resolve())


def _with_sphinx(arguments: Sequence[str]) -> int:
    import start

    try:
        start.install({"docs"})
    except start.Stop as stop:
        print(f"docs.py: {stop}", file=sys.stderr)
        return 1
    return start.run([str(start.venv_python()), __file__, *arguments])


def build(sources: Path, out: Path) -> int:
    """Makes the site of the sources; returns 0, or 1 where there was anything to warn of."""
    from sphinx.application import Sphinx

    from cxr_explorer import __version__

    settings = {**SETTINGS, "version": __version__, "release": __version__}
    if out.is_dir() and any(out.iterdir()) and not (out / ".buildinfo").is_file():
        print(f"docs.py: {out} holds something else than the documents. Choose an empty folder.", file=sys.stderr)
        return 1
    shutil.rmtree(out, ignore_errors=True)
    site = Sphinx(sources, None, out, sources.parent / "doctrees", "html", settings, status=None, warningiserror=True)
    site.build()
    if not site.statuscode:
        print(f"{len(list(out.rglob('*.html')))} pages: {out / 'index.html'}")
    return int(site.statuscode)


def setup(site: Any) -> dict[str, bool]:
    """This file as an extension of Sphinx: formulas as MathML, which browsers draw without a script from a server."""
    from docutils import nodes
    from docutils.utils.math.latex2mathml import tex2mathml

    def inline(page: Any, node: Any) -> None:
        page.body.append(tex2mathml(node.astext(), as_block=False))
        raise nodes.SkipNode

    def block(page: Any, node: Any) -> None:
        page.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
        raise nodes.SkipNode

    site.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


# --- sources ---------------------------------------------------------------------------------------------------------


def write_sources(folder: Path) -> None:
    """Brings all pages and pictures into one folder, with links that fit there."""
    folder.mkdir(parents=True)
    pages = page_names()
    for source, page in pages.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        if source.startswith(f"{DOCS}/help/"):
            text = _filled(PurePosixPath(source).stem)
        _write(folder, page, with_links(text, source, pages))
    _write(folder, "command-reference", command_reference())
    if names := python_names():
        _write(folder, "python-reference", python_reference(names))
    index = folder / "index.md"
    present = {path.stem for path in folder.glob("*.md")} - {"index"}
    index.write_text(index.read_text(encoding="utf-8") + _contents(present), encoding="utf-8")
    for picture in (ROOT / DOCS).iterdir():
        if picture.suffix in _PICTURES:
            shutil.copyfile(picture, folder / picture.name)
    shutil.copyfile(ROOT / "resources" / "icons" / "program" / "064.png", folder / "icon.png")


def page_names() -> dict[str, str]:
    """Files with a page on the site, as paths in the repository -> names of the pages."""
    own = {f"{DOCS}/{path.name}": path.stem for path in sorted((ROOT / DOCS).glob("*.md"))}
    return own | {source: page for source, page in ELSEWHERE.items() if (ROOT / source).is_file()}


def _write(folder: Path, page: str, text: str) -> None:
    (folder / f"{page}.md").write_text(text, encoding="utf-8")


def _filled(page: str) -> str:
    """A page of the help, with the keys the program comes with."""
    from cxr_explorer.ui.guide.help_pages import page_text

    return page_text(page, {"places": "*Help > Where is my data* lists the folders and files on your computer."})


def with_links(text: str, source: str, pages: dict[str, str]) -> str:
    """A page whose links fit the site; what has no page there, as a source file, is named and not linked.

    Args:
        text: Markdown.
        source: The file it is of, as a path in the repository.
        pages: As `page_names`.

    Raises:
        FileNotFoundError: A link leads nowhere.
    """

    def changed(match: re.Match[str]) -> str:
        sign, words, target = match.groups()
        path, mark, anchor = target.partition("#")
        if not path or re.match(r"[a-z]+:", target):
            return match[0]
        file = os.path.normpath(PurePosixPath(source).parent / path).replace(os.sep, "/")
        if not (ROOT / file).exists():
            raise FileNotFoundError(f"{source}: {target} leads nowhere")
        if file in pages:
            return f"{sign}[{words}]({pages[file]}.md{mark}{anchor})"
        if file.endswith(_PICTURES):
            return f"{sign}[{words}]({PurePosixPath(file).name})"
        return f"{words} (`{file}`)"

    parts = _CODE.split(text)
    return "".join(part if number % 2 else _LINK.sub(changed, part) for number, part in enumerate(parts))


def _contents(present: set[str]) -> str:
    """The tables of contents of the site, which stand in its margin."""
    placed = {page for pages in SECTIONS.values() for page in pages}
    rest = tuple(sorted(present - placed))
    lines = []
    for title, pages in [*SECTIONS.items(), ("More", rest)]:
        there = [page for page in pages if page in present]
        if there:
            lines += ["", "```{toctree}", ":hidden:", ":maxdepth: 1", f":caption: {title}", "", *there, "```"]
    return "\n".join([*lines, ""])


# --- Python ----------------------------------------------------------------------------------------------------------


def python_names() -> list[str]:
    """What `import cxr_explorer` offers to notebooks; nothing where it offers no names."""
    import cxr_explorer

    return [name for name in getattr(cxr_explorer, "__all__", []) if not name.startswith("_")]


def python_reference(names: Sequence[str]) -> str:
    """The page of all names, from their docstrings: functions first, then classes."""
    import cxr_explorer

    lines = ["# Python reference", "", "All that `import cxr_explorer as cxr` offers, from its docstrings."]
    found = [(name, getattr(cxr_explorer, name)) for name in names]
    for name, what in sorted(found, key=lambda one: isinstance(one[1], type)):
        if isinstance(what, type) or inspect.isfunction(what):
            kind = "class" if isinstance(what, type) else "function"
            lines += ["", f"## {name}", "", "```{eval-rst}", f".. auto{kind}:: {what.__module__}.{name}"]
            lines += ["   :members:", "```"] if kind == "class" else ["```"]
    return "\n".join([*lines, ""])


# --- the command line ------------------------------------------------------------------------------------------------


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command of the program."""
    from cxr_explorer.cli import main as command_line

    parser = command_line._parser(command_line._families([]))
    (found,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


def command_reference() -> str:
    """The page of all commands, from what `--help` says."""
    os.environ["COLUMNS"] = "100"
    lines = [
        "# All commands",
        "",
        "Each command as its `--help` tells it. [The command line](command-line.md) shows them at work.",
    ]
    for name, parser in commands().items():
        usage = parser.format_usage().removeprefix("usage: ").rstrip()
        lines += ["", f"## {name}", "", str(parser.description), "", "```text", usage, "```", ""]
        lines += _options(parser)
    return "\n".join([*lines, ""])


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        names = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        takes = f" {action.metavar or action.dest.upper()}" if action.option_strings and action.nargs != 0 else ""
        said = [str(action.help or "")]
        if action.choices:
            said.append("one of " + ", ".join(str(choice) for choice in action.choices))
        rows.append(f"| `{names}{takes}` | {'; '.join(filter(None, said)).replace('|', chr(92) + '|')} |")
    if rows:
        yield from ("| Option | What it means |", "|---|---|", *rows)


if __name__ == "__main__":
    sys.exit(main())
