"""Building the native engine's library with the system's C++ compiler.

Run when the package is installed (`hatch_build.py` loads this file by its path, so it imports nothing of goodfit), and
by hand in a checkout: `python src/goodfit/training/engines/native/building.py`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).parent / "source"
LIBRARY = Path(__file__).parent / ("goodfit_native.dylib" if sys.platform == "darwin" else "goodfit_native.so")
_COMPILERS = ("c++", "g++", "clang++")
# No -ffast-math: with it, gcc makes the library switch the whole process to flush subnormal numbers to zero.
_FLAGS = (
    *("-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-exceptions", "-fno-rtti", "-fno-strict-aliasing"),
    *("-fno-math-errno", "-fno-trapping-math", "-w"),
)
_SETS = {"avx2": ("-mavx2", "-mfma"), "avx512": ("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma")}


class BuildError(Exception):
    """The library cannot be built here; the message says why, in one line."""


def source_digest() -> str:
    """A digest of the sources, which the library carries too: whether it was built from these."""
    digest = hashlib.sha256()
    for path in sorted([*SOURCES.glob("*.h"), *SOURCES.glob("*.cpp")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def compiler() -> list[str]:
    """The command of the C++ compiler: that in CXX, or the first that is found.

    Raises:
        BuildError: there is none.
    """
    asked = shlex.split(os.environ.get("CXX", ""))
    for command in [asked] if asked else [[name] for name in _COMPILERS]:
        found = shutil.which(command[0])
        if found:
            return [found, *command[1:]]
    raise BuildError(f"there is no C++ compiler ({' '.join(asked) or ', '.join(_COMPILERS)})")


def build(to: Path = LIBRARY) -> Path:
    """Compile the kernel once for each instruction set and link them into one library, whole or not at all.

    Raises:
        BuildError: there is no compiler, or it failed.
    """
    command = compiler()
    sets = _SETS if platform.machine().lower() in ("x86_64", "amd64") else {}
    with tempfile.TemporaryDirectory() as folder:
        jobs = [(f"kernel_{name}", "kernel.cpp", [*flags, f"-DINSTRUCTION_SET={name}"]) for name, flags in sets.items()]
        jobs.append(("kernel_plain", "kernel.cpp", ["-DINSTRUCTION_SET=plain"]))
        with_sets = [f"-DWITH_{name.upper()}" for name in sets]
        jobs.append(("dispatch", "dispatch.cpp", [*with_sets, f'-DSOURCE_DIGEST="{source_digest()}"']))
        running = [
            _start([*command, *_FLAGS, *flags, "-c", str(SOURCES / source), "-o", f"{folder}/{name}.o"])
            for name, source, flags in jobs
        ]
        faults = [fault for process in running if (fault := _fault(process)) is not None]
        if faults:
            raise BuildError(faults[0])
        part = to.with_name(f"{to.name}.{os.getpid()}")
        objects = [f"{folder}/{name}.o" for name, *_ in jobs]
        try:
            fault = _fault(_start([*command, "-shared", *objects, "-o", str(part)]))
            if fault is not None:
                raise BuildError(fault)
            os.replace(part, to)
        finally:
            part.unlink(missing_ok=True)
    return to


def _start(command: list[str]) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError as error:
        raise BuildError(f"{command[0]} cannot be run: {error}") from error


def _fault(process: subprocess.Popen[str]) -> str | None:
    """Waits for a process; what it says where it fails, in a line."""
    output, _ = process.communicate()
    if not process.returncode:
        return None
    lines = [line for line in output.splitlines() if "error" in line] or output.splitlines() or ["it said nothing"]
    return f"{process.args[0]} failed: {lines[0].strip()}"  # ty: ignore[not-subscriptable]


if __name__ == "__main__":
    print(build())
