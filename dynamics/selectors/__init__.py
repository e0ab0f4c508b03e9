"""Page-shaped reads of life after listing, one module per subject."""
