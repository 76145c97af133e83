"""Does the work of the benchmarks in PyTorch. Started by torch.ts; answers each line of JSON with one.

{} asks for the version, {"work": ...} makes ready and is answered with a number, and {"number": ..., "times": ...}
does that work so many times and is answered with the seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def normal(*shape: int, gradient: bool = False) -> Tensor:
    return (torch.randn(*shape, device=DEVICE) / 8).requires_grad_(gradient)


def matmul(work: dict) -> Callable[[], object]:
    a, b = normal(work["rows"], work["inner"]), normal(work["inner"], work["columns"])
    return lambda: a @ b


WAYS = {"matmul": matmul}


def synchronize() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def seconds_of(run: Callable[[], object], times: int) -> float:
    synchronize()
    start = time.perf_counter()
    for _ in range(times):
        run()
    synchronize()
    return time.perf_counter() - start


def answer(question: dict, ready: list[Callable[[], object]]) -> dict:
    if "work" in question:
        way = WAYS.get(question["work"]["kind"])
        if way is None:
            return {"error": "not written for this peer"}
        ready.append(way(question["work"]))
        return {"number": len(ready) - 1}
    if "times" in question:
        return {"seconds": seconds_of(ready[question["number"]], question["times"])}
    return {"version": torch.__version__, "device": DEVICE, "threads": torch.get_num_threads()}


def main() -> None:
    torch.manual_seed(1)
    ready: list[Callable[[], object]] = []
    for line in sys.stdin:
        try:
            result = answer(json.loads(line), ready)
        except Exception as error:  # the other side reports it
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
