"""Inline SVG figures of a study: small functions from records to a `Figure`; no browser, no script needed to see them."""
