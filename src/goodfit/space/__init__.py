"""Scales and spaces. Pure."""
