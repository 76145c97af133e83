"""Writes the fixtures that tests/models compares whole-model training with.

    pip install torch==2.13.0 safetensors==0.5.3
    python tests/oracle/seq2seq_fixture.py

tests/fixtures/seq2seq.safetensors, all float32, computed in float64:
    <name>          every parameter before training (exact: it was drawn as float32)
    grad.<name>     its gradient in step 1, before clipping
    after.<name>    its value after ten Adam steps
tests/fixtures/seq2seq.json: sizes, hyper-parameters, the batch (time-major, padded at the end), the
    loss and the unclipped gradient norm of each step, the first loss without label smoothing, and
    greedy translations with the parameters `before` and `after`: ids [T][B] without <sos>, <pad> after
    <eos>; attention [T][B][S], zero after <eos>.

It also trains once in float32 and prints how far that is from float64: the tolerance a test may ask for.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from seq2seq import EOS, PAD, SOS, UNK, Seq2Seq, Sizes, Translation, translate

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

SIZES = Sizes(source_vocabulary=13, target_vocabulary=17, embedding=5, hidden=7, attention=6, readout=9)
SEED = 43  # its greedy rows end at steps 1, 2 and never, and hold no special id but <eos>
INITIAL_RANGE = 0.9  # wide: no gradient drowns in rounding, and the first steps are clipped
LABEL_SMOOTHING = 0.1
CLIP_NORM = 1.0
LEARNING_RATE = 0.01
BETAS = (0.9, 0.999)
EPSILON = 1e-8
STEPS = 10
MAXIMUM_LENGTH = 9

# Unsorted lengths, repeated words, an <unk> on each side, one row as short as a row can be.
SOURCE = [[5, 9, 5, 3], [2, 12, 4, 7, 7, 3], [8], [1, 10, 3]]
TARGET = [[2, 6, 11, 6, 3], [2, 16, 5, 1, 9, 9, 3], [2, 3], [2, 13, 4, 3]]


@dataclass(frozen=True)
class Result:
    """One run over the batch in one precision."""

    tensors: dict[str, Tensor]
    loss_without_smoothing: float
    losses: list[float]
    gradient_norms: list[float]
    before: Translation
    after: Translation


def pad(rows: list[list[int]]) -> Tensor:
    """Rows of ids -> [T, B]."""
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], padding_value=PAD)


def initial_parameters(model: Seq2Seq) -> dict[str, Tensor]:
    """Float32 values drawn in the order of the parameters' names."""
    generator = torch.Generator().manual_seed(SEED)
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    return {
        name: torch.empty(shapes[name], dtype=torch.float32).uniform_(
            -INITIAL_RANGE, INITIAL_RANGE, generator=generator
        )
        for name in sorted(shapes)
    }


def run(dtype: torch.dtype) -> Result:
    """Trains on the one batch in the given precision."""
    model = Seq2Seq(SIZES).to(dtype)
    tensors = initial_parameters(model)
    model.load_state_dict(tensors)
    source, target = pad(SOURCE), pad(TARGET)
    lengths = torch.tensor([len(row) for row in SOURCE])
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, betas=BETAS, eps=EPSILON)

    loss_without_smoothing = model.loss(source, lengths, target).item()
    before = translate(model, source, lengths, MAXIMUM_LENGTH)
    losses, gradient_norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = model.loss(source, lengths, target, LABEL_SMOOTHING)
        loss.backward()
        if step == 0:
            for name, parameter in model.named_parameters():
                assert parameter.grad is not None
                tensors[f"grad.{name}"] = parameter.grad.clone()
        losses.append(loss.item())
        gradient_norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM).item())
        optimizer.step()
    for name, parameter in model.named_parameters():
        tensors[f"after.{name}"] = parameter.detach().clone()
    after = translate(model, source, lengths, MAXIMUM_LENGTH)
    return Result(tensors, loss_without_smoothing, losses, gradient_norms, before, after)


