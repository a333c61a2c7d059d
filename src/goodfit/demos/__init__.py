"""Bundled real tasks for `goodfit demo`."""
