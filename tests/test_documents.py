"""What the documents say holds: commands are run or parsed, links lead somewhere, pictures are drawn by scripts."""

from __future__ import annotations

import argparse
import csv
import doctest
import importlib
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cxr_explorer.cli import main as command_line

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "resources" / "docs"
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "tests/*.md", "training/*.md", "packaging/*.md", "resources/**/*.md")
    for path in ROOT.glob(pattern)
)
PYTHON = r"(?:\.venv/bin/)?python3?|py|PY"
BEGINS = re.compile(rf"(?:{PYTHON}) (?:-m |packaging/)|(?:\.venv/bin/)?cxr-explorer |torchrun |(?:\S*/)?pip install ")


def code_of(text: str) -> Iterator[tuple[str, bool]]:
    """What stands in code, line by line, and whether it is meant to be typed: in a block, and not within a sentence."""
    variables: dict[str, str] = {}
    joined = re.sub(r" *\\\n *", " ", text)
    for line in joined.splitlines():
        if assigned := re.match(r'\s*([A-Z]+)="(.*)"$', line):
            variables[assigned[1]] = assigned[2]
        for name, value in variables.items():
            line = line.replace(f"${name} ", f"{value} ")
        yield line.strip(), True
    for match in re.finditer(r"(?<!`)`([^`]+)`(?!`)", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)):
        yield re.sub(r"\s+", " ", match[1]).replace("\\|", "|"), False


def commands_of(name: str) -> list[tuple[str, bool]]:
    """The commands of a document, without what is said of them further right; and whether each is whole."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found = ((re.split(r"\s{3,}", code)[0], typed) for code, typed in code_of(text) if BEGINS.match(code))
    return [(code.removesuffix(" …"), typed and not code.endswith(" …")) for code, typed in found]


COMMANDS = [(name, *command) for name in DOCUMENTS for command in commands_of(name)]


def test_the_documents_are_found() -> None:
    assert {"README.md", "resources/docs/index.md", "resources/docs/help/start.md"} <= set(DOCUMENTS)
    typed = [command for _, command, typed in COMMANDS if typed]
    assert len([command for command in typed if command.startswith("cxr-explorer")]) > 40
    assert len([command for command in typed if " -m " in command]) > 20


class Parsed(Exception):
    """The command was parsed, and is not to be run."""


@pytest.fixture
def only_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every parser reads its arguments and goes no further."""
    running: list[str] = []  # a parser of sub-commands calls others; what is parsed at last is the outermost

    def stopping(name: str) -> Callable[..., object]:
        parse = getattr(argparse.ArgumentParser, name)

        def then_stop(self: argparse.ArgumentParser, *arguments: object, **more: object) -> object:
            running.append(name)
            try:
                parsed = parse(self, *arguments, **more)
            finally:
                running.pop()
            if running:
                return parsed
            raise Parsed

        return then_stop

    for name in ("parse_args", "parse_known_args"):
        monkeypatch.setattr(argparse.ArgumentParser, name, stopping(name))


