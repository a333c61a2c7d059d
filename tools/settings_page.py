"""Writes docs/settings.md from the settings themselves: `python tools/settings_page.py`."""

from pathlib import Path

from goodfit.settings import Settings

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"

HEAD = """# Settings

Every number that goodfit decides by. [PD] marks a default of this project: a starting value, not a source's. Change one
with `--set overfit.steps=500`, or from Python with `gf.Settings().replaced({"overfit.steps": 500})`.
This page is written by `python tools/settings_page.py`.
"""


def page() -> str:
    """The page's text."""
    lines = [HEAD]
    group = ""
    for name, value, origin in Settings().listed():
        if name.partition(".")[0] != group:
            group = name.partition(".")[0]
            lines += [f"\n## {group}\n", "| setting | value | what it is | from |", "|---|---|---|---|"]
        shown = ", ".join(f"{v:g}" for v in value) if isinstance(value, tuple) else f"{value:g}"
        lines.append(f"| `{name}` | {shown} | {_cell(origin.about)} | {_cell(origin.source)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
