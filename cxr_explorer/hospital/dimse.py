"""An archive that speaks DICOM's own protocol (PS3.7): C-ECHO, C-FIND, and C-GET or C-MOVE to fetch."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

from cxr_explorer.errors import UserError
from cxr_explorer.hospital.archive import IMAGE_CLASSES, Archive, CutConnection, Film, Query, Take
from cxr_explorer.hospital.tls import tls_context
from cxr_explorer.images.dicom_elements import text
from cxr_explorer.images.pydicom_loading import load_pydicom

if TYPE_CHECKING:
    from pydicom import Dataset
    from pynetdicom import AE
    from pynetdicom.association import Association

CONNECT_S, ANSWER_S = 10.0, 60.0
"""How long is waited for a connection, and how long an archive may be silent."""

_SUCCESS, _PENDING = 0x0000, (0xFF00, 0xFF01)
_OUT_OF_RESOURCES, _NOT_WANTED = 0xA700, 0x0122
_UNKNOWN_DESTINATION = 0xA801

_USER, _USER_AND_PASSWORD = 1, 2
_BY_ACSE = 2  # who refused an association for the user's sake (PS3.7 D.3.3.7)

_SYNTAXES = (
    "1.2.840.10008.1.2.1",  # explicit, little-endian
    "1.2.840.10008.1.2",  # implicit
    "1.2.840.10008.1.2.4.70",  # JPEG lossless
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.80",  # JPEG-LS
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",  # JPEG 2000
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.50",  # JPEG
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.5",  # RLE
)
"""Transfer syntaxes that are read, see `images.dicom_pixels`."""


@contextmanager
def connect(archive: Archive) -> Iterator[Dimse]:
    """The archive, to be asked; each question makes an association of its own."""
    load_pydicom()
    from pynetdicom import AE

    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)  # it writes what is asked and answered
    entity = AE(archive.own_title)
    entity.connection_timeout, entity.acse_timeout = CONNECT_S, CONNECT_S
    entity.dimse_timeout, entity.network_timeout = ANSWER_S, ANSWER_S
    try:
        yield Dimse(entity, archive)
    finally:
        entity.shutdown()


class Dimse:
    """An archive to be asked."""

    def __init__(self, entity: AE, archive: Archive) -> None:
        self._entity = entity
        self._archive = archive

    def test(self) -> None:
        from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

        with self._association([Verification]) as association:
            _status(association.send_c_echo())

    def find(self, query: Query) -> Iterator[list[Film]]:
        from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]

        with self._association([StudyRootQueryRetrieveInformationModelFind]) as association:
            studies: dict[str, None] = {}
            for modality in query.modalities:
                asked = _identifier("STUDY", StudyInstanceUID="", StudyDate=query.days, ModalitiesInStudy=modality)
                for study in _found(association, asked):
                    if query.wants("", text(study, "StudyDate")):
                        studies[text(study, "StudyInstanceUID")] = None
            for uid in studies:
                asked = _identifier(
                    "SERIES", StudyInstanceUID=uid, SeriesInstanceUID="", Modality="", BodyPartExamined=""
                )
                for series in _found(association, asked):
                    if query.wants(text(series, "Modality"), "", text(series, "BodyPartExamined")):
                        yield self._films(association, uid, text(series, "SeriesInstanceUID"))

    def _films(self, association: Association, study: str, series: str) -> list[Film]:
        asked = _identifier(
            "IMAGE", StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID="", SOPClassUID=""
        )
        found = _found(association, asked)
        return [Film(study, series, text(one, "SOPInstanceUID"), text(one, "SOPClassUID")) for one in found]

    def retrieve(self, films: Sequence[Film], take: Take) -> Iterator[None]:
        from pynetdicom import build_role, evt
        from pynetdicom.sop_class import (  # type: ignore[attr-defined]
            StudyRootQueryRetrieveInformationModelGet,
            StudyRootQueryRetrieveInformationModelMove,
        )

        arriving = _Arriving(films, take)
        handlers = [(evt.EVT_C_STORE, arriving.store)]
        if self._archive.kind == "c-get":
            roles = [build_role(uid, scp_role=True) for uid in IMAGE_CLASSES]
            model = StudyRootQueryRetrieveInformationModelGet
            with self._association([model], handlers, roles) as association:
                yield from self._ask(films, arriving, lambda asked: association.send_c_get(asked, model))
            return
        model = StudyRootQueryRetrieveInformationModelMove
        with self._receiver(handlers), self._association([model]) as association:
            own = self._archive.own_title
            yield from self._ask(films, arriving, lambda asked: association.send_c_move(asked, own, model))

    def _ask(self, films: Sequence[Film], arriving: _Arriving, send: Any) -> Iterator[None]:
        """Has the films of each series sent. Raises UserError where none came and the archive says that it failed."""
        failed = 0
        for (study, series), group in groupby(films, key=lambda film: (film.study, film.series)):
            instances = [film.instance for film in group]
            asked = _identifier("IMAGE", StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=instances)
            for status, _ in send(asked):
                if arriving.trouble is not None:
                    raise arriving.trouble
                code = _status(status, stops=False)
                failed = failed if code in (_SUCCESS, *_PENDING) else code
                if code == _UNKNOWN_DESTINATION:
                    raise UserError(
                        f"The archive does not know this computer as {self._archive.own_title}. Your IT must enter "
                        f"this AE title there, with this computer's address and port {self._archive.own_port}."
                    )
                yield
        if failed and not arriving.count:
            port = self._archive.own_port
            way = f": port {port} may be closed by a firewall, or be another in the archive"
            way = way if self._archive.kind == "c-move" else ""
            raise UserError(f"The archive sent no film (status {failed:04X}){way}. Ask your IT.")

    @contextmanager
    def _association(
        self, models: Sequence[str], handlers: Sequence[Any] = (), roles: Sequence[Any] = ()
    ) -> Iterator[Association]:
        """An association that is released at the end."""
        from pynetdicom import evt
        from pynetdicom.presentation import build_context

        host, port = self._archive.place()
        contexts = [build_context(model) for model in models]
        contexts += [build_context(uid, list(_SYNTAXES)) for uid in IMAGE_CLASSES if roles]
        tls = (tls_context(self._archive), host) if self._archive.encrypted else None
        opened: list[object] = []
        watched = [*handlers, (evt.EVT_CONN_OPEN, _send_at_once), (evt.EVT_CONN_OPEN, opened.append)]
        for tries in (1, 2):
            association = self._entity.associate(
                *(host, port, contexts, self._archive.title),
                ext_neg=[*roles, *_identity(self._archive)],
                evt_handlers=watched,
                tls_args=tls,
            )
            # Who refuses and hangs up at once may cut off the refusal on its way: asked again, the reason is heard.
            if association.is_established or association.is_rejected or len(opened) < tries:
                break
        if not association.is_established:
            raise _why_not(association, self._archive)
        _keep_answers_for_the_asker(association)
        try:
            if not any(context.abstract_syntax in models for context in association.accepted_contexts):
                raise UserError(
                    "The archive does not offer this (C-FIND, C-GET or C-MOVE). Ask your IT which of them it allows to "
                    f"{self._archive.own_title}, or fetch by DICOMweb."
                )
            yield association
        finally:
            if association.is_established:
                association.release()

    @contextmanager
    def _receiver(self, handlers: Sequence[Any]) -> Iterator[None]:
        """This program waits for what the archive sends; only from the archive's title, only for its own."""
        from pynetdicom.presentation import build_context

        contexts = [build_context(uid, list(_SYNTAXES)) for uid in IMAGE_CLASSES]
        tls = tls_context(self._archive, for_clients=True) if self._archive.encrypted else None
        self._entity.require_called_aet = True
        self._entity.require_calling_aet = [self._archive.title]
        port = self._archive.own_port
        try:
            server = self._entity.start_server(
                ("", port), block=False, ssl_context=tls, evt_handlers=list(handlers), contexts=contexts
            )
        except OSError as error:
            raise UserError(
                f"Cannot wait for films on port {port}: {error.strerror or error}. Choose another port, which your IT "
                "enters in the archive too."
            ) from error
        try:
            yield
        finally:
            if server is not None:
                server.shutdown()


