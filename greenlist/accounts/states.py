"""Words that several apps share about accounts."""

CAPACITY_KEY = "capacity"  # session key of the role switcher's choice
