"""Inline SVG figures of a study: small functions from records to a `Figure`, seen without any script."""
