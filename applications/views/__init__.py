"""Pages of calls, cases, review desk and batches: one service call each, no rules."""