@pytest.mark.parametrize(
    ("command", "typed"), [pytest.param(*one[1:], id=f"{one[0]}: {one[1]}"[:120]) for one in dict.fromkeys(COMMANDS)]
)
@pytest.mark.usefixtures("only_parsing")
def test_every_command_is_one_the_program_knows(command: str, typed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(command)
    if words[0].endswith("cxr-explorer"):
        check_own(words[1:], typed)
    elif "-m" in words:
        check_module(words[words.index("-m") + 1], words[words.index("-m") + 2 :], typed, monkeypatch)
    elif "pip" in words[0]:
        check_extras(words[-1])
    else:
        script = ROOT / words[1]
        check_options(words, script.read_text(encoding="utf-8"))


def check_options(words: list[str], text: str) -> None:
    """Of a command that is only spoken of, the options are known."""
    assert all(option in text for option in re.findall(r"--[a-z][\w-]+", " ".join(words)))


def check_own(arguments: list[str], typed: bool) -> None:
    """Of a command that is typed, all of it; else its name and options."""
    parser = command_line._parser(command_line._families([]))
    (found,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    if not typed and not arguments[0].startswith("-"):
        check_options(arguments, found.choices[arguments[0]].format_help())
        return
    try:
        parser.parse_args(with_choices(arguments, found.choices.get(arguments[0])))
    except Parsed:
        return
    except SystemExit as request:
        assert {"--help", "--version"} & set(arguments) and not request.code, arguments


def with_choices(arguments: list[str], parser: argparse.ArgumentParser | None) -> list[str]:
    """The arguments, with one of the choices in place of a word in capitals that stands for any of them."""
    filled = list(arguments)
    for action in [] if parser is None else parser._actions:
        for place in (filled.index(option) + 1 for option in action.option_strings if option in filled):
            if action.choices and place < len(filled) and filled[place].isupper():
                filled[place] = str(next(iter(action.choices)))
    return filled


def check_module(module: str, arguments: list[str], typed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own parser takes the arguments; of what is only spoken of, the options are known."""
    if module == "pytest":
        assert all((ROOT / word).exists() for word in arguments if "/" in word)
        return
    text = (ROOT / Path(*module.split("."))).with_suffix(".py").read_text(encoding="utf-8")
    if not typed or "pars" not in text:  # some take no arguments
        check_options(arguments, text)
        return
    for package in ("onnx", "onnxscript"):  # of the extra `train`
        if f"import {package}" in text:
            pytest.importorskip(package)
    run = importlib.import_module(module).main
    monkeypatch.setattr("sys.argv", [module, *(word.strip("[]") for word in arguments)])  # what may be left out as well
    monkeypatch.setattr("subprocess.Popen", began)
    with pytest.raises(Parsed):
        run()


def began(*_arguments: object, **_more: object) -> None:
    raise AssertionError("a command that was only to be parsed began its work")


def check_extras(wanted: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    asked = re.search(r"\[(.*)\]", wanted)
    assert asked is None or set(asked[1].split(",")) <= set(extras)


# --- the page that is run --------------------------------------------------------------------------------------------

WALK = "resources/docs/command-line.md"


def test_the_page_of_the_command_line_runs_from_top_to_bottom(
    demo_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / WALK).read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"^```shell\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()]
    assert len(lines) > 25
    monkeypatch.chdir(tmp_path)
    truth = lay_out(demo_images, tmp_path)
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "cxr-explorer"
        assert command_line.main(arguments) == 0, f"{line}\n{capsys.readouterr().err}"
        if arguments[0] == "index":  # a colleague begins with the same films
            shutil.copyfile("study.cxr", "colleague.cxr")
            colleague = ["colleague.cxr", "Effusion", "present", "--cluster", "1", "--reader", "XY"]
            assert command_line.main(["label", *colleague]) == 0
    for made in ("labels.csv", "nih.csv", "chexpert.csv", "study.npz", "report.html", "probabilities.csv"):
        assert (tmp_path / made).stat().st_size > 0
    with (tmp_path / "labels.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["reader"] for row in rows} == {"AB", "CD"}
    assert all((row["value"] == "present") == truth[row["file"]] for row in rows if row["how"] == "audit")
    assert any(row["audit"] for row in rows)


def lay_out(demo_images: Path, folder: Path) -> dict[str, bool]:
    """What the page takes for given: films, one more film, tables. Returns which films show an effusion."""
    shutil.copytree(demo_images, folder / "films")
    with (folder / "films" / "truth.csv").open(newline="", encoding="utf-8") as stream:
        truth = {row["Image Index"]: "Effusion" in row["Finding Labels"] for row in csv.DictReader(stream)}
    shutil.copyfile(folder / "films" / next(iter(truth)), folder / "new-film.png")
    answers = [f"{file},Effusion,{'present' if shown else 'absent'}" for file, shown in truth.items()]
    (folder / "answers.csv").write_text("\n".join(["file,finding,value", *answers]), encoding="utf-8")
    (folder / "known.csv").write_text("\n".join(["file,finding,value", *answers[::2]]), encoding="utf-8")
    return truth


@pytest.mark.parametrize("name", DOCUMENTS)
def test_python_in_the_documents_gives_what_stands_below_it(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(>>>.*?)^```", text, re.M | re.S)
    if not blocks:
        return
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, name, name, 0)
    assert doctest.DocTestRunner().run(test).failed == 0


# --- links and pictures ----------------------------------------------------------------------------------------------


def links_of(name: str) -> list[tuple[str, str]]:
    """("!" for a picture, target) of each link of a document."""
    text = re.sub(r"^```.*?^```|`[^`\n]+`", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.findall(r"(!?)\[[^\]]*\]\(([^)\s]+)\)", text)


def anchors_of(path: Path) -> set[str]:
    """What its headings are called in a link."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    for _, target in links_of(name):
        if re.match(r"[a-z]+:", target):
            assert re.fullmatch(r"https://[\w.-]+\.[a-z]+(?:/[^\s]*)?", target), target
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), f"{name}: {target}"
        assert not anchor or anchor in anchors_of(file), f"{name}: {target}"


def test_every_picture_is_drawn_by_a_script_and_stands_in_a_document() -> None:
    scripts = [ROOT / "packaging" / "screenshots.py", ROOT / "tests" / "bench" / "growth.py"]
    scripts.append(ROOT / "training" / "few_labels.py")
    drawn = {word for path in scripts for word in re.findall(r"[\w-]+\.(?:png|svg|webp)", path.read_text())}
    shown = {Path(target).name for name in DOCUMENTS for sign, target in links_of(name) if sign}
    there = {path.name for path in DOCS.iterdir() if path.suffix in (".png", ".svg", ".webp")}
    assert shown == there
    assert there <= drawn


def test_the_moving_picture_is_small_enough_for_a_page() -> None:
    assert (DOCS / "film.webp").stat().st_size <= 2_000_000


def test_the_readme_is_short_and_leads_to_the_documents() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130
    linked = {target.partition("#")[0] for _, target in links_of("README.md")}
    assert {"resources/docs/keys.md", "resources/docs/limits.md", "resources/docs/statistics.md"} <= linked
