"""What notebooks and scripts use: a project as arrays and frames, and the reader's verbs. No Qt, no PyTorch.

`import cxr_explorer as cxr` offers these names: `cxr.open_project(path)`, `cxr.create_project(folder)` and the types
they give. They are kept stable: a release that changes what one of them does says so in the changelog. All other rooms
of the package are the program's own.
"""

from cxr_explorer.api.arrays import Embeddings, ProjectArrays
from cxr_explorer.api.making import create_project, open_project
from cxr_explorer.api.opened import Labelled, OpenProject
from cxr_explorer.errors import UserError
from cxr_explorer.indexing import IndexReport
from cxr_explorer.labels.label import Value
from cxr_explorer.pace import Progress

__all__ = [
    "Embeddings",
    "IndexReport",
    "Labelled",
    "OpenProject",
    "Progress",
    "ProjectArrays",
    "UserError",
    "Value",
    "create_project",
    "open_project",
]
