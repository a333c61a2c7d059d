"""Score `goodfit doctor` on the corpus: what it detects, what it names first, and how often it cries wolf.

    python tests/doctor/score.py SPLIT [--jobs N | --warm] [--only KIND] [--limit N] [--misses] [--markdown FILE]

Each script of the split is run once by `python -m goodfit doctor --json`, alone in an empty folder, on one thread. A
result is kept by the hash of the script and of goodfit's source, so that a second run costs nothing. With `--warm` the
runs are forked off a process that has loaded torch already, which takes a fourth of the time and finds the same. Splits
other than `dev` and `opened` are for the end: whoever writes rules looks at these two only.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import itertools
import json
import math
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
SOURCE = Path(__file__).parents[2] / "src" / "goodfit"
OPEN = ("dev", "opened")  # the splits that rules may be written against
CACHE = Path(tempfile.gettempdir()) / "goodfit-doctor-scores"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
ALARMING = ("warning", "error")
# The two kinds of the first two parts of the vocabulary whose default severity is info: naming them is detecting them.
INFO_KINDS = frozenset({"easy-gain-at-start", "not-enough-points"})
Z95 = 1.959963984540054  # the normal distribution's 97.5 % quantile


@dataclass(frozen=True, slots=True)
class Script:
    """One entry of the manifest."""

    file: str  # relative to the corpus
    split: str
    label: str  # a kind of the vocabulary, or "healthy"
    accept: tuple[str, ...] = ()  # kinds that describe the same fault rightly
    tags: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)  # provenance, note, parent, figures

    @property
    def right(self) -> frozenset[str]:
        return frozenset({self.label, *self.accept})


@dataclass(frozen=True, slots=True)
class Run:
    """What the doctor said about one script."""

    findings: tuple[dict[str, Any], ...]  # kind, severity, message; most important first
    failed: str = ""  # why there is no document; empty where there is one
    seconds: float = 0.0  # wall


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run held against its label. For a healthy script only `alarmed` counts."""

    script: Script
    run: Run
    detected: bool
    first: bool
    listed: bool
    alarmed: bool


def splits(corpus: Path = CORPUS) -> list[str]:
    return sorted(path.parent.name for path in corpus.glob("*/manifest.json"))


def read_manifest(split: str, corpus: Path = CORPUS) -> list[Script]:
    """The split's scripts in its manifest's order. Each split has a manifest of its own: reading one tells no other."""
    entries = json.loads((corpus / split / "manifest.json").read_text())["scripts"]
    own = ("file", "split", "label", "accept", "tags")
    return [
        Script(
            file=entry["file"],
            split=entry["split"],
            label=entry["label"],
            accept=tuple(entry.get("accept", ())),
            tags=tuple(entry.get("tags", ())),
            more={key: value for key, value in entry.items() if key not in own},
        )
        for entry in entries
    ]


