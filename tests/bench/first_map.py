"""The first map of 5,000 images beside umap + hdbscan, in fresh processes: `python -m tests.bench.first_map --json`

What `tests.bench.map` measures, imports and compiling included; `ratio` is our processor time over theirs.
"""

from __future__ import annotations

import sys

from tests.bench import map as whole_map

if __name__ == "__main__":
    sys.argv[1:] = ["--fresh", "--images", "5000", *sys.argv[1:]]
    whole_map.main()
