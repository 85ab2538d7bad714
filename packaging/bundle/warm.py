"""Compiles what the program compiles, once, while its bundle is built: see `compiled_cache`."""

from __future__ import annotations

import numpy as np


def warm() -> None:
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