def judge(script: Script, run: Run) -> Outcome:
    """Hold what was said against the label; the findings are taken in the order in which the doctor gives them."""
    kinds = [finding["kind"] for finding in run.findings]
    if script.label in INFO_KINDS:
        kinds = [kind for kind in kinds if kind != "healthy"]  # a hint may stand beside a clean bill
    alarmed = any(finding["severity"] in ALARMING for finding in run.findings)
    named = any(kind in script.right for kind in kinds)
    return Outcome(
        script=script,
        run=run,
        detected=alarmed or (script.label in INFO_KINDS and named),
        first=bool(kinds) and kinds[0] in script.right,
        listed=named,
        alarmed=alarmed,
    )


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, Wilson's score interval (1927); (0, 1) where there is nothing to count."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = hits / of, Z95 * Z95
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def source_hash(source: Path = SOURCE) -> str:
    """A hash of every file of goodfit's source: any change to it makes old results stale."""
    digest = hashlib.sha256()
    for path in sorted(p for p in source.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        digest.update(str(path.relative_to(source)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run_doctor(path: Path, timeout_seconds: float, *, warm: bool = False) -> Run:
    """Run the doctor on one script; a crash, a missing document or a timeout is a result too."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "doctor.json"
        script = Path(folder) / path.name  # a copy, so that nothing of the corpus lies beside it
        script.write_bytes(path.read_bytes())
        arguments = ["doctor", "--json", str(document), str(script)]
        said = Path(folder) / "stderr.txt"
        ended = (run_forked if warm else run_fresh)(arguments, Path(folder), said, timeout_seconds)
        seconds = time.monotonic() - started
        if not ended:
            return Run((), f"no end within {timeout_seconds:g} s", seconds)
        if not document.exists():
            return Run((), f"no document: {said.read_text().strip()[-300:]}", seconds)
        findings = json.loads(document.read_text())["findings"]
    kept = ("kind", "severity", "message", "where", "confidence", "follows_from")
    return Run(tuple({key: f[key] for key in kept if key in f} for f in findings), "", seconds)


def run_fresh(arguments: list[str], folder: Path, said: Path, timeout_seconds: float) -> bool:
    """`python -m goodfit ARGUMENTS` in a new process; whether it ended in time."""
    with said.open("wb") as stream:
        try:
            subprocess.run(
                [sys.executable, "-m", "goodfit", *arguments],
                cwd=folder,
                env=os.environ | ENVIRONMENT,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    return True


def load_beforehand() -> None:
    """Import what nearly every run imports, so that forked runs find it loaded."""
    os.environ.update(ENVIRONMENT)
    for name in ("torch", "torch._dynamo", "torch.utils.data", "sklearn.datasets", "sklearn.model_selection"):
        importlib.import_module(name)


def run_forked(arguments: list[str], folder: Path, said: Path, timeout_seconds: float) -> bool:
    """The same in a fork of this process; whether it ended in time. Only from the main thread."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setsid()  # so that a run that is cut off takes its workers along
            os.chdir(folder)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
            sys.argv = ["goodfit", *arguments]
            runpy.run_module("goodfit", run_name="__main__", alter_sys=True)
        except SystemExit as ending:
            status = ending.code if isinstance(ending.code, int) else 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    deadline = time.monotonic() + timeout_seconds
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(0.05)
    return True


def cached_run(script: Script, source: str, cache: Path, timeout_seconds: float, *, warm: bool = False) -> Run:
    """The doctor's word on a script, from the cache where script and source are the same. Failures are not kept."""
    path = CORPUS / script.file
    key = hashlib.sha256(path.name.encode() + path.read_bytes() + source.encode()).hexdigest()
    kept = cache / f"{key}.json"
    if kept.exists():
        stored = json.loads(kept.read_text())
        return Run(tuple(stored["findings"]), stored["failed"], stored["seconds"])
    run = run_doctor(path, timeout_seconds, warm=warm)
    if not run.failed:
        cache.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(asdict(run)))
    return run


def share_text(hits: int, of: int) -> str:
    low, high = wilson(hits, of)
    return f"{hits}/{of} = {100 * hits / max(of, 1):.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def totals(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """The four headline figures, each with its Wilson interval."""
    faulty = [o for o in outcomes if o.script.label != "healthy"]
    healthy = [o for o in outcomes if o.script.label == "healthy"]
    return [
        ("detected", share_text(sum(o.detected for o in faulty), len(faulty))),
        ("right cause first", share_text(sum(o.first for o in faulty), len(faulty))),
        ("cause in list", share_text(sum(o.listed for o in faulty), len(faulty))),
        ("false alarms on healthy", share_text(sum(o.alarmed for o in healthy), len(healthy))),
    ]


def by_kind(outcomes: Iterable[Outcome]) -> list[tuple[str, int, int, int, int, str]]:
    """A row a kind: scripts, detected, right first, in list, and what was named first instead."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.script.label != "healthy":
            groups.setdefault(outcome.script.label, []).append(outcome)
    rows = []
    for kind, group in sorted(groups.items()):
        instead: dict[str, int] = {}
        for outcome in group:
            if not outcome.first:
                name = outcome.run.findings[0]["kind"] if outcome.run.findings else "(nothing)"
                instead[name] = instead.get(name, 0) + 1
        wrong = ", ".join(f"{name} {count}" for name, count in sorted(instead.items(), key=lambda item: -item[1]))
        rows.append(
            (
                kind,
                len(group),
                sum(o.detected for o in group),
                sum(o.first for o in group),
                sum(o.listed for o in group),
                wrong,
            )
        )
    return rows


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """Totals and the table by kind, for documents and the terminal alike."""
    lines = [f"- {name}: {text}" for name, text in totals(outcomes)]
    lines += ["", "| kind | scripts | detected | right first | in list | named first instead |"]
    lines += ["|---|---:|---:|---:|---:|---|"]
    lines += [f"| `{row[0]}` | " + " | ".join(str(cell) for cell in row[1:]) + " |" for row in by_kind(outcomes)]
    return "\n".join(lines)


def misses(outcomes: Sequence[Outcome]) -> list[str]:
    """A line for every script on which the doctor was silent, named another cause first, or cried wolf."""
    lines = []
    for o in outcomes:
        said = ", ".join(f"{f['kind']} ({f['severity']})" for f in o.run.findings) or o.run.failed or "nothing"
        if o.script.label == "healthy":
            if o.alarmed or o.run.failed:
                lines.append(f"false alarm  {o.script.file}: {said}")
        elif not o.first:
            what = "wrong first" if o.listed else ("wrong cause" if o.detected else "not detected")
            lines.append(f"{what:12s} {o.script.file} [{o.script.label}]: {said}")
    return lines


def spread(scripts: list[Script], limit: int | None) -> list[Script]:
    """The first `limit` scripts, faulty and healthy in turn and kind after kind; always the same ones."""
    if limit is None:
        return scripts
    places: dict[str, int] = {}
    faulty, healthy = [], []
    for script in scripts:
        place = places[script.label] = places.get(script.label, -1) + 1
        (healthy if script.label == "healthy" else faulty).append((place, script))
    faulty.sort(key=lambda pair: pair[0])  # one of each kind, then a second of each
    turns = itertools.zip_longest(faulty, healthy)
    return [pair[1] for turn in turns for pair in turn if pair is not None][:limit]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Score goodfit doctor on the corpus.")
    parser.add_argument("split", choices=splits())
    parser.add_argument("--jobs", type=int, default=1, help="scripts at a time (default 1)")
    parser.add_argument("--warm", action="store_true", help="fork the runs off one loaded process, one at a time")
    parser.add_argument("--only", metavar="KIND", help="only scripts of this kind, or healthy")
    parser.add_argument("--limit", type=int, metavar="N", help="N scripts, spread over the kinds")
    parser.add_argument("--timeout", type=float, default=180.0, metavar="SECONDS", help="per script (default 180)")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="DIR")
    parser.add_argument("--misses", action="store_true", help="name the missed scripts of a split kept apart, too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write totals and table there, too")
    chosen = parser.parse_args(arguments)

    scripts = read_manifest(chosen.split)
    if chosen.only:
        scripts = [s for s in scripts if s.label == chosen.only]
    scripts = spread(scripts, chosen.limit)
    if not scripts:
        parser.error(f"no script of {chosen.split} is of the kind {chosen.only!r}")
    if chosen.warm:
        load_beforehand()
    one = partial(
        cached_run, source=source_hash(), cache=chosen.cache, timeout_seconds=chosen.timeout, warm=chosen.warm
    )
    outcomes = []
    with ThreadPoolExecutor(chosen.jobs) as pool:
        runs = map(one, scripts) if chosen.warm else pool.map(one, scripts)
        for script, run in zip(scripts, runs, strict=True):
            outcomes.append(judge(script, run))
            if sys.stderr.isatty():
                print(f"\r{len(outcomes)}/{len(scripts)}", end="", file=sys.stderr, flush=True)
    text = as_markdown(outcomes)
    print(text)
    print()
    if chosen.split in OPEN or chosen.misses:
        print("\n".join(misses(outcomes)) or "no misses")
    if chosen.markdown:
        chosen.markdown.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
