"""The verbs of calls, applications, screening and batches. Used through the module: `applications.services.drafts.start`."""
