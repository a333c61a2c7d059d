"""Curves that other tools recorded: files of many formats in, `Curves` as the rules read them out."""
