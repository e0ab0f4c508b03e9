"""Page-shaped reads of calls, applications and batches, split by subject."""

from applications.selectors.calls import due_of, due_on, rules_of

__all__ = ["due_of", "due_on", "rules_of"]
