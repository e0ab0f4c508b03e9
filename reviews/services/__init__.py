"""The verbs of panels, seats and decisions. Used through the module: `reviews.services.panels.open_panel`."""