def _identity(archive: Archive) -> list[Any]:
    """The user's identity as the association negotiates it (PS3.7 D.3.3.7); none where none is named."""
    from pynetdicom.pdu_primitives import UserIdentityNegotiation

    if not archive.user:
        return []
    identity = UserIdentityNegotiation()
    identity.user_identity_type = _USER_AND_PASSWORD if archive.password else _USER
    identity.primary_field = archive.user.encode()
    identity.secondary_field = archive.password.encode()
    return [identity]


class _Arriving:
    """Takes what was asked for, and nothing else."""

    def __init__(self, films: Sequence[Film], take: Take) -> None:
        self._wanted = {film.instance for film in films}
        self._take = take
        self.count = 0
        self.trouble: Exception | None = None

    def store(self, event: Any) -> int:
        """Answers a C-STORE."""
        if self.trouble is not None:
            return _OUT_OF_RESOURCES
        if str(event.request.AffectedSOPInstanceUID) not in self._wanted:
            return _NOT_WANTED
        try:
            dataset = event.dataset
            dataset.file_meta = event.file_meta
            self._take(dataset)
            self.count += 1
        except Exception as error:  # noqa: BLE001 - raised where the films were asked for
            self.trouble = error
            return _OUT_OF_RESOURCES
        return _SUCCESS


