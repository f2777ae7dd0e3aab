"""The parts of `make bench-gpu`. On a CPU they run as a rehearsal, with few runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import torch
import wandb
import yaml
from threadpoolctl import threadpool_limits

from benchmarks.measure import Comparison, Figure, against_target
from benchmarks.parts import accuracy, members
from benchmarks.parts.study import STOCK, ours_on, points, run_agents, run_sample
from benchmarks.scene import embedded_server
from metasweep.agent.workers.packing import ask_gpu
from train import data
from train.batched.members import Members
from train.config import Config
from train.data import DataSet
from train.loop import Training

MODELS = ("dense", "cnn")
SEEDS = 5
EPOCHS = 2
PACKED = (4, 16)  # numbers of processes that share the GPU, to compare batched members with
# batched members must be this many times as fast as packed processes, or they are not worth keeping
PAYS = 3.0
START_SECONDS = 60.0  # a process that does not start by then ends the part
STUDY_SECONDS, STOCK_RATIO = 90.0, 30.0
GIB = 2**30

Grid = dict[str, list[Any]]


def memory(data_dir: str, device: torch.device) -> list[Comparison]:
    """Check that a limit on the GPU's memory is respected: members that do not fit are trained in halves."""
    if device.type != "cuda":
        raise RuntimeError("a limit on a card's memory takes a card")
    config = Config(model="cnn", data_dir=data_dir)
    data_set = data.load_for(config).to(device)
    total = torch.cuda.get_device_properties(device).total_memory
    out = []
    for gib in (2.0, 1.0):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.set_per_process_memory_fraction(gib * GIB / total)
        together = Members(
            [replace(config, seed=seed) for seed in range(512)], data_set, device, torch.float32
        )
        losses = [interval.loss for _ in range(2) for interval in together.train_interval()]
        evaluations = together.evaluate_epoch(range(8))
        if not all(loss < 5 for loss in losses) or len(evaluations) != 8:
            raise RuntimeError(f"trained in halves, members have losses up to {max(losses)}")
        peak = torch.cuda.max_memory_reserved() / GIB
        note = f"512 members, {together.chunk} at a time"
        out.append(against_target(f"memory of members limited to {gib:g} GiB", "GiB", [peak], gib, note=note))
        del together
    return out


def equality(data_dir: str, device: torch.device) -> list[Comparison]:
    """Test accuracies of four configurations, batched on the GPU and one by one on the CPU."""
    seeds, epochs = (SEEDS, EPOCHS) if device.type == "cuda" else (2, 1)
    dataset = images_for(device)
    configs = [
        Config(model, lr, optimizer, seed=seed, epochs=epochs, dataset=dataset, data_dir=data_dir)  # type: ignore[arg-type]
        for model in MODELS
        for optimizer, lr in (("sgd", 0.01), ("adam", 0.001))
        for seed in range(1, seeds + 1)
    ]
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(min(cores, len(configs)), get_context("spawn")) as pool:
        on_cpu = list(pool.map(accuracy_on_cpu, configs))
    data_set = data.load_for(configs[0]).to(device)
    out = []
    for start in range(0, len(configs), seeds):
        group = configs[start : start + seeds]
        on_device = accuracies_together(group, data_set, device)
        key = (group[0].model, group[0].optimizer, group[0].lr)
        level = 1 - (1 - accuracy.CONFIDENCE) * seeds / len(configs)
        compared = accuracy.compare(key, on_device, on_cpu[start : start + seeds], level)
        note = compared.note.replace("ours - stock", "card - CPU")
        out.append(replace(compared, peers={"on the CPU": compared.peers["stock"]}, note=note))
    return out


def accuracy_on_cpu(config: Config) -> float:
    """Test accuracy in % of a run on one core."""
    torch.set_num_threads(1)
    threadpool_limits(1)  # NumPy's
    training = Training(config, data.load_for(config), torch.device("cpu"), torch.float32)
    for _ in range(config.epochs):
        for _ in training.train_epoch():
            pass
    return 100 * training.evaluate_epoch()[1].accuracy


def accuracies_together(configs: Sequence[Config], data_set: DataSet, device: torch.device) -> list[float]:
    """Test accuracies in % of runs of one kind, batched."""
    together = Members(configs, data_set, device, torch.float32)
    while together.trainings[0].epochs_done < configs[0].epochs:
        together.train_interval()
    return [100 * test.accuracy for _, test in together.evaluate_epoch(range(len(configs)))]


def batched(data_dir: str, device: torch.device) -> list[Comparison]:
    """Milliseconds of a step per run: batched members, one by one, and packed processes; and their memory."""
    out = []
    for model in MODELS:
        compared = members.measure(model, data_dir, device, repetitions=3 if device.type == "cuda" else 1)
        packed = {f"{count} processes": packed_steps(model, count, data_dir, device) for count in PACKED}
        ways = {"one by one": compared.ours, **compared.peers}
        best = min((name for name in ways if "together" in name), key=lambda name: ways[name].median)
        processes = min(packed, key=lambda name: packed[name][0])
        ratio = packed[processes][0] / ways[best].median
        verdict = "pay" if ratio >= PAYS else "do not pay: they are to go"
        memories = ", ".join(f"{name} {used:.0f} MiB" for name, (_, used) in packed.items())
        note = f"{ratio:.1f} times as fast as {processes}, {PAYS:g} asked: members {verdict}. {memories}"
        peers = {name: figure for name, figure in ways.items() if name != best}
        peers |= {name: Figure((milliseconds,)) for name, (milliseconds, _) in packed.items()}
        out.append(Comparison(f"a step of a {model} run, {best}", "ms", ways[best], peers, note=note))
    return out


