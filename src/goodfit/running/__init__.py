"""A run at work: the session (executor, ledger, folder, clock, watcher) and the plan that chains the stages."""