def _keep_answers_for_the_asker(association: Association) -> None:
    """The association's own thread looks for requests, where none can come here, and finds nothing.

    On a busy computer that of pynetdicom 3.0 took an answer now and then before the one who had asked did, and dropped
    it: its pause (`_is_paused`) may be that of the question before.
    """
    take = association.dimse.get_msg

    def take_if_awaited(block: bool = False) -> Any:
        return take(block) if block else (None, None)

    association.dimse.get_msg = take_if_awaited  # type: ignore[method-assign]


def _send_at_once(event: Any) -> None:
    """Without this the second of two small packets waits until the first is acknowledged: 40 ms a question."""
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _identifier(level: str, **elements: Any) -> Dataset:
    from pydicom import Dataset

    dataset = Dataset()
    dataset.QueryRetrieveLevel = level
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def _found(association: Association, asked: Dataset) -> list[Dataset]:
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]

    found = []
    for status, dataset in association.send_c_find(asked, StudyRootQueryRetrieveInformationModelFind):
        if _status(status) in _PENDING:
            if dataset is None:
                raise CutConnection("What the archive answered cannot be read.")
            found.append(dataset)
    return found


def _status(status: Dataset, stops: bool = True) -> int:
    """The code of an answer. Raises CutConnection where there is none, UserError where it `stops` and is a failure."""
    if "Status" not in status:
        raise CutConnection("The connection to the archive was cut.")
    code = int(status.Status)
    if stops and code != _SUCCESS and code not in _PENDING:
        raise UserError(f"The archive refused what it was asked (status {code:04X}). Ask your IT what it allows.")
    return code


def _why_not(association: Association, archive: Archive) -> UserError:
    if association.is_rejected:
        answer = association.acceptor.primitive
        reason = getattr(answer, "diagnostic", 0)
        if getattr(answer, "result_source", 0) == 1 and reason == 7:
            return UserError(f"The archive does not call itself {archive.title}. Ask your IT for its AE title.")
        if getattr(answer, "result_source", 0) == 1 and reason == 3:
            return UserError(
                f"The archive does not know {archive.own_title}. Your IT must enter this program's AE title there."
            )
        if getattr(answer, "result_source", 0) == _BY_ACSE and archive.user:
            return UserError(
                "The archive refused user or password. Type them again; if they are right, ask your IT whether this "
                "user may search and fetch."
            )
        wants_user = "" if archive.user else " It may ask for a user and a password."
        return UserError(
            f"The archive refused the connection.{wants_user} Ask your IT whether this computer may ask it."
        )
    encrypted = ""
    if archive.encrypted:
        asks = "" if archive.certificate else "; or it asks for a certificate of this computer"
        encrypted = f"it speaks no TLS, or its certificate is not trusted{asks}; "
    return CutConnection(
        f"No connection to the archive at {archive.address}: {encrypted}nothing may answer there, or a firewall is in "
        "the way. Check address and port with your IT."
    )
