"""Files from committed rows: report and template (applicant), letter, summary, check page (batch)."""
