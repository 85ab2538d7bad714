"""Encryption of connections to an archive."""

from __future__ import annotations

import ssl

from cxr_explorer.errors import UserError
from cxr_explorer.hospital.archive import Archive


def tls_context(archive: Archive, for_clients: bool = False) -> ssl.SSLContext:
    """What encrypted connections are made with; `for_clients` where others connect to this program."""
    try:
        purpose = ssl.Purpose.CLIENT_AUTH if for_clients else ssl.Purpose.SERVER_AUTH
        context = ssl.create_default_context(purpose)
        if archive.authorities:
            context.load_verify_locations(archive.authorities)
        if archive.certificate:
            context.load_cert_chain(archive.certificate)
    except (OSError, ssl.SSLError) as error:
        raise UserError(
            f"Cannot use the certificates: {error.strerror or type(error).__name__}. Name files in the form PEM."
        ) from error
    return context
