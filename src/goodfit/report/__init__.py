"""Figures, the static HTML report and the terminal view; all read the ledger and nothing else."""
