"""Whether a project may ask an archive: off until its reader switches it on, for one archive, for this project."""

from __future__ import annotations

import json
from dataclasses import dataclass

from cxr_explorer.errors import UserError
from cxr_explorer.hospital.archive import KINDS, OWN_PORT, OWN_TITLE, Archive
from cxr_explorer.project.project import Project

_SETTING = "archive"
"""Setting: the archive this project may ask, as JSON; "" for none. Neither user nor password is in it."""

OFF = (
    "Fetching is switched off for this project: it connects to no other computer. Switch it on for this archive first "
    "(--allow-network, or the box in the window's dialog)."
)


@dataclass(frozen=True)
class Permission:
    """That this very archive may be asked. Made by `allow` and `permission_for` alone."""

    kind: str
    address: str


def allow(project: Project, archive: Archive) -> Permission:
    """Switches it on for this archive, in place of another. Raises UserError where it cannot be one."""
    archive.check()
    kept = {
        "kind": archive.kind,
        "address": archive.address,
        "title": archive.title,
        "own_title": archive.own_title,
        "own_port": archive.own_port,
        "encrypted": archive.encrypted,
        "authorities": archive.authorities,
        "certificate": archive.certificate,
    }
    project.set(_SETTING, json.dumps(kept))
    return Permission(archive.kind, archive.address)


def forbid(project: Project) -> None:
    """Switches it off."""
    project.set(_SETTING, "")


def allowed_archive(project: Project) -> Archive | None:
    """The archive that may be asked, without user and password; None where it is switched off."""
    try:
        kept = json.loads(project.get(_SETTING) or "null")
        if kept is None or kept["kind"] not in KINDS:
            return None
        return Archive(
            kept["kind"],
            str(kept["address"]),
            str(kept.get("title", "")),
            str(kept.get("own_title", OWN_TITLE)),
            int(kept.get("own_port", OWN_PORT)),
            bool(kept.get("encrypted", True)),
            str(kept.get("authorities", "")),
            str(kept.get("certificate", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # damaged: as good as off


def permission_for(project: Project, archive: Archive) -> Permission:
    """That this project may ask this archive. Raises UserError where it was not switched on for it."""
    kept = allowed_archive(project)
    if kept is None or (kept.kind, kept.address) != (archive.kind, archive.address):
        raise UserError(OFF)
    return Permission(archive.kind, archive.address)
