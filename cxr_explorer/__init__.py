"""CXR Explorer: from a folder of unlabelled chest radiographs to labels one can trust.

In a notebook: `import cxr_explorer as cxr`, then `cxr.open_project(path)` or `cxr.create_project(folder)`. These names
are those of `cxr_explorer.api`, which is imported when one of them is used, not before: the window, the command line
and every child process import this file too.
"""

__version__ = "0.1.0"

__all__ = [
    "Embeddings",
    "IndexReport",
    "Labelled",
    "OpenProject",
    "Progress",
    "ProjectArrays",
    "UserError",
    "Value",
    "__version__",
    "create_project",
    "open_project",
]

TYPE_CHECKING = False  # as type checkers know it, without importing `typing`

if TYPE_CHECKING:
    from cxr_explorer.api import (
        Embeddings,
        IndexReport,
        Labelled,
        OpenProject,
        Progress,
        ProjectArrays,
        UserError,
        Value,
        create_project,
        open_project,
    )
else:

    def __getattr__(name):
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module("cxr_explorer.api"), name)
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
