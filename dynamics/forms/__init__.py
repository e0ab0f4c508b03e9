"""What people type into the pages of life after listing, one module per subject."""
