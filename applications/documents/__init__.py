"""Files from committed rows: report and template (applicant), case file, letter, summary, check page (batch).

All of them are loaded with the package, so that the worker knows who makes what (`core.rendering`).
"""

from applications.documents import annexes, batch, checks, dossier, report

__all__ = ["annexes", "batch", "checks", "dossier", "report"]
