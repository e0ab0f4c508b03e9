"""The verbs of notices, objections and announcements. Used through the module: `registry.services.notices.publish`."""
