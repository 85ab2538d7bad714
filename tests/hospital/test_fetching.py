"""What is done with what an archive delivers, and what it does not; the archive is a stand-in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.hospital import fetching
from cxr_explorer.hospital.archive import Archive, CutConnection, Film, Query, Take
from cxr_explorer.hospital.fetching import FetchReport, Wanted, describe, fetch
from cxr_explorer.hospital.permission import Permission
from cxr_explorer.pace import Progress
from tests.images.dicom_files import dataset_of, ramp

WEB = Archive("dicomweb", "https://pacs.example/dicom-web")
FILMS = [Film("1.2", "1.2.3", f"1.2.3.{number}") for number in range(5)]


class StandIn:
    """Delivers films, but those of `lost`; is cut after each of the counts of `cuts`."""

    def __init__(self, lost: Sequence[int] = (), cuts: Sequence[int] = (), others: Sequence[int] = ()) -> None:
        self.lost = {FILMS[number].instance for number in lost}
        self.others = {FILMS[number].instance for number in others}
        self.cuts = list(cuts)
        self.asked: list[int] = []

    def find(self, _query: Query) -> Iterator[list[Film]]:
        yield FILMS
        yield FILMS[:2]  # told twice, as of two modalities

    def retrieve(self, films: Sequence[Film], take: Take) -> Iterator[None]:
        self.asked.append(len(films))
        most = self.cuts.pop(0) if self.cuts else len(films)
        for film in films[:most]:
            if film.instance not in self.lost:
                pixels = {"PixelData": None} if film.instance in self.others else {}
                take(dataset_of(ramp(), StudyInstanceUID=film.study, SOPInstanceUID=film.instance, **pixels))
            yield
        if most < len(films):
            raise CutConnection("The connection to the archive was cut.")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(fetching.time, "sleep", lambda _: None)

    def run(archive: StandIn) -> list[Progress | FetchReport]:
        @contextmanager
        def connect(*_: object) -> Iterator[StandIn]:
            yield archive

        monkeypatch.setattr(fetching, "connect", connect)
        wanted = Wanted(Query(), tmp_path / "films", key=tmp_path / "key")
        return list(fetch(WEB, Permission(WEB.kind, WEB.address), wanted))

    return run


def test_each_film_is_asked_for_once_though_it_was_found_twice(run) -> None:
    archive = StandIn()
    *told, report = run(archive)
    assert report == FetchReport(found=5, stored=5) and archive.asked == [5]
    assert told[-1] == Progress(fetching.FETCHING, 5, 5)
    *_, report = run(again := StandIn())
    assert report == FetchReport(found=5, had=5) and again.asked == []


def test_what_was_not_delivered_is_counted_and_asked_for_the_next_time(run) -> None:
    *_, report = run(StandIn(lost=[1, 4]))
    assert report == FetchReport(found=5, stored=3, missing=2)
    assert describe(report) == "5 images in the archive: 3 fetched, 0 there before, 2 not delivered"
    *_, report = run(later := StandIn())
    assert report == FetchReport(found=5, stored=2, had=3) and later.asked == [2]


def test_what_holds_no_picture_is_no_film(run) -> None:
    *_, report = run(StandIn(others=[0]))
    assert report == FetchReport(found=4, stored=4, left_out=1)


def test_a_connection_that_delivers_something_each_time_is_made_anew_as_often_as_it_takes(run) -> None:
    archive = StandIn(cuts=[1, 1, 1, 1])
    *_, report = run(archive)
    assert report == FetchReport(found=5, stored=5) and archive.asked == [5, 4, 3, 2, 1]


def test_one_that_delivers_nothing_is_given_up_and_what_is_there_is_told(run) -> None:
    archive = StandIn(cuts=[2, 0, 0, 0, 0])
    with pytest.raises(UserError, match="2 of 5 films are there and kept; fetch again"):
        run(archive)
    assert archive.asked == [5, 3, 3]


def test_without_the_packages_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"cxr-explorer\[hospital\]"):
        fetching.connect(WEB, Permission(WEB.kind, WEB.address))
