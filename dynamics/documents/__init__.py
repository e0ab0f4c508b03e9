"""Papers of life after listing, from frozen rows, one module per subject.

All of them are loaded with the package, so that the worker knows who makes what (`core.rendering`).
"""

from dynamics.documents import changes, cultivation, filings, inspections, record, table, upward, yearly

__all__ = ["changes", "cultivation", "filings", "inspections", "record", "table", "upward", "yearly"]
