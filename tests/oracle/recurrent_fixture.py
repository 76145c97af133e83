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

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from training import FIXTURES, Trained, draw, draw_parameters, format_json, hyper_parameters, report, single, train

SEED = 7
LENGTHS = [5, 1, 3, 4]  # unsorted; one row as long as the batch, one as short as PyTorch can pack
INPUTS = 3
HIDDEN = 5  # no multiple of four
INITIAL_RANGE = 0.9  # wide: no gradient drowns in rounding
CLIP_NORM = {1: 3.5, 2: 5.5}  # by layers: the first steps are clipped, the last ones not
LEARNING_RATE = 0.05


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


def run(case: Case, dtype: torch.dtype) -> tuple[dict[str, Tensor], Trained]:
    """What the layers are given and give at the start, and ten steps of Adam."""
    model = Layers(case).to(dtype)
    tensors = draw_parameters(model, SEED, INITIAL_RANGE)
    results = model()
    factors = draw({name: result.shape for name, result in results.items()}, SEED, INITIAL_RANGE)
    for row, length in enumerate(LENGTHS):
        factors["outputs"][length:, row] = 0
    tensors |= {f"factor.{name}": factor for name, factor in factors.items()}
    tensors |= {name: result.detach() for name, result in results.items()}

    def loss() -> Tensor:
        return sum((result * factors[name].to(dtype)).sum() for name, result in model().items())

    return tensors, train(model, loss, LEARNING_RATE, CLIP_NORM[case.layers])


def main() -> None:
    tensors, cases = {}, {}
    for case in CASES:
        start, exact = run(case, torch.float64)
        clip_norm = CLIP_NORM[case.layers]
        exact.clips(clip_norm)
        report(case.name, exact, run(case, torch.float32)[1])
        tensors |= {f"{case.name}.{name}": tensor for name, tensor in (start | exact.tensors).items()}
        cases[case.name] = asdict(case) | {
            "clip_norm": clip_norm,
            "losses": exact.losses,
            "gradient_norms": exact.gradient_norms,
        }
    description = {
        "torch": torch.__version__.split("+")[0],
        "inputs": INPUTS,
        "hidden": HIDDEN,
        "lengths": LENGTHS,
        "training": hyper_parameters(LEARNING_RATE),
        "cases": cases,
    }
    save_file(single(tensors), FIXTURES / "recurrent_layers.safetensors")
    (FIXTURES / "recurrent_layers.json").write_text(format_json(description) + "\n")


if __name__ == "__main__":
    main()
