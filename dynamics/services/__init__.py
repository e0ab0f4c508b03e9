"""The verbs of life after listing, one module per subject."""
