"""Compiles what the program compiles, once, while its bundle is built (see `compiled_cache`), and decodes a little of
each kind of picture: a decoder that was left out is found here, not by a reader."""

from __future__ import annotations

from typing import Any

import numpy as np


def warm() -> None:
    """What a build asks of its bundle."""
    decode()
    compile_all()


def decode() -> None:
    """Raises where a decoder does not give back what was encoded, or is not there at all."""
    import imagecodecs
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

    picture = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) % 4096
    how: dict[str, dict[str, Any]] = {
        "jpeg8": {"bitspersample": 12, "lossless": True},
        "jpeg2k": {"reversible": True},
        "png": {},
        "tiff": {"compression": "lzw"},
    }
    for codec, words in how.items():
        encode, undo = (getattr(imagecodecs, f"{codec}_{word}") for word in ("encode", "decode"))
        assert np.array_equal(undo(encode(picture, **words)), picture), codec
    for syntax in (JPEGBaseline8Bit, JPEG2000Lossless, JPEGLSLossless, RLELossless):
        assert get_decoder(syntax).available_plugins, syntax.name


def compile_all() -> None:
    """Runs every compiled function on a little of the data it is for."""
    import cxr_explorer.atlas.outline
    import cxr_explorer.ui.map.kernels  # noqa: F401 - compiled when they are imported, with the one above
    from cxr_explorer.atlas.approximate import compare_approximately
    from cxr_explorer.atlas.build import BuiltMap, MapParameters, build_map

    rng = np.random.default_rng(0)
    centres = rng.normal(size=(6, 32))
    embeddings = (centres[rng.integers(6, size=600)] + 0.3 * rng.normal(size=(600, 32))).astype(np.float32)
    for stage in build_map(embeddings, MapParameters()):
        built = stage
    assert isinstance(built, BuiltMap)
    again = np.where(np.arange(600)[:, None] < 500, built.xy, np.float32(np.nan))
    for pinned in (False, True):
        for _stage in build_map(embeddings, MapParameters(), initial=again, pinned=pinned):
            pass
    many = rng.normal(size=(3000, 32)).astype(np.float32)  # as for more images than are compared one by one
    for _step in compare_approximately(many, 15, seed=0):
        pass
