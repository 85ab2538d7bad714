"""The log tells what failed and where, and never whose images, which files, which readers."""

from __future__ import annotations

import ast
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_explorer import logfile
from cxr_explorer.errors import UserError
from cxr_explorer.logfile import Plain, describe_error, last_problems, short_hash, without_folders
from cxr_explorer.project.storage import StorageError
from cxr_explorer.worker import Job, JobFailed

ROOT = Path(__file__).resolve().parent.parent
NAME = "ZYXWPLANT"
PATH = f"/home/{NAME}/films of {NAME} 1/{NAME}^JANE"

log = logging.getLogger("cxr_explorer")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder the log is written to."""
    before, level = list(log.handlers), log.level
    logfile.begin(tmp_path)
    yield tmp_path
    for handler in [one for one in log.handlers if one not in before]:
        handler.close()
        log.removeHandler(handler)
    log.setLevel(level)


def text_of(home: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in home.glob("cxr-explorer.log*"))


def failing(kind: str) -> BaseException:
    """An exception as the program meets them, with a name wherever one can stand."""
    try:
        if kind == "open":
            Path(PATH).read_bytes()
        elif kind == "user":
            try:
                Path(PATH).read_bytes()
            except OSError as error:
                raise UserError(f"Cannot read {PATH}: {error.strerror}. Ask {NAME}.") from error
        elif kind == "storage":
            raise StorageError(f"Cannot write {PATH}", "full", f"reason {NAME}")
        elif kind == "sqlite":
            sqlite3.connect(":memory:").execute(f"SELECT {NAME}")
        elif kind == "key":
            {}[NAME]
        elif kind == "syntax":
            compile(f"{NAME} = = 1", PATH, "exec")
        elif kind == "note":
            error = ValueError(NAME)
            error.add_note(PATH)
            raise error
        elif kind == "unicode":
            NAME.encode("utf-16").decode("ascii")
        else:
            raise ExceptionGroup(NAME, [ValueError(NAME), UserError(PATH)])
    except BaseException as error:  # noqa: BLE001 - looked at below
        return error
    raise AssertionError


KINDS = ("open", "user", "storage", "sqlite", "key", "syntax", "note", "unicode", "group")


@pytest.mark.parametrize("kind", KINDS)
def test_no_exception_brings_a_name_into_the_log(home: Path, kind: str) -> None:
    error = failing(kind)
    log.error("a fault", exc_info=error)
    log.warning("it was %s", error)
    log.warning(error)
    log.info("read %s of %d files, %s", PATH, 7, NAME)
    text = text_of(home)
    assert NAME not in text and "/home/" not in text and str(ROOT) not in text
    assert text.count("tests.test_logfile:") >= 2 and "failing" in text
    assert "read … of 7 files, …" in text


def test_a_record_that_does_not_fit_its_arguments_is_told_without_them() -> None:
    record = log.makeRecord(log.name, logging.INFO, "", 0, "read %d files", (NAME,), None)
    assert logfile.SafeFormatter("%(message)s").format(record) == "read %d files"


def test_an_exception_is_told_by_kind_code_and_places() -> None:
    told = describe_error(failing("user"))
    assert told.startswith("cxr_explorer.errors.UserError at tests.test_logfile:")
    assert "from builtins.FileNotFoundError (ENOENT) at tests.test_logfile:" in told
    assert "pathlib" in told
    assert "(full)" in describe_error(failing("storage"))
    assert "(SQLITE_ERROR)" in describe_error(failing("sqlite"))


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError(NAME), KeyError(NAME)
    first.__cause__, second.__cause__ = second, first
    assert describe_error(first).count("ValueError") == 1


def read_a_film(path: str) -> Iterator[int]:
    yield 1
    Path(path).read_bytes()


def refuse_a_film(path: str) -> Iterator[int]:
    yield 1
    raise UserError(f"Cannot read {path}.")


@pytest.mark.parametrize(("function", "kind"), [(read_a_film, JobFailed), (refuse_a_film, UserError)])
def test_what_fails_in_a_child_process_is_told_with_its_places_there(home: Path, function, kind) -> None:  # type: ignore[no-untyped-def]
    job = Job(function, PATH)
    with pytest.raises(kind) as raised:
        while not job.finished:
            job.receive(30)
    log.error("lost", exc_info=raised.value)
    text = text_of(home)
    assert "in the child process: " in text and function.__name__ in text
    assert NAME not in text and str(ROOT) not in text


def test_a_stack_that_python_prints_loses_its_folders() -> None:
    stack = (
        f'File "/home/{NAME}/cxr/cxr_explorer/ui/app.py", line 7 in run\n'
        f'File "D:\\Homes\\{NAME}\\env\\site-packages\\numpy\\core.py", line 8 in dot\n'
        f'File "/home/{NAME}/lib/python3.11/threading.py", line 9 in wait\n'
    )
    assert without_folders(stack) == (
        'File "cxr_explorer/ui/app.py", line 7 in run\n'
        'File "numpy/core.py", line 8 in dot\n'
        'File "threading.py", line 9 in wait\n'
    )


def test_a_project_is_named_by_a_hash_that_stays(tmp_path: Path) -> None:
    one, other = tmp_path / f"{NAME}.cxr", tmp_path / "b.cxr"
    assert short_hash(one) == short_hash(one) != short_hash(other)
    assert len(short_hash(one)) == 6


def test_the_log_stays_small(home: Path) -> None:
    for number in range(30_000):
        log.info("a line of the log, number %d, of %s", number, Plain("x" * 60))
    sizes = {path.name: path.stat().st_size for path in home.iterdir()}
    assert sizes.keys() == {"cxr-explorer.log", "cxr-explorer.log.1"}
    assert max(sizes.values()) <= logfile.LARGEST_BYTES == 512_000


def test_the_last_problems_come_with_their_places_and_without_the_rest(home: Path) -> None:
    for number in range(20):
        log.info("all is well")
        log.warning("problem %d", number, exc_info=failing("key"))
    found = last_problems(home, most=3)
    assert [text.splitlines()[0].partition("WARNING ")[2] for text in found] == [f"problem {n}" for n in (17, 18, 19)]
    assert all("KeyError" in text and "all is well" not in text for text in found)
    assert last_problems(home / "none") == []


def test_where_no_log_can_be_written_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    before = list(log.handlers)
    logfile.begin(tmp_path / "file" / "log")
    assert log.handlers == before


def test_every_record_of_the_program_is_a_text_of_its_own() -> None:
    """The formatter lets the message itself through: it must be written in the code, not put together."""
    found = 0
    for path in (ROOT / "cxr_explorer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
                and node.func.attr in ("debug", "info", "warning", "error", "exception", "critical")
            ):
                found += 1
                assert isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str), (
                    path,
                    node.lineno,
                )
    assert found > 8
