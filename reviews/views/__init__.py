"""Pages of panels, seats and decisions."""
