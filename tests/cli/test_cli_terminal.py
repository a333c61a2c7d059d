from __future__ import annotations

import io
import itertools
import os
import re
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_run import DIVERGED, PLAN, document, whole_run
from rich.console import Console

from goodfit.clock import ManualClock
from goodfit.findings import Finding
from goodfit.recipe.progress import Decided, Found, RunEnded, RunStarted, StageEnded, StageStarted
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.report.run_view import BARS, RunView, sparkline
from goodfit.report.terminal import TerminalWatcher, can_draw
from goodfit.report.terminal_frame import ASCII, frame, summary
from goodfit.report.terminal_live import LiveFace

GOLDEN = Path(__file__).parent / "golden"


def compare(name: str, seen: str) -> None:
    """Seen against the golden file; UPDATE_GOLDEN=1 writes it anew, to be read in the diff."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(seen, encoding="utf-8")
    assert seen == path.read_text(encoding="utf-8")


def shown(quiet: bool = False, out: str = "runs/digits-1") -> str:
    stream, clock = io.StringIO(), ManualClock()
    with TerminalWatcher(stream, quiet=quiet, clock=clock) as watcher:
        for wait, event in whole_run(out):
            clock.advance(wait)
            watcher.see(event)
    return stream.getvalue()


def view_after(events: int) -> RunView:
    view = RunView()
    for _, (_, event) in zip(range(events), whole_run(), strict=False):
        view.fold(event)
    return view


def test_a_log_file_gets_a_line_an_event() -> None:
    compare("log.txt", shown())


def test_quiet_shows_only_what_is_grave_and_one_last_line() -> None:
    compare("quiet.txt", shown(quiet=True))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 18)])
def test_the_picture_in_the_middle_of_a_search(width: int, height: int) -> None:
    lines = frame(view_after(55), width, height)
    compare(f"frame-{width}x{height}.txt", "".join(f"{line.plain}\n" for line in lines))


def test_what_stays_in_the_terminal_when_the_run_has_ended() -> None:
    view = view_after(10_000)
    assert view.ended is not None
    compare("summary.txt", "".join(f"{line.plain}\n" for line in summary(view, view.ended, 80)))


def test_log_lines_hold_no_control_characters() -> None:
    stream = io.StringIO()
    nasty = Finding(kind="diverged", message="one\n\x1b[31mtwo\x07\ttab", action="do\r\nthis", where="trial 7")
    with TerminalWatcher(stream, clock=ManualClock()) as watcher:
        watcher.see(RunStarted("dig\x1b[1mits", "runs/a\nb", "cpu", 0, None, False, PLAN))
        watcher.see(Found(nasty))
    assert stream.getvalue().count("\n") == 2 + len(PLAN)
    assert all(c.isprintable() for c in stream.getvalue().replace("\n", ""))


def test_progress_is_logged_every_ten_seconds_at_most() -> None:
    times = [
        sum(int(part) * unit for part, unit in zip(line.split("  ")[0].split(":"), (3600, 60, 1), strict=True))
        for line in shown().splitlines()
        if re.search(r" \d+%;", line)
    ]
    assert len(times) > 10
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(times))


def test_a_log_in_an_encoding_without_our_signs_is_written_all_the_same() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    with TerminalWatcher(stream, clock=ManualClock()) as watcher:
        for _, event in whole_run():
            watcher.see(event)
    assert b"64 trials ? 3 epochs" in raw.getvalue()
    assert b"digits is done" in raw.getvalue()


def test_what_to_do_next_names_only_files_that_are_there(tmp_path: Path) -> None:
    assert "open:" not in shown(out=str(tmp_path))
    (tmp_path / "best").mkdir()
    (tmp_path / "report.html").touch()
    (tmp_path / "best" / "use.py").touch()
    assert f"open: {tmp_path}/report.html\n" in shown(out=str(tmp_path))
    assert f"use: python {tmp_path}/best/use.py\n" in shown(out=str(tmp_path))
    assert shown(quiet=True, out=str(tmp_path)).endswith(f" See {tmp_path}/report.html\n")


def test_a_stopped_run_says_where_and_why() -> None:
    steps = [{"step": "overfit", "verdict": "fail", "summary": "20 samples were not learnt at any of 8 rates"}]
    stream = io.StringIO()
    with TerminalWatcher(stream, clock=ManualClock()) as watcher:
        watcher.see(RunEnded({**document("stopped"), "steps": steps, "best": None}, "runs/digits-1"))
    lines = stream.getvalue()
    assert "digits stopped at overfit after" in lines
    assert "20 samples were not learnt at any of 8 rates." in lines
    assert "--force" in lines


def test_a_finding_that_comes_twice_is_shown_once() -> None:
    view = RunView()
    assert len(view.fold(Found(DIVERGED))) == 1
    ended = StageResult(stage=StageName.COARSE, verdict=Verdict.WARN, summary="x", findings=(DIVERGED,))
    assert view.fold(StageEnded(ended)) == []
    assert len(view.notes) == 1


def test_a_check_shows_three_steps_and_a_run_all() -> None:
    view = RunView()
    view.fold(RunStarted("digits", "runs/digits-check-1", "cpu", 0, None, False, PLAN[:4]))
    assert list(view.rows) == list(StageName)[:4]
    view.fold(RunStarted("digits", "runs/digits-1", "cpu", 0, None, False, PLAN))
    assert list(view.rows) == list(StageName)


def test_a_second_round_begins_with_an_empty_bar_and_keeps_the_best() -> None:
    view = view_after(80)
    best = view.progress.best if view.progress else None
    assert best is not None
    view.fold(StageStarted(StageName.FINE, 3, "12 trials × 20 epochs"))
    assert view.progress is not None
    assert (view.progress.done, view.progress.trials_total, view.progress.best) == (0.0, 0, best)
    assert view.rows[StageName.FINE].round == 3
    assert view.rows[StageName.FINE].verdict is None


@given(st.integers(0, 200), st.integers(10, 200), st.integers(4, 60), st.booleans())
def test_no_picture_is_wider_or_higher_than_the_terminal(
    events: int, width: int, height: int, ascii_only: bool
) -> None:
    view = view_after(events)
    lines = frame(view, width, height, 3.0, *((ASCII,) if ascii_only else ()))
    assert len(lines) <= height - 1 or height < 2
    assert all(line.cell_len <= width for line in lines)


@given(st.lists(st.floats(), max_size=60), st.integers(0, 40))
def test_a_sparkline_has_a_bar_a_value_and_fits(values: list[float], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) <= width
    assert set(line) <= set(BARS + " ")


def test_a_sparkline_rises_with_its_values() -> None:
    assert sparkline(list(range(8)), 8) == BARS
    assert sparkline([0.0, float("nan"), 1.0], 8) == f"{BARS[0]} {BARS[-1]}"
    assert sparkline([2.0, 2.0], 8) == BARS[4] * 2
    assert sparkline(list(range(80)), 8) == BARS


class BrokenStream(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_an_exception_in_drawing_ends_the_drawing_and_not_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalWatcher(BrokenStream(), clock=ManualClock()) as watcher:
        for _, event in whole_run():
            watcher.see(event)
    said = capsys.readouterr().err
    assert said.count("the run goes on") == 1
    assert "No space left on device" in said


class BreakingTerminal(io.StringIO):
    broken = False

    def write(self, text: str) -> int:
        if self.broken:
            raise OSError(5, "Input/output error")
        return super().write(text)


def test_a_terminal_that_goes_away_ends_the_live_view_and_not_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream, before = BreakingTerminal(), sys.stdout
    with TerminalWatcher(stream, live=True, clock=ManualClock()) as watcher:
        events = [event for _, event in whole_run()]
        for event in events[:20]:
            watcher.see(event)
        stream.broken = True
        watcher.see(events[20])
        for thread in threading.enumerate():
            if thread.name == "goodfit-view":
                thread.join(10)  # ends by itself, at its next drawing
        for event in events[21:]:
            watcher.see(event)
    said = capsys.readouterr().err
    assert said.count("the run goes on") == 1
    assert "Input/output error" in said
    assert sys.stdout is before


def live_face(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> LiveFace:
    monkeypatch.setenv("TERM", "xterm-256color")
    console = Console(file=stream, force_terminal=True, width=80, height=24, highlight=False, legacy_windows=False)
    return LiveFace(stream, ManualClock(), console)


def test_the_live_view_leaves_its_summary_and_gives_the_streams_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    before = (sys.stdout, sys.stderr, threading.active_count())
    face = live_face(stream, monkeypatch)
    for number, (_, event) in enumerate(whole_run()):
        face.see(event)
        if number == 3:
            print("a word from the task")
            print("and one more", end="", file=sys.stderr)
    face.close()
    assert (sys.stdout, sys.stderr, threading.active_count()) == before
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    assert "a word from the task" in plain
    assert "and one more" in plain
    assert "digits is done after 133 trials, 1,118 epochs, 7 min 50 s." in plain
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")  # the cursor is shown again


def test_a_run_that_raises_leaves_a_tidy_terminal_with_the_last_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    face = live_face(stream, monkeypatch)
    for _, (_, event) in zip(range(40), whole_run(), strict=False):
        face.see(event)
    face.close()
    face.close()
    assert "4 coarse" in stream.getvalue()
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")


def test_no_colour_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    face = live_face(stream, monkeypatch)
    for _, event in whole_run():
        face.see(event)
    face.close()
    codes = {code for found in re.findall(r"\x1b\[([\d;]*)m", stream.getvalue()) for code in found.split(";")}
    assert codes
    assert not {code for code in codes if code.isdecimal() and 30 <= int(code) <= 107}


def test_text_of_users_is_never_read_as_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    face = live_face(stream, monkeypatch)
    face.see(RunStarted("digits", "runs/digits-1", "cpu", 0, None, False, PLAN))
    face.see(Decided("[bold]x[/nothing] [link=a]", ""))
    face.close()
    assert "[bold]x[/nothing] [link=a]" in stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("term", "drawn"), [("xterm", True), ("dumb", False), ("", False)])
def test_only_a_terminal_that_moves_its_cursor_is_drawn_on(
    term: str, drawn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    assert can_draw(Terminal()) is drawn
    assert can_draw(io.StringIO()) is False
