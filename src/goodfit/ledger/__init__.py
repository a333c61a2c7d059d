"""What happened: studies, stages, trials, curves, findings and decisions, in SQLite behind a store seam."""
