"""From a folder to a map: scan, embed what is new, build the map. The window and the command line both drive this."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cxr_explorer import __version__
from cxr_explorer.atlas.build import COMPARING, BuiltMap, FormingMap, MapParameters, Stage, build_map
from cxr_explorer.atlas.layout import import_umap
from cxr_explorer.atlas.provisional import MOST, ProvisionalMap, Schedule, provisional_map
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Item, Ready, Source, embed, look
from cxr_explorer.encoder.file_model import FileModel
from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom_frames import MIDDLE, Frame
from cxr_explorer.images.image_formats import format_names
from cxr_explorer.images.kinds import HEAD_BYTES, Kind, LeftOut, Tally, describe_left_out
from cxr_explorer.images.read import digest_of
from cxr_explorer.images.redrawn import may_be_redrawn
from cxr_explorer.images.scan import ScannedFile, scan
from cxr_explorer.pace import Pace, Progress
from cxr_explorer.project import partitions
from cxr_explorer.project.earlier_layout import earlier_layout, neighbours_recall, store_recall
from cxr_explorer.project.left_out import store_left_out
from cxr_explorer.project.project import MAP_OUTDATED, FolderChanges, Ids, KnownFile, Project
from cxr_explorer.project.redrawn import forget_redrawn, is_redrawing_due, mark_redrawn, shown_frame
from cxr_explorer.shards.file_vectors import FileVectors, leave_file_model
from cxr_explorer.shards.taking import Shards, take_files, take_results
from cxr_explorer.tables.embeddings import GivenEmbeddings
from cxr_explorer.worker import JobCrashed, Jobs

_JUDGED_BY = "files judged by"
"""Setting: the version of the program whose verdict on unreadable files is stored. Another version reads them again: it
may be able to, and versions that did not store this took a drive that was away for a fault of its files."""


@dataclass
class IndexReport:
    """What a run did; its fields are those of `index --json`."""

    images: int = 0
    embedded: int = 0
    taken: int = 0
    reused: int = 0
    without_embedding: int = 0
    from_file: dict[str, Any] = field(default_factory=dict)
    added: int = 0
    changed: int = 0
    missing: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)
    clusters: int = 0
    noise: int = 0
    neighbours_recall: float = 1.0
    seconds: dict[str, float] = field(default_factory=dict)
    device: str = ""
    encoder: str = ""


@dataclass(frozen=True)
class _Found:
    """A chunk of the scan: files to be read, files whose content is known, and, with the last, what was left out.

    `redrawn` are the paths of those among the unchanged whose picture may differ, see `may_be_redrawn`.
    """

    new: tuple[ScannedFile, ...]
    unchanged: tuple[ScannedFile, ...]
    redrawn: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()


def scan_ahead(
    folder: Path, known: Mapping[str, KnownFile], redraws: bool = False, prepare: bool = False
) -> Iterator[_Found]:
    """`scan_for_changes`; with `prepare`, what the analysis will need is imported meanwhile."""
    if prepare:
        prepare_to_embed()
    return scan_for_changes(folder, known, redraws)


def prepare_to_embed() -> Iterator[Any]:
    """Begins to import what the analysis needs, some seconds; returns at once, with no items."""
    threading.Thread(target=_import_encoder, daemon=True).start()
    return iter(())


def _import_encoder() -> None:
    with contextlib.suppress(Exception):  # whoever needs it imports it again, and says what is wrong
        import cxr_explorer.encoder.model  # noqa: F401


def scan_for_changes(folder: Path, known: Mapping[str, KnownFile], redraws: bool = False) -> Iterator[_Found]:
    """Compares a folder with what is known of it, in chunks. Raises UserError as `scan` does.

    A file of known size and time is taken as unchanged without being opened. One whose time alone differs (a copied
    folder) is hashed, so that equal content is never embedded twice. What could not be looked at, a folder without
    permission or on a drive that is away, stays as it is known. With `redraws` every unchanged file's first bytes are
    read: what an earlier version drew otherwise is told.
    """

    def found(left_out: tuple[LeftOut, ...] = ()) -> _Found:
        redrawn = [file.path for file in unchanged if redraws and _may_be_redrawn(folder / file.path)]
        return _Found(tuple(new), tuple(unchanged), tuple(redrawn), left_out)

    tally = Tally()
    unreachable: list[str] = []
    new: list[ScannedFile] = []
    unchanged: list[ScannedFile] = []

    def leave_out(path: str, kind: Kind) -> None:
        tally.add(path, kind)
        if kind.unreachable:
            unreachable.append(path)

    def is_known(file: ScannedFile) -> bool:
        before = known.get(file.path)
        return before is not None and (before.size_bytes, before.mtime_ns) == (file.size_bytes, file.mtime_ns)

    for file in scan(folder, leave_out, is_known):
        before = known.get(file.path)
        if before is not None and _same_content(folder / file.path, file, before):
            unchanged.append(file)
        else:
            new.append(file)
        if len(new) + len(unchanged) >= 1000:
            yield found()
            new, unchanged = [], []
    unchanged += _known_below(unreachable, known)
    yield found(tally.left_out())


def _may_be_redrawn(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return may_be_redrawn(file.read(HEAD_BYTES))
    except OSError:
        return True  # better made anew than never


def _known_below(places: list[str], known: Mapping[str, KnownFile]) -> Iterator[ScannedFile]:
    """Known files at these paths and in these folders."""
    if not places:
        return
    folders = tuple(place if place.endswith("/") else place + "/" for place in places)
    for path, file in known.items():
        if path in places or path.startswith(folders):
            yield ScannedFile(path, file.size_bytes, file.mtime_ns)


def _same_content(path: Path, file: ScannedFile, before: KnownFile) -> bool:
    if file.size_bytes != before.size_bytes:
        return False
    if file.mtime_ns == before.mtime_ns:
        return True
    try:
        return digest_of(path) == before.digest
    except OSError:
        return False  # reading it will say why


def map_of_project(path: Path, encoder_key: str, parameters: MapParameters, device: str) -> Iterator[Any]:
    """Reads the embeddings from the project file and builds the map: yields ids, then what `build_map` yields."""
    with Project.open_read_only(path) as project:
        image_ids, embeddings = project.embeddings(encoder_key)
        initial, pinned = earlier_layout(project, image_ids, encoder_key, parameters)
    yield image_ids
    yield from build_map(embeddings, parameters, device, initial, pinned)


def embed_and_map(
    path: Path,
    encoder: EncoderInfo,
    parameters: MapParameters,
    images: Sequence[Source],
    device: str,
    batch_size: int | None,
    folder: Path,
    frame: Frame = MIDDLE,
) -> Iterator[Item | ProvisionalMap]:
    """What `embed` yields, and in between provisional maps of what the project holds by then, see `Schedule`."""
    with Project.open_read_only(path) as project:
        analysed = len(project.embedded_ids(encoder.key))
    total = analysed + len(images)
    schedule = Schedule(analysed, total)
    latest: ProvisionalMap | None = None
    for item in embed(images, encoder.directory, device, batch_size, folder, frame):
        yield item
        if isinstance(item, Ready):
            began = time.monotonic()
            continue
        analysed += len(item.embedded)
        if not schedule.is_due(analysed, time.monotonic() - began):
            continue
        start = time.monotonic()
        with Project.open_read_only(path) as project:
            image_ids, embeddings = project.embeddings(encoder.key, MOST)  # the last batch may not be there yet
        if len(image_ids):
            import_umap()  # the final map needs it: not a cost of this one
            start = time.monotonic()
            latest = provisional_map(image_ids, embeddings, total, parameters.layout, latest)
            yield latest
        schedule.note(max(len(image_ids), 1), time.monotonic() - start)


class Indexing:
    """One run over a project's folder. Call `advance` until `finished`; `cancel` at any time.

    Every batch is stored as it arrives: what was done stays done whatever happens next.
    """

    def __init__(
        self,
        project: Project,
        encoder: EncoderInfo | FileModel,
        device: str = "auto",
        parameters: MapParameters | None = None,
        rescan: bool = True,
        always_map: bool = False,
        provisional: bool = False,
        jobs: Jobs | None = None,
        shards: Shards | None = None,
        given: GivenEmbeddings | None = None,
    ) -> None:
        """Nothing starts before the first `advance`.

        Args:
            project: Open for writing; this run writes to it from the caller's thread.
            encoder: Which encoder's embeddings to complete and map. Of a model that is not here, nothing but what is
                given can be completed: other images are noted as being without an embedding.
            device: "auto", "cpu", "cuda" or "mps".
            parameters: Of the map; the defaults when None.
            rescan: Whether to look at the folder; otherwise only what is known is embedded and mapped.
            always_map: Whether to build a map even if nothing changed since the last one.
            provisional: Whether there are to be provisional maps, where there is none yet and the wait is long.
            jobs: A child that has begun to prepare, see `prepare_to_embed`; it is the run's from now on.
            shards: Of `embed`: what they hold is taken instead of looking at the folder, which may be away.
            given: Embeddings of the encoder, then a FileModel, for images of the folder.
        """
        self.report = IndexReport(encoder=encoder.key)
        self.progress = Progress("Starting")
        self.finished = False
        self._project = project
        self._encoder = encoder
        self._device = device
        self._parameters = parameters or MapParameters()
        self._rescan = rescan and shards is None
        self._shards = shards
        self._given = given
        self._vectors: FileVectors | None = None
        self._always_map = always_map
        self.provisional: ProvisionalMap | None = None
        self._wants_provisional = provisional
        self._jobs = jobs or Jobs()
        self._steps = self._run()

    def advance(self, timeout_s: float) -> Progress:
        """Handles what has arrived, waiting up to the timeout for something. Returns where the run stands.

        Raises:
            UserError: The run cannot go on; what was stored is kept.
        """
        self._timeout_s = timeout_s
        try:
            next(self._steps)
        except StopIteration:
            self._jobs.close()
            self.finished = True
        except JobCrashed as crash:
            self.cancel()
            raise UserError(
                f"{self.progress.stage} stopped: {crash}. Nothing stored is lost. Close other programs to free memory, "
                "then start again (F5)."
            ) from crash
        except BaseException:
            self.cancel()
            raise
        return self.progress

    def cancel(self) -> None:
        """Stops the run; the next one resumes where this one was."""
        self._jobs.cancel()
        self.finished = True

    # The run is a generator that yields whenever the caller should get its turn.

    def _run(self) -> Iterator[None]:
        if self._project.get(_JUDGED_BY) != __version__:
            self._project.retry_failed()
            self._project.set(_JUDGED_BY, __version__)
        if not isinstance(self._encoder, FileModel):
            leave_file_model(self._project)
        if self._shards is not None:
            yield from self._timed("take", self._take(self._shards))
        if self._rescan:
            yield from self._timed("scan", self._scan())
        if self._shards is None or self._project.folder.is_dir():
            yield from self._timed("embed", self._embed())
        yield from self._timed("map", self._map())
        self.report.images = self._project.image_count()
        self.report.neighbours_recall = neighbours_recall(self._project)
        self.report.failed = [{"file": failure.path, "reason": failure.reason} for failure in self._project.failures()]

    def _timed(self, name: str, steps: Iterator[None]) -> Iterator[None]:
        start = time.monotonic()
        yield from steps
        self.report.seconds[name] = round(time.monotonic() - start, 3)

    def _items(self, function: Callable[..., Any], *arguments: Any) -> Iterator[list[Any]]:
        """Items of a job as they arrive; an empty list when none has."""
        for _ in self._remaining():  # of what it was prepared by
            yield []
        self._jobs.start(function, *arguments)
        yield from self._remaining()

    def _remaining(self) -> Iterator[list[Any]]:
        while not self._jobs.finished:
            yield self._jobs.receive(self._timeout_s)

    def _scan(self) -> Iterator[None]:
        self.progress = Progress("Looking for images")
        new: list[ScannedFile] = []
        unchanged: list[ScannedFile] = []
        left_out: list[LeftOut] = []
        redrawn: list[str] = []
        redraws = is_redrawing_due(self._project)
        prepare = self._project.latest_map() is None
        for items in self._items(scan_ahead, self._project.folder, self._project.known_files(), redraws, prepare):
            for found in items:
                new += found.new
                unchanged += found.unchanged
                redrawn += found.redrawn
                left_out += found.left_out
                self.progress = Progress("Looking for images", done=len(new) + len(unchanged))
            yield
        self.report.skipped = [_as_json(item) for item in left_out]
        if not new and not unchanged:  # nothing is marked as missing: the drive may be away
            raise UserError(_nothing_found(self._project.folder, left_out))
        changes = self._project.update_files(new, unchanged)
        if redraws:
            forget_redrawn(self._project, redrawn)
        store_left_out(self._project, left_out)
        self.report.added, self.report.changed, self.report.missing = changes.added, changes.changed, changes.missing

    def _take(self, shards: Shards) -> Iterator[None]:
        shards.check(self._encoder)
        begun = "Taking over what was analysed"
        self.progress = Progress(begun)
        if self._project.latest_map() is None and is_redrawing_due(self._project):
            forget_redrawn(self._project, ())  # of a new project all pictures are drawn by this version
        for told in take_files(self._project, shards):
            if isinstance(told, FolderChanges):
                self.report.added, self.report.changed, self.report.missing = told.added, told.changed, told.missing
            yield
        for batch in take_results(self._project, shards):
            mark_redrawn(self._project, batch)
            self._project.store_batch(self._encoder, batch)
            self.report.taken += len(batch.embedded)
            self.progress = Progress(begun, self.report.taken, shards.manifest.images)
            yield

    def _pending(self) -> list[Source]:
        return self._project.pending(self._encoder.key) if self._vectors is None else self._vectors.pending()

    def _analysis(self, pending: Sequence[Source], batch_size: int | None, provisional: bool) -> tuple[Any, ...]:
        """The function that opens and embeds, and what it is given."""
        encoder, files = self._encoder, (self._project.folder, shown_frame(self._project))
        if isinstance(encoder, FileModel):
            return look, pending, *files
        if provisional:
            before = (self._project.path, encoder, self._parameters)
            return embed_and_map, *before, pending, self._device, batch_size, *files
        return embed, pending, encoder.directory, self._device, batch_size, *files

    def _embed(self) -> Iterator[None]:
        if isinstance(self._encoder, FileModel):
            self._vectors = FileVectors(self._project, self._encoder, self._given)
            self.report.from_file, self.report.without_embedding = self._vectors.told, self._vectors.without
        pending = self._pending()
        bad = sum(not failure.passing for failure in self._project.failures())
        self.report.reused = self._project.image_count() - len(pending) - bad - self.report.without_embedding
        if not pending:
            return
        pace = Pace("Analysing images", len(pending))
        self.progress = Progress("Loading the encoder" if self._vectors is None else "Analysing images")
        batch_size: int | None = None
        provisional = self._wants_provisional and self._project.latest_map() is None
        while pending:
            try:
                for items in self._items(*self._analysis(pending, batch_size, provisional)):
                    for item in items:
                        if isinstance(item, Ready):
                            self.report.device = item.device
                            self.progress = pace.begin()
                        elif isinstance(item, ProvisionalMap):
                            self.provisional = item
                        else:
                            mark_redrawn(self._project, item)
                            filled = item if self._vectors is None else self._vectors.fill(item)
                            self._project.store_batch(self._encoder, filled)
                            self.report.embedded += len(item.embedded)
                            pace.advance(len(item.embedded) + len(item.unreadable))
                    if self.report.device:
                        self.progress = pace.now()
                    yield
                return
            except JobCrashed as crash:
                # Files are opened in processes of their own, so none is to blame: most likely memory. Go on with less
                # of it, then give up.
                pending = self._pending()
                if batch_size == 1:
                    raise UserError(
                        f"Analysing stopped: {crash}, with {len(pending):,} images left. What was analysed is "
                        "kept. Close other programs to free memory, or choose another device, and index again."
                    ) from crash
                batch_size = 8 if batch_size is None else 1
                provisional = False

    def _map(self) -> Iterator[None]:
        self.progress = Progress(COMPARING)
        latest = self._project.latest_map()
        if (
            latest is not None
            and not self._always_map
            and not self._project.get(MAP_OUTDATED)
            and latest.encoder_key == self._encoder.key
            and MapParameters.from_dict(latest.parameters) == self._parameters
            and self._project.tree(latest.map_id) is not None  # else of an older version
            and np.array_equal(latest.image_ids, self._project.embedded_ids(self._encoder.key))
        ):
            self._count_clusters(latest.clusters)
            return
        image_ids: Ids | None = None
        arguments = (self._project.path, self._encoder.key, self._parameters, self._device)
        for items in self._items(map_of_project, *arguments):
            for item in items:
                if isinstance(item, Stage):
                    self.progress = Progress(item.name, round(item.fraction * 100), 100 if item.fraction else 0)
                elif isinstance(item, FormingMap):
                    if self._wants_provisional and latest is None and image_ids is not None:
                        self.provisional = ProvisionalMap(image_ids[item.rows], item.xy, len(image_ids), forming=True)
                elif isinstance(item, BuiltMap):
                    assert image_ids is not None
                    self._store_map(item, image_ids)
                else:
                    image_ids = item
                    # Damaged ones are not on the map; the next run makes them anew.
                    damaged = np.setdiff1d(self._project.embedded_ids(self._encoder.key), image_ids)
                    if damaged.size:
                        self._project.drop_embeddings(self._encoder.key, damaged)
            yield

    def _store_map(self, built: BuiltMap, image_ids: Ids) -> None:
        project = self._project
        with project.db.atomic():
            before = project.latest_map()  # as it is now: the reader went on dividing it meanwhile
            project.store_map(self._encoder, self._parameters.to_dict(), image_ids, built)
            store_recall(project, built)
            stored = project.latest_map()
            assert stored is not None
            self._count_clusters(partitions.begin(project, stored, before).clusters)

    def _count_clusters(self, clusters: Any) -> None:
        self.report.clusters = int(clusters.max(initial=-1)) + 1
        self.report.noise = int((clusters < 0).sum())


def _as_json(item: LeftOut) -> dict[str, Any]:
    return {
        "kind": item.kind.name,
        "count": item.count,
        "reason": item.kind.reason,
        "ordinary": item.kind.ordinary,
        "files": list(item.files),
    }


def _nothing_found(folder: Path, left_out: Sequence[LeftOut]) -> str:
    met = describe_left_out(left_out)
    there = f" (there are: {met})" if met else ""
    return (
        f"No images in {folder}: nothing there is a {format_names()} file{there}. "
        "Choose the folder that holds the radiographs."
    )