def packed_steps(model: str, count: int, data_dir: str, device: torch.device) -> tuple[float, float]:
    """Train in several processes at once.

    Return the milliseconds of a step per run, and the MiB of the GPU's memory.
    """
    before, spawn = ask_gpu(os.environ), get_context("spawn")
    with spawn.Manager() as manager, card_memory() as peak, ProcessPoolExecutor(count, spawn) as pool:
        ready = manager.Barrier(count, timeout=START_SECONDS)  # so that all are at work at once
        futures = [pool.submit(steps_in_turn, model, data_dir, device.type, n, ready) for n in range(count)]
        rates = [future.result() for future in futures]
    return 1000 / sum(rates), peak[0] - before.used if before else 0.0


def steps_in_turn(model: str, data_dir: str, device: str, seed: int, ready: Barrier) -> float:
    """Steps per second of a run's training in a process of its own, from when all are ready."""
    torch.set_num_threads(1)
    threadpool_limits(1)  # NumPy's
    seconds = 10.0 if device == "cuda" else 3.0
    here = torch.device(device)
    config = Config(model, seed=seed, epochs=1000, dataset=images_for(here), data_dir=data_dir)  # type: ignore[arg-type]
    training = Training(config, data.load_for(config).to(here), here, torch.float32)
    intervals = (interval for _ in range(config.epochs) for interval in training.train_epoch())
    first = next(intervals).step
    ready.wait()
    began = time.time()
    while time.time() - began < seconds:
        last = next(intervals).step
    return (last - first) / (time.time() - began)


@contextmanager
def card_memory() -> Iterator[list[float]]:
    """Yield a list whose only number is the peak of the GPU's used memory in MiB while the body runs."""
    peak, stop = [0.0], Event()

    def watch() -> None:
        while not stop.wait(0.2):
            now = ask_gpu(os.environ)
            peak[0] = max(peak[0], now.used if now else 0.0)

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        stop.set()
        watcher.join()


def packing(data_dir: str, device: torch.device) -> list[Comparison]:
    """Run a user's program four times at once on one GPU, and check that no run affects another."""
    del data_dir
    runs = 12
    sweep = {
        "project": "bench",
        "program": "benchmarks/gpu/program.py",
        "command": ["${env}", "python", "${program}", "${args}", f"--device={device.type}"],
        "method": "grid",
        "parameters": {"repeat": {"values": list(range(runs))}},
    }
    with embedded_server() as environment:
        before = ask_gpu(os.environ)
        agent = [sys.executable, "agent.py", "{sweep}", "--workers", "4"]
        with card_memory() as peak:
            name, seconds = run_agents(sweep, [agent], environment)
        seen = [run.summary for run in runs_of(name, environment) if run.state == "finished"]
    problems = {
        f"{len(seen)} of {runs} runs finished": len(seen) != runs,
        "two runs drew the same numbers": len({row["drawn"] for row in seen}) != len(seen),
        "a run found memory of another": any(row["allocated_before"] for row in seen),
        "a run found a variable of another": any(row["left_behind"] for row in seen),
        "never two at once": max(overlaps(seen), default=0) < 2,
        "more than four at once": max(overlaps(seen), default=0) > 4,
    }
    found = [problem for problem, is_so in problems.items() if is_so]
    if found:
        raise RuntimeError("; ".join(found))
    used = peak[0] - before.used if before else 0.0
    note = f"up to {max(overlaps(seen))} at once; {used:.0f} MiB of the card for all of them"
    return [
        Comparison("a user's program under packing, per run", "s", Figure((seconds / runs,)), {}, note=note)
    ]


def overlaps(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return for each run how many were training when it began."""
    return [sum(other["began"] <= row["began"] < other["ended"] for other in rows) for row in rows]


def study(data_dir: str, device: torch.device) -> list[Comparison]:
    """The whole study with batched members, and the stock way on a sample."""
    parameters = yaml.safe_load(Path("sweep.yaml").read_text(encoding="utf-8"))["parameters"].items()
    grid: Grid = {name: entry["values"] for name, entry in parameters if "values" in entry}
    sample: Grid = {
        "model": ["dense", "cnn"],
        "optimizer": ["sgd", "adam"],
        "lr": [0.001],
        "dp": [0.1],
        "seed": [1],
    }
    if device.type != "cuda":
        grid = {**sample, "dataset": [images_for(device)]}
        sample = {name: values[:1] for name, values in sample.items()}
    with embedded_server() as environment:
        where = (data_dir, device, environment)
        ours, seconds = run_sample(grid, "train", [ours_on(device)], *where)
        finished = sum(run.state == "finished" for run in runs_of(ours, environment))
        if finished != points(grid):
            raise RuntimeError(f"{finished} of {points(grid)} runs finished")
        _, stock = run_sample(sample, "benchmarks.stock", [STOCK], *where)
    per_run, stock_per_run = seconds / points(grid), stock / points(sample)
    peers = {"wandb agent": Figure((stock_per_run,))}
    note = f"{stock_per_run / per_run:.0f} times faster than the stock way, {STOCK_RATIO:g} asked"
    return [
        against_target(f"the study, {points(grid)} runs", "s", [seconds], STUDY_SECONDS),
        Comparison("the study, per run", "s", Figure((per_run,)), peers, note=note),
    ]


def images_for(device: torch.device) -> str:
    """Return MNIST; in a rehearsal a data set that takes no time."""
    return "mnist" if device.type == "cuda" else "digits"


def runs_of(sweep: str, environment: Mapping[str, str]) -> list[Any]:
    """The runs of a sweep on that server."""
    api = wandb.Api({"base_url": environment["WANDB_BASE_URL"]}, api_key=environment["WANDB_API_KEY"])
    return list(api.sweep(sweep).runs)
