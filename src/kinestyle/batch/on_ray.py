"""Results from a Ray cluster, whose workers may die. Only this module imports ray."""

from __future__ import annotations

import os
import pickle
from collections.abc import Generator, Iterable
from typing import Any

from kinestyle.batch.making import Maker, outcome_of
from kinestyle.batch.manifest import Outcome
from kinestyle.batch.order import Order, Work
from kinestyle.batch.places import LocalResults, Results
from kinestyle.batch.processes import ONE_THREAD, PACKAGE, TRIES
from kinestyle.errors import DataError, one_line
from kinestyle.extras import needs_extra

LOCAL = "local"
"""The address of a cluster of this machine alone, which is started for the run."""
_WAITING = 2
"""Clips that are handed out for each core, so that none waits for its next one."""


def make_on_ray(
    order: Order, works: Iterable[Work], results: Results, address: str, cores: int | None = None
) -> Generator[Outcome, None, None]:
    """The outcomes of all work, as they come. What a worker was at that died is tried again.

    address: of the cluster, or "auto" for the one that this machine belongs to, or `LOCAL`
    cores: as many at most; None: all of the cluster's

    Raises DataError where there is no cluster, MissingExtraError.
    """
    with needs_extra("ray", "a Ray cluster"):
        import ray
    if isinstance(results, LocalResults):  # other machines are in other folders
        results = LocalResults(results.folder.absolute())
    _join(ray, address, cores)
    try:
        yield from _made(ray, order, works, results, cores)
    finally:
        ray.shutdown()


def _join(ray: Any, address: str, cores: int | None) -> None:
    # nothing leaves the machines of the cluster: Ray would tell its makers how it is used
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    environment = dict.fromkeys(ONE_THREAD, "1")
    if address == LOCAL:
        known = os.environ.get("PYTHONPATH", "")
        environment["PYTHONPATH"] = os.pathsep.join([str(PACKAGE), known])
        where: dict[str, Any] = {"address": LOCAL, "num_cpus": cores, "include_dashboard": False}
    else:
        where = {"address": address}
    try:
        ray.init(
            **where,
            runtime_env={"env_vars": environment},
            log_to_driver=False,
            logging_level="ERROR",
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        said = one_line(str(error)).split(".")[0]
        raise DataError(
            f"there is no Ray cluster at {address} ({said}); start one with `ray start --head`, or "
            f"take --ray {LOCAL}"
        ) from None


def _made(
    ray: Any, order: Order, works: Iterable[Work], results: Results, cores: int | None
) -> Generator[Outcome, None, None]:
    make = ray.remote(num_cpus=1, max_retries=TRIES - 1)(_make)
    shared = ray.put((order, results))
    count = cores or max(1, int(ray.cluster_resources().get("CPU", 1)))
    waiting, running = iter(works), dict[Any, Work]()
    while True:
        while len(running) < _WAITING * count and (work := next(waiting, None)) is not None:
            running[make.remote(shared, work)] = work
        if not running:
            return
        (ready,), _ = ray.wait(list(running), num_returns=1)
        work = running.pop(ready)
        try:
            yield from ray.get(ready)
        except ray.exceptions.RayError as error:
            # of the workers of a cluster that a task was given to, each died
            why = f"the Ray worker that made it ended, {TRIES} times: {type(error).__name__}"
            for result in work.results:
                yield outcome_of(order, work, result, "failed", why=why)


# ---------------------------------------------------------------- in each worker

_makers: dict[bytes, Maker] = {}


def _make(shared: tuple[Order, Results], work: Work) -> list[Outcome]:
    """All outcomes of one clip."""
    key = pickle.dumps(shared)
    if key not in _makers:
        _makers.clear()  # a cluster lives longer than one order
        _makers[key] = Maker(*shared)
    return list(_makers[key].make(work))
