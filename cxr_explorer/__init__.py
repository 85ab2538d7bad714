"""CXR Explorer: from a folder of unlabelled chest radiographs to labels one can trust."""

__version__ = "0.1.0"
