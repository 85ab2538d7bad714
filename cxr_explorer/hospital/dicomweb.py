"""An archive that speaks DICOMweb (PS3.18): QIDO-RS to search, WADO-RS to fetch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cxr_explorer.errors import UserError
from cxr_explorer.hospital.archive import Archive, CutConnection, Film, Query, Take
from cxr_explorer.hospital.tls import tls_context
from cxr_explorer.images.pydicom_loading import load_pydicom

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient

ANSWER_S = 60.0
"""How long an archive may be silent."""

_STUDY, _SERIES, _INSTANCE, _CLASS = "0020000D", "0020000E", "00080018", "00080016"
_MODALITY, _DAY, _BODY_PART = "00080060", "00080020", "00180015"


@contextmanager
def connect(archive: Archive) -> Iterator[DicomWeb]:
    """The archive, to be asked. Raises UserError where the certificates named cannot be read."""
    load_pydicom()
    import requests
    from dicomweb_client import DICOMwebClient
    from requests.adapters import HTTPAdapter

    for name in ("dicomweb_client", "retrying", "urllib3"):  # they write addresses with UIDs in them
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    context = tls_context(archive)

    class SystemTrust(HTTPAdapter):
        """Trusts whom the system trusts: a hospital's own authority is known there, and not to requests."""

        def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
            super().init_poolmanager(*arguments, **more, ssl_context=context)

    with requests.Session() as session:
        session.trust_env = False  # no proxy, no password from a file: this archive and nothing else
        session.max_redirects = 0
        session.mount("https://", SystemTrust())
        if archive.user:
            session.auth = (archive.user, archive.password)
        client = DICOMwebClient(archive.address.rstrip("/"), session=session, timeout=(10.0, ANSWER_S))
        client.set_http_retry_params(retry=False)
        yield DicomWeb(client)


class DicomWeb:
    """A connection."""

    def __init__(self, client: DICOMwebClient) -> None:
        self._client = client

    def test(self) -> None:
        with _told():
            self._client.search_for_studies(limit=1)

    def find(self, query: Query) -> Iterator[list[Film]]:
        for modality in query.modalities:
            asked = {"Modality": modality} | ({"StudyDate": query.days} if query.days else {})
            fields = ["BodyPartExamined", "StudyDate"]
            with _told():
                found = self._client.search_for_series(search_filters=asked, fields=fields, get_remaining=True)
            for series in found:
                if query.wants(_text(series, _MODALITY), _text(series, _DAY), _text(series, _BODY_PART)):
                    yield self._films(_text(series, _STUDY), _text(series, _SERIES))

    def _films(self, study: str, series: str) -> list[Film]:
        with _told():
            found = self._client.search_for_instances(study, series, get_remaining=True)
        return [Film(study, series, _text(one, _INSTANCE), _text(one, _CLASS)) for one in found]

    def retrieve(self, films: Sequence[Film], take: Take) -> Iterator[None]:
        for film in films:
            try:
                with _told(), warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)  # of an answer that is not quite the standard's
                    dataset = self._client.retrieve_instance(film.study, film.series, film.instance)
            except _Refused:
                yield  # this one is not to be had; the others may be
                continue
            take(dataset)
            yield


class _Refused(UserError):
    """The archive answered, and said no."""


def _text(found: dict[str, Any], tag: str) -> str:
    """The first value of an element in DICOM's JSON."""
    values = found.get(tag, {}).get("Value") or [""]
    return str(values[0])


@contextmanager
def _told() -> Iterator[None]:
    """What may go wrong on the way, in words."""
    import requests

    try:
        yield
    except requests.HTTPError as error:
        code = error.response.status_code if error.response is not None else 0
        if code in (401, 403):
            raise UserError(
                "The archive refused user or password. Type them again; if they are right, ask your IT whether this "
                "user may search and fetch by DICOMweb."
            ) from error
        if code >= 500 and code != 501:
            raise CutConnection(f"The archive has a fault (HTTP {code}). Try again later, or tell your IT.") from error
        raise _Refused(
            f"The archive did not understand (HTTP {code}). Check the address: it must be that of DICOMweb, often "
            "ending in /dicom-web or /dicomweb."
        ) from error
    except requests.TooManyRedirects as error:
        raise UserError("The archive sends us on to another address. Ask your IT for the one to be used.") from error
    except requests.exceptions.SSLError as error:
        raise UserError(
            "The archive's certificate is not trusted, or the port speaks no TLS. Ask your IT for the right address "
            "and the file of the hospital's authority (PEM)."
        ) from error
    except requests.ConnectTimeout as error:
        raise UserError("The archive does not answer. Check address and port, and whether you may reach it.") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise CutConnection("The connection to the archive was cut.") from error
    except (requests.ConnectionError, requests.Timeout) as error:
        if "NewConnectionError" in repr(error) or "NameResolution" in repr(error):
            raise UserError("Nothing answers at the archive's address. Check it, and the network.") from error
        raise CutConnection("The connection to the archive was cut.") from error
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:  # over an answer that is no DICOMweb
        raise CutConnection("What the archive answered was cut off, or is no DICOMweb. Check its address.") from error
