"""Workers that load torch before there is work."""

from execution_cases import drain, make_problem, work

from goodfit.execution.early import _waiting, early_workers, take_early
from goodfit.execution.machine import likely_workers, usable_cpus
from goodfit.execution.processes import ProcessExecutor
from goodfit.execution.source import write_problem
from goodfit.execution.work import Finished


def test_an_executor_takes_the_workers_that_wait_and_the_others_are_ended(tmp_path):
    with early_workers(2):
        first, second = take_early(1), take_early(1)
        assert first is not None
        assert second is not None
        assert take_early(1) is None
        for worker in (first, second):
            worker.kill()
            worker.reap()
    with early_workers(2):
        log = tmp_path / "workers.log"
        with ProcessExecutor(write_problem(make_problem(), tmp_path), 1, log=log) as executor:
            executor.warm_up()
            (pid,) = executor.worker_pids
            executor.submit(work("first"))
            told = drain(executor, "first")
        left = take_early(1)
        assert left is not None
        assert left.pid != pid
        left.kill()
        left.reap()
    assert isinstance(told[-1], Finished)
    assert log.exists()


def test_workers_that_nobody_took_end_at_once():
    with early_workers(1):
        assert take_early(2) is None  # another number of threads than asked for
        (worker,) = _waiting
        assert worker.is_alive()
    assert not worker.is_alive()
    assert not _waiting


def test_as_many_workers_are_likely_as_asked_for_or_as_there_are_processors():
    assert likely_workers("cpu", 3) == 3
    assert likely_workers("auto", 0) == 0
    assert likely_workers("cpu", None) == usable_cpus()
    assert likely_workers("cuda", None) == 1
