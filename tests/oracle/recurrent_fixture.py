"""Writes tests/fixtures/recurrent_layers.{json,safetensors}: PyTorch's nn.GRU and nn.LSTM on one small batch.

Run with torch 2.13.0, numpy and safetensors, which the tests do not need:

    python3 tests/oracle/recurrent_fixture.py

Each kind of cell comes as one layer and as two bidirectional ones. The rows are packed, so that each has its own length, and
start from given states. The input and those states are learned like the weights, so that their gradients are there too.
The loss is linear: every output of a step that there is, and every final state, times a number of its own.

Everything is computed in float64 from float32 values. The safetensors hold, in float32 and under the name of the case, the
parameters, their gradients before clipping (`grad.`), their values after ten steps of Adam (`after.`), what the layers give
at the start (`outputs`, `finals`, `final_cells`), and the loss's factors (`factor.outputs` and so on). Outputs
beyond a row's length are zeros, as PyTorch has them. Time-major: T steps, B rows, D directions, L layers, H hidden.

It also trains once in float32 and prints how far that is from float64: the tolerance a test may ask for.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seq2seq_fixture import format_json

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

SEED = 7
LENGTHS = [5, 1, 3, 4]  # unsorted; one row as long as the batch, one as short as PyTorch can pack
INPUTS = 3
HIDDEN = 5  # no multiple of four
INITIAL_RANGE = 0.9  # wide: no gradient drowns in rounding
CLIP_NORM = {1: 3.5, 2: 5.5}  # by layers: the first steps are clipped, the last ones not
LEARNING_RATE = 0.05
BETAS = (0.9, 0.999)
EPSILON = 1e-8
STEPS = 10


@dataclass(frozen=True)
class Case:
    """One stack of layers."""

    cell: str
    layers: int
    bidirectional: bool

    @property
    def name(self) -> str:
        return f"{self.cell}_{self.layers}{'_bidirectional' if self.bidirectional else ''}"


CASES = [Case(cell, layers, layers == 2) for cell in ("gru", "lstm") for layers in (1, 2)]


class Layers(nn.Module):
    """The layers, and as parameters of their own what they run over."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        kind = nn.GRU if case.cell == "gru" else nn.LSTM
        self.layers = kind(INPUTS, HIDDEN, case.layers, bidirectional=case.bidirectional)
        states = (case.layers * (2 if case.bidirectional else 1), len(LENGTHS), HIDDEN)
        self.x = nn.Parameter(torch.empty(max(LENGTHS), len(LENGTHS), INPUTS))
        self.initial = nn.Parameter(torch.empty(states))
        self.initial_cells = nn.Parameter(torch.empty(states)) if case.cell == "lstm" else None

    def forward(self) -> dict[str, Tensor]:
        """-> outputs [T, B, D H], finals [L D, B, H], of an LSTM final_cells [L D, B, H]."""
        packed = pack_padded_sequence(self.x, torch.tensor(LENGTHS), enforce_sorted=False)
        if self.initial_cells is None:
            outputs, finals = self.layers(packed, self.initial)
            return {"outputs": pad_packed_sequence(outputs)[0], "finals": finals}
        outputs, (finals, cells) = self.layers(packed, (self.initial, self.initial_cells))
        return {"outputs": pad_packed_sequence(outputs)[0], "finals": finals, "final_cells": cells}


def draw(shapes: dict[str, torch.Size]) -> dict[str, Tensor]:
    """Float32 values drawn in the order of their names."""
    generator = torch.Generator().manual_seed(SEED)
    return {
        name: torch.empty(shapes[name]).uniform_(-INITIAL_RANGE, INITIAL_RANGE, generator=generator)
        for name in sorted(shapes)
    }


@dataclass(frozen=True)
class Result:
    """One run of a case in one precision."""

    tensors: dict[str, Tensor]
    losses: list[float]
    gradient_norms: list[float]


def run(case: Case, dtype: torch.dtype) -> Result:
    """Takes ten steps of Adam."""
    model = Layers(case).to(dtype)
    tensors = draw({name: parameter.shape for name, parameter in model.named_parameters()})
    model.load_state_dict(tensors)
    results = model()
    factors = draw({name: result.shape for name, result in results.items()})
    for row, length in enumerate(LENGTHS):
        factors["outputs"][length:, row] = 0
    tensors |= {f"factor.{name}": factor for name, factor in factors.items()}
    tensors |= {name: result.detach() for name, result in results.items()}
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, betas=BETAS, eps=EPSILON)
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = sum((result * factors[name].to(dtype)).sum() for name, result in model().items())
        loss.backward()
        if step == 0:
            tensors |= {f"grad.{name}": parameter.grad.clone() for name, parameter in model.named_parameters()}
        losses.append(loss.item())
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM[case.layers]).item())
        optimizer.step()
    tensors |= {f"after.{name}": parameter.detach().clone() for name, parameter in model.named_parameters()}
    return Result(tensors, losses, norms)


def report(case: Case, exact: Result, single: Result) -> None:
    """Prints the largest float32 errors, relative to the largest value of each tensor and of the losses."""
    worst = 0.0
    for name, expected in exact.tensors.items():
        error = (single.tensors[name].double() - expected).abs().max() / expected.abs().max()
        worst = max(worst, error.item())
    losses = max(abs(a - b) for a, b in zip(single.losses, exact.losses))
    print(f"{case.name}: float32 against float64: tensors {worst:.1e}, losses {losses:.1e} of {exact.losses[0]:.3f}")


def main() -> None:
    tensors, cases = {}, {}
    for case in CASES:
        exact = run(case, torch.float64)
        report(case, exact, run(case, torch.float32))
        norms = exact.gradient_norms
        clip_norm = CLIP_NORM[case.layers]
        if not min(norms) < clip_norm < max(norms):
            raise ValueError(f"Cannot use seed {SEED}: the norms {norms} are all on one side of {clip_norm}")
        tensors |= {f"{case.name}.{name}": tensor.float().contiguous() for name, tensor in exact.tensors.items()}
        cases[case.name] = asdict(case) | {"clip_norm": clip_norm, "losses": exact.losses, "gradient_norms": norms}
    description = {
        "torch": torch.__version__.split("+")[0],
        "inputs": INPUTS,
        "hidden": HIDDEN,
        "lengths": LENGTHS,
        "training": {
            "steps": STEPS,
            "learning_rate": LEARNING_RATE,
            "betas": list(BETAS),
            "epsilon": EPSILON,
        },
        "cases": cases,
    }
    save_file(tensors, FIXTURES / "recurrent_layers.safetensors")
    (FIXTURES / "recurrent_layers.json").write_text(format_json(description) + "\n")


if __name__ == "__main__":
    main()