def description(result: Result) -> dict[str, Any]:
    """Everything of the fixture that is not a tensor of parameters."""
    return {
        "torch": torch.__version__.split("+")[0],
        "sizes": asdict(SIZES),
        "special": {"pad": PAD, "unk": UNK, "sos": SOS, "eos": EOS},
        "training": {
            "steps": STEPS,
            "dropout": 0,
            "label_smoothing": LABEL_SMOOTHING,
            "clip_norm": CLIP_NORM,
            "learning_rate": LEARNING_RATE,
            "betas": list(BETAS),
            "epsilon": EPSILON,
        },
        "source": {"ids": pad(SOURCE).tolist(), "lengths": [len(row) for row in SOURCE]},
        "target": {"ids": pad(TARGET).tolist(), "lengths": [len(row) for row in TARGET]},
        "loss_without_smoothing": result.loss_without_smoothing,
        "losses": result.losses,
        "gradient_norms": result.gradient_norms,
        "greedy": {
            "maximum_length": MAXIMUM_LENGTH,
            "before": {"ids": result.before.ids.tolist(), "attention": rounded(result.before.attention)},
            "after": {"ids": result.after.ids.tolist(), "attention": rounded(result.after.attention)},
        },
    }


def rounded(tensor: Tensor) -> Any:
    """Nested lists with the digits that a float32 can be compared on."""
    if tensor.dim() == 0:
        return round(tensor.item(), 9)
    return [rounded(part) for part in tensor]


def format_json(value: Any, indent: str = "") -> str:
    """JSON as `deno fmt` leaves it, with a list of plain values on one line."""
    inner = indent + "  "
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(key)}: {format_json(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, list) for item in value):
        return "[\n" + ",\n".join(inner + format_json(item, inner) for item in value) + f"\n{indent}]"
    if isinstance(value, list) and any(isinstance(item, float) for item in value):
        if len(json.dumps(value)) + len(indent) > 100:
            return "[\n" + ",\n".join(inner + json.dumps(item) for item in value) + f"\n{indent}]"
    return json.dumps(value)


def check(exact: Result) -> None:
    """Refuses a seed whose fixture would not test what it is for."""
    norms = exact.gradient_norms
    if not min(norms) < CLIP_NORM < max(norms):
        raise ValueError(f"Cannot use seed {SEED}: the norms {norms} are all on one side of {CLIP_NORM}")
    margin = min(exact.before.margin, exact.after.margin)
    if margin < 0.01:
        raise ValueError(f"Cannot use seed {SEED}: two logits are {margin:.2g} apart, rounding could decide")


def report(exact: Result, single: Result) -> None:
    """Prints the largest float32 error of each kind of tensor, relative to the tensor's largest value."""
    worst = {"grad": 0.0, "after": 0.0}
    for name, expected in exact.tensors.items():
        kind = name.split(".")[0]
        if kind in worst:
            error = (single.tensors[name].double() - expected).abs().max() / expected.abs().max()
            worst[kind] = max(worst[kind], error.item())
    losses = max(abs(a / b - 1) for a, b in zip(single.losses, exact.losses))
    errors = f"losses {losses:.1e}, grad {worst['grad']:.1e}, after {worst['after']:.1e}"
    print(f"float32 against float64: {errors}")


def main() -> None:
    exact = run(torch.float64)
    check(exact)
    report(exact, run(torch.float32))
    FIXTURES.mkdir(exist_ok=True)
    tensors = {name: tensor.to(torch.float32).contiguous() for name, tensor in exact.tensors.items()}
    save_file(tensors, FIXTURES / "seq2seq.safetensors")
    (FIXTURES / "seq2seq.json").write_text(format_json(description(exact)) + "\n")
    print(f"loss {exact.losses[0]:.6f} -> {exact.losses[-1]:.6f}, {len(tensors)} tensors written")


if __name__ == "__main__":
    main()
