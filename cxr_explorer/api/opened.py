"""An open project in a notebook: its tables as pandas frames, and what a reader does."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.api.arrays import Embeddings, ProjectArrays, map_of
from cxr_explorer.api.frames import frame_of
from cxr_explorer.atlas.build import MapParameters
from cxr_explorer.encoder.checkpoint import EncoderInfo, default_encoder, encoder_of, encoder_with_key
from cxr_explorer.encoder.file_model import FileModel, file_model
from cxr_explorer.errors import UserError
from cxr_explorer.exchange.form import Wanted
from cxr_explorer.exchange.forms import form_named
from cxr_explorer.images.read import read
from cxr_explorer.indexing import Indexing, IndexReport
from cxr_explorer.labels.label import How, Judgement, Value
from cxr_explorer.labels.reader_names import check_reader
from cxr_explorer.labels.texts import VALUES_BY_WORD
from cxr_explorer.pace import Progress, run_out
from cxr_explorer.project import acts, contradictions, labelling
from cxr_explorer.project.label_columns import finding_of
from cxr_explorer.project.partitions import cluster_of
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.project.redrawn import shown_frame
from cxr_explorer.shards.file_vectors import encoder_to_go_on_with
from cxr_explorer.tables.embeddings import reading_embeddings, stem_of
from cxr_explorer.tables.format import WriteReport

if TYPE_CHECKING:
    import pandas as pd

    from cxr_explorer.api.film_dataset import FilmDataset, Transform

Word = Literal["present", "absent", "uncertain", "not read"]
Images = int | str | Sequence[int] | Sequence[str] | NDArray[np.integer]
"""One image or several, by id, or by their paths below the image folder."""


@dataclass(frozen=True)
class Labelled:
    """What `OpenProject.label` did, counted in images.

    Attributes:
        text: In words, as the window's list of acts has it.
        images: Images that carry the value now because of it.
        overwritten: Of these, images whose own label had another value.
        excluded: Images that were left out because they are excluded.
        already: Images that had this very label; they keep its provenance.
        contradicting: Images that now carry findings as present that exclude each other.
    """

    text: str
    images: int
    overwritten: int
    excluded: int
    already: int
    contradicting: int


class OpenProject:
    """A project that is open. `open_project` and `create_project` give it; use it in a `with` block, or `close` it.

    Tables come as pandas frames; `arrays` has the same ones as NumPy arrays, for where pandas is not installed, and
    says what each column holds. What is read is what the file holds at that moment, also what a window wrote meanwhile.

    Attributes:
        path: The project file.
        read_only: Whether it was opened to read alone.
        arrays: Its tables as `dict[str, numpy.ndarray]`.
    """

    def __init__(self, project: Project, reader: str, read_only: bool = False) -> None:
        """Not to be called by notebooks: see `open_project`."""
        self._project = project
        self.path = project.path
        self.read_only = read_only
        self._reader = reader
        self.arrays = ProjectArrays(project, reader)

    def close(self) -> None:
        """Closes the file, so that a window or another notebook may write it; closing twice does nothing."""
        self._project.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"OpenProject({str(self.path)!r}, reader={self.reader!r}, read_only={self.read_only})"

    # -- what it holds ---------------------------------------------------------------------------------------------

    @property
    def reader(self) -> str:
        """Under whose name labels are given and asked for where no reader is named; chosen when it was opened."""
        return self._reader

    @property
    def folder(self) -> Path:
        """The image folder. It is only ever read."""
        return self._project.folder

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The findings the project works with, in order."""
        return self._project.vocabulary.findings

    def images(self) -> pd.DataFrame:
        """Every file the project knows, see `ProjectArrays.images`. Raises UserError where pandas is not installed."""
        return frame_of(self.arrays.images())

    def facts(self) -> pd.DataFrame:
        """View, sex, age and what else is known of the images that were read, see `ProjectArrays.facts`.

        Raises:
            UserError: pandas is not installed.
        """
        return frame_of(self.arrays.facts())

    def embeddings(self, encoder: str | None = None) -> Embeddings:
        """The embeddings (N, D) float32 and their images, see `ProjectArrays.embeddings`; raises UserError as that."""
        return self.arrays.embeddings(encoder)

    def map(self) -> pd.DataFrame:
        """The newest map, an image a row: coordinates, cluster, outlier score; see `ProjectArrays.map`.

        Raises:
            UserError: There is no map, or pandas is not installed.
        """
        return frame_of(self.arrays.map())

    def clusters(self, reader: str | None = None) -> pd.DataFrame:
        """The clusters of the newest map, see `ProjectArrays.clusters`.

        Raises:
            UserError: There is no map, or pandas is not installed.
        """
        return frame_of(self.arrays.clusters(reader))

    def labels(self, finding: str | None = None, reader: str | None = None) -> pd.DataFrame:
        """The labels with their provenance, of every reader where none is named; see `ProjectArrays.labels`.

        Raises:
            UserError: There is no such finding, or pandas is not installed.
        """
        return frame_of(self.arrays.labels(finding, reader))

    def targets(
        self, findings: Sequence[str] | None = None, reader: str | None = None, uncertain: float = math.nan
    ) -> pd.DataFrame:
        """One reader's labels as numbers to learn from, a column a finding; see `ProjectArrays.targets`.

        Raises:
            UserError: A finding is not in the vocabulary, or pandas is not installed.
        """
        return frame_of(self.arrays.targets(findings, reader, uncertain))

    def suggestions(self, finding: str, reader: str | None = None) -> pd.DataFrame:
        """What a reader's labels of a finding suggest for the other images, see `ProjectArrays.suggestions`.

        Raises:
            UserError: There is no map, the finding is not in the vocabulary, or pandas is not installed.
        """
        return frame_of(self.arrays.suggestions(finding, reader))

    def findings(self, reader: str | None = None) -> pd.DataFrame:
        """How far a reader is with each finding, see `ProjectArrays.findings`.

        Raises:
            UserError: There is no map, or pandas is not installed.
        """
        return frame_of(self.arrays.findings(reader))

    def audits(self, finding: str | None = None, reader: str | None = None) -> pd.DataFrame:
        """Every random audit that was started and what became of it, see `ProjectArrays.audits`.

        Raises:
            UserError: There is no such finding, or pandas is not installed.
        """
        return frame_of(self.arrays.audits(finding, reader))

    def pixels(self, image: int | str) -> NDArray[np.float32]:
        """The picture of an image as the window and the encoder see it, read from its file.

        Args:
            image: Its id, or its path below the image folder.

        Returns:
            (H, W) float32, 0 black to 1 white, row 0 at the top.

        Raises:
            UserError: There is no such image, or its file cannot be read.
        """
        (image_id,) = self._ids(image).tolist()
        return read(self.folder / self._project.image(image_id).path, shown_frame(self._project)).pixels

    def torch_dataset(
        self,
        findings: Sequence[str] | None = None,
        reader: str | None = None,
        *,
        size_px: int | None = None,
        uncertain: float = math.nan,
        unlabelled: bool = False,
        transform: Transform | None = None,
    ) -> FilmDataset:
        """A `torch.utils.data.Dataset` of pictures and labels; it reads the files anew, and the project may be closed.

        An item is (picture (1, S, S) float32, target (F,) float32): the picture as the newest map's encoder is fed it
        (as the default one, where that is of a folder of its own), the target 1 present, 0 absent, NaN not read. Its
        `image_ids`, `files`, `findings`, `targets` and `patients` say what is what: split by `patients` where they are
        known.

        Args:
            findings: F findings, in this order; None for the vocabulary.
            reader: Whose labels.
            size_px: S; None for the encoder's own.
            uncertain: What an uncertain label counts as.
            unlabelled: Whether images without a label of these findings are in it too.
            transform: Applied to the picture, a (1, S, S) float32 tensor.

        Raises:
            UserError: PyTorch is not installed, or a finding is not in the vocabulary. Getting an item raises it where
                the file cannot be read.
        """
        try:
            from cxr_explorer.api.film_dataset import FilmDataset, with_labels
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise UserError(
                "No dataset was made: PyTorch is not installed. Install it (pip install torch), or read the pictures "
                "with `pixels` and the labels with `targets`."
            ) from error
        columns = self.arrays.targets(findings, reader, uncertain)
        if not unlabelled:
            columns = with_labels(columns)
        patients = self._project.patient_groups(columns["image_id"])
        atlas = self._project.latest_map()
        encoder = (encoder_with_key(atlas.encoder_key) if atlas is not None else None) or default_encoder()
        frame = shown_frame(self._project)
        return FilmDataset(self.folder, encoder.spec, columns, patients, size_px, transform, frame)

    # -- what a reader does ----------------------------------------------------------------------------------------

    def label(
        self,
        finding: str,
        value: Word | Value | None,
        *,
        cluster: int | str | None = None,
        images: Images | None = None,
        leave_out: Images = (),
        one_by_one: bool = False,
        reader: str | None = None,
    ) -> Labelled:
        """Gives a cluster or some images a label, as one act that `undo` takes back whole; excluded images are skipped.

        Args:
            finding: One of the vocabulary.
            value: "present", "absent" or "uncertain"; "not read" or None takes labels away.
            cluster: Number or name of a cluster; 0 is the unclustered images. Either this, or `images`.
            images: Ids, or paths below the image folder.
            leave_out: Of these, images that stay as they are.
            one_by_one: Whether the reader looked at each of the images. What suggestions and audits may rely on depends
                on it: say so only where it is true.
            reader: Who judges.

        Raises:
            UserError: The project was opened to read alone, there is no such finding, cluster or image, the name is no
                reader's, or the file cannot be written.
            ValueError: Neither or both of cluster and images are given, or a whole cluster as read one by one, or the
                value is none.
        """
        self._check_writable()
        if (cluster is None) == (images is None):
            raise ValueError("give either a cluster or images")
        if one_by_one and cluster is not None:
            raise ValueError("a cluster is labelled as a whole: give the images that were read one by one")
        finding = finding_of(self._project, finding)
        name = check_reader(reader or self.reader)
        atlas = self._project.latest_map() if images is not None else map_of(self._project)
        how: How = "single" if one_by_one else "selection"
        identity: int | None = None
        if images is not None:
            ids = self._ids(images)
        else:
            assert atlas is not None
            number = cluster_of(atlas, str(cluster))
            ids, how, identity = atlas.image_ids[atlas.clusters == number], "cluster", atlas.identity(number)
            if not len(ids):
                raise UserError("The map has no unclustered images.")
        ids = np.setdiff1d(ids, self._ids(leave_out))
        map_id = atlas.map_id if atlas is not None else None
        judgement = Judgement(finding, _value_of(value), name, how, identity, map_id)
        plan = labelling.plan_label(self._project, ids, finding, judgement.value, name)
        change = labelling.label(self._project, ids, judgement)
        against = contradictions.of_last_act(self._project) if change is not None else None
        return Labelled(
            change.text if change is not None else "Nothing changed",
            plan.images,
            plan.overwrites,
            plan.excluded,
            plan.already,
            against.images if against is not None else 0,
        )

    def undo(self) -> str | None:
        """Takes back the last act in the project, whoever did it, in this notebook or in a window before.

        Returns:
            What was taken back, in words; None where there was nothing.

        Raises:
            UserError: The project was opened to read alone, or the file cannot be written.
        """
        self._check_writable()
        change = acts.undo(self._project)
        return change.text if change is not None else None

    def redo(self) -> str | None:
        """Does again what `undo` took back last. Returns and raises as `undo` does."""
        self._check_writable()
        change = acts.redo(self._project)
        return change.text if change is not None else None

    def export_labels(self, out: str | PathLike[str], form: str = "long", reader: str | None = None) -> int:
        """Writes the labels as the command `export` does, without the readers' notes.

        Args:
            out: The file.
            form: A name of the forms the command knows: "long" (everything, also who labelled and how sure it is),
                "nih", "chexpert", "parquet", "label-studio", "coco", "imagefolder", "dicom-sr", ... Those of many
                files make a folder, which must not be there yet.
            reader: Only this reader's; None for everybody's.

        Returns:
            How many labels were written.

        Raises:
            UserError: The place cannot be written, or a package that the form needs is not installed.
            KeyError: There is no such form.
        """
        chosen = form_named(form)
        chosen.check()
        *_, report = chosen.write(self._project, Path(out), Wanted(reader, notes=False))
        assert isinstance(report, WriteReport)
        return report.labels

    def index(
        self,
        *,
        encoder: str | PathLike[str] | None = None,
        device: str = "auto",
        progress: Callable[[Progress], object] | None = None,
        embeddings: str | PathLike[str] | None = None,
        model: str | None = None,
    ) -> IndexReport:
        """Looks at the image folder again: analyses what is new, and builds the map anew where something changed.

        It works in a child process; interrupting it (Ctrl+C, the kernel's stop button) keeps what was done, and the
        next call goes on from there. In a script, call it below `if __name__ == "__main__":`, as `multiprocessing` asks
        for.

        Args:
            encoder: Name of a bundled encoder, or the folder of one; None for the newest map's, or the default one.
            device: "auto", "cpu", "cuda" or "mps".
            progress: Called about twice a second with where it stands.
            embeddings: A file of file names and embeddings that another model made, taken instead of an encoder's:
                .npz, .csv or .parquet. Later calls go on with it until an encoder is named.
            model: Name of that model; None for the file's name.

        Raises:
            UserError: The project was opened to read alone, the folder, the encoder or the file of embeddings cannot be
                read, or the run cannot go on; what was stored is kept.
            ValueError: Both an encoder and embeddings are named.
        """
        if encoder is not None and embeddings is not None:
            raise ValueError("encoder and embeddings exclude one another")
        self._check_writable()
        given = run_out(reading_embeddings(Path(embeddings))) if embeddings is not None else None
        atlas = self._project.latest_map()
        parameters = MapParameters.from_dict(atlas.parameters) if atlas is not None else None
        chosen: EncoderInfo | FileModel
        if given is not None:
            chosen = file_model(model or stem_of(given.path), given.path.name, given.vectors.shape[1])
        else:
            chosen = self._encoder(encoder)
        indexing = Indexing(self._project, chosen, device, parameters, given=given)
        try:
            while not indexing.finished:
                now = indexing.advance(0.5)
                if progress is not None:
                    progress(now)
        finally:
            indexing.cancel()
        return indexing.report

    def _encoder(self, name: str | PathLike[str] | None) -> EncoderInfo | FileModel:
        """The encoder to index with. Raises UserError where the newest map's has to be named."""
        return encoder_of(str(name)) if name is not None else encoder_to_go_on_with(self._project, "index(encoder=…)")

    def _check_writable(self) -> None:
        if self.read_only:
            raise UserError(
                f"Nothing was changed: {self.path} was opened to read alone. Close it, then open it without read_only."
            )

    def _ids(self, images: Images) -> Ids:
        """Ids, ascending. Raises UserError for an image that is not in the project."""
        wanted = [images] if isinstance(images, str | int) else list(images)
        paths = self._project.paths()
        by_path = {path: image_id for image_id, path in paths.items()}
        ids = [by_path.get(one, -1) if isinstance(one, str) else int(one) for one in wanted]
        for image_id, one in zip(ids, wanted, strict=True):
            if image_id not in paths:
                raise UserError(f"There is no image {one} in {self.path}. `images()` lists them.")
        return np.unique(np.array(ids, np.int64))


def _value_of(value: str | Value | None) -> Value | None:
    if value is None or value == "not read":
        return None
    if isinstance(value, str):
        if value not in VALUES_BY_WORD:
            raise ValueError(f"{value!r} is no value: it is one of {', '.join(VALUES_BY_WORD)}, not read")
        return VALUES_BY_WORD[value]
    return Value(value)
