"""A run on a Ray cluster: actors hold the encoder, each makes one shard after the other; a lost one costs its shard."""

from __future__ import annotations

import contextlib
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cxr_explorer.errors import UserError
from cxr_explorer.shards.embedding import Advanced, Lost, Shard, Step, Task, Worker, Written
from cxr_explorer.shards.store import INSTALL

LOCAL = "local"
"""The address that starts a cluster on this machine, and ends it with the run."""

TRIES = 3
"""Workers that may end over one shard before it is given up: one film in it may be what ends them."""

CPUS = 4
"""Processors a worker, where every machine has as many: they share one copy of the network."""

_STORE_BYTES = 128 << 20
"""Of a local cluster's object store. Only lists of films and counts pass through it; what is embedded goes to disk."""

_WAIT_S = 1.0


@dataclass(frozen=True)
class Workers:
    """How many workers, and how large; None is chosen by what the cluster has, see `_planned`."""

    count: int | None = None
    cpus: int | None = None


def embed_on_ray(task: Task, shards: Sequence[Shard], address: str, workers: Workers) -> Iterator[Step]:
    """Makes the shards on a cluster. Every shard is made whole by one worker, so that nothing is lost or doubled.

    A worker that ends (its machine, the memory, a fault) is replaced, and its shard is made anew by the next that is
    free. Workers that the cluster has no room for yet begin when it has.

    Args:
        task: What the workers need to know.
        shards: Which.
        address: Of a cluster that runs ("auto", "host:6379", "ray://host:10001"), or LOCAL.
        workers: How many.

    Yields:
        Advanced when a shard's films are done, and once, with 0, when the first worker is ready; Written with every
        shard; Lost with every worker that ended over one.

    Raises:
        UserError: Ray is not installed, the cluster is not there or has no room for a worker, a worker cannot do the
            task, or shards were given up.
    """
    ray = _import_ray()
    with _connected(ray, address):
        count, cpus, gpus = _planned(ray, task.device, workers)
        yield from _Crew(ray, task, cpus, gpus).make(shards, count)


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise UserError(
            f"A run on a cluster needs the package ray, which is not installed. Install it: {INSTALL}"
        ) from None
    return ray


@contextlib.contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    if ray.is_initialized():  # the caller's own, and it stays
        yield
        return
    here: dict[str, Any] = {"include_dashboard": False, "object_store_memory": _STORE_BYTES} if address == LOCAL else {}
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR", **here)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"No Ray cluster at {address}: {reason}. Check the address, or start one.") from error
    try:
        yield
    finally:
        ray.shutdown()


def _planned(ray: Any, device: str, workers: Workers) -> tuple[int, int, int]:
    """How many workers, processors of each, graphics cards of each.

    One worker a card where there are cards and the device is not the CPU. Else as many as fit the machines, each with
    CPUS processors or what the smallest machine has.
    """
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not machines:
        raise UserError("The Ray cluster has no processors. Start its workers, then try again.")
    cpus = workers.cpus or min(CPUS, *(int(machine["CPU"]) for machine in machines))
    cards = 0 if device in ("cpu", "mps") else sum(int(machine.get("GPU", 0)) for machine in machines)
    if device == "cuda" and not cards:
        raise UserError("The Ray cluster has no graphics card. Choose the device cpu, or start workers that have one.")
    fit = sum(int(machine["CPU"]) // cpus for machine in machines)
    if not fit:
        raise UserError(f"No machine of the Ray cluster has {cpus} processors. Choose fewer with --worker-cpus.")
    return workers.count or (min(cards, fit) if cards else fit), cpus, int(cards > 0)


class _Crew:
    """The workers of a run, and which shard each has."""

    def __init__(self, ray: Any, task: Task, cpus: int, gpus: int) -> None:
        self._ray = ray
        self._task = task
        self._cpus = cpus
        self._actor = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0)(Worker)
        self._starting: dict[Any, Any] = {}  # promise of the device's name: actor
        self._working: dict[Any, tuple[Any, Shard]] = {}  # promise of Written: actor and its shard
        self._failed_starts = 0

    def make(self, shards: Sequence[Shard], count: int) -> Iterator[Step]:
        """See `embed_on_ray`."""
        waiting = deque(shards)
        tries: Counter[int] = Counter()
        given_up: list[Shard] = []
        for _ in range(min(count, len(shards))):
            self._start()
        try:
            while waiting or self._working:
                ready, _ = self._ray.wait([*self._starting, *self._working], num_returns=1, timeout=_WAIT_S)
                for promise in ready:
                    actor = self._starting.pop(promise, None)
                    if actor is not None:
                        if self._result(promise, actor) is None:
                            self._start_again()
                            continue
                        yield Advanced(0)
                    else:
                        actor, shard = self._working.pop(promise)
                        written = self._result(promise, actor)
                        if written is None:
                            tries[shard.number] += 1
                            last = tries[shard.number] == TRIES
                            (given_up if last else waiting).append(shard)
                            yield Lost(shard.number, last)
                            self._start()
                            continue
                        assert isinstance(written, Written)
                        yield Advanced(written.images)
                        yield written
                    if waiting:
                        shard = waiting.popleft()
                        self._working[actor.make_whole.remote(shard)] = (actor, shard)
                    else:
                        self._ray.kill(actor)
        finally:
            for actor in (*self._starting.values(), *(actor for actor, _ in self._working.values())):
                self._ray.kill(actor)
        if given_up:
            names = ", ".join(shard.name for shard in given_up[:5]) + (" …" if len(given_up) > 5 else "")
            raise UserError(
                f"{len(given_up)} shards could not be made: {TRIES} workers ended over each ({names}). All others are "
                "there. Most likely memory: give a worker more of it with --worker-cpus, then start again."
            )

    def _start(self) -> None:
        actor = self._actor.remote(self._task, self._cpus)
        self._starting[actor.load.remote()] = actor

    def _start_again(self) -> None:
        self._failed_starts += 1
        if self._failed_starts > TRIES:
            raise UserError(
                "Workers end as they load the encoder. See the logs of the Ray cluster; most likely memory."
            )
        self._start()

    def _result(self, promise: Any, actor: Any) -> Any:
        """What the actor promised; None where it ended. Raises what its work raised."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(promise)
        except errors.RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise UserError(str(error.cause)) from None
            raise
        except errors.RayError:
            with contextlib.suppress(errors.RayError):
                self._ray.kill(actor)  # one that only cannot be reached
            return None
