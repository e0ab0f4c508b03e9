"""System checks of core (`manage.py check`)."""
