"""Papers of life after listing, from frozen rows, one module per subject."""
