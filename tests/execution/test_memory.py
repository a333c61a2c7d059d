"""What a worker frees it keeps: the system is not asked for the same pages at every step."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from goodfit.execution.memory import keep_freed_memory
was_told = sys.argv[1] == "keep" and keep_freed_memory()
for _ in range(2):
    bytearray(48 << 20)  # above every threshold that the C library takes by itself
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    bytearray(48 << 20)
print(was_told, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode):
    ended = subprocess.run([sys.executable, "-c", PROGRAM, mode], capture_output=True, text=True, check=True)
    told, count = ended.stdout.split()
    return told == "True", int(count)


def test_memory_that_was_freed_is_used_again_without_asking_the_system():
    was_told, kept = faults("keep")
    if not was_told:
        pytest.skip("this C library cannot be told to keep freed memory")
    _, given_back = faults("give back")
    assert kept < given_back / 10
