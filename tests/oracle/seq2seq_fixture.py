"""Writes the fixtures that tests/models compares whole-model training with.

    pip install torch==2.13.0 safetensors==0.5.3 numpy==2.4.6
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

from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from family import Seq2Seq, Translation, translate
from family_options import EOS, PAD, SOS, UNK, complete
from training import FIXTURES, Trained, draw_parameters, format_json, hyper_parameters, pad, report, single, train

SIZES = {"source_vocabulary": 13, "target_vocabulary": 17, "embedding": 5, "hidden": 7}
WIDTHS = {"attention": 6, "readout": 9}
SEED = 43  # its greedy rows end at steps 1, 2 and never, and hold no special id but <eos>
INITIAL_RANGE = 0.9  # wide: no gradient drowns in rounding, and the first steps are clipped
LABEL_SMOOTHING = 0.1
CLIP_NORM = 1.0
LEARNING_RATE = 0.01
MAXIMUM_LENGTH = 9

# Unsorted lengths, repeated words, an <unk> on each side, one row as short as a row can be.
SOURCE = [[5, 9, 5, 3], [2, 12, 4, 7, 7, 3], [8], [1, 10, 3]]
TARGET = [[2, 6, 11, 6, 3], [2, 16, 5, 1, 9, 9, 3], [2, 3], [2, 13, 4, 3]]


@dataclass(frozen=True)
class Result:
    """One run over the batch in one precision."""

    parameters: dict[str, Tensor]
    loss_without_smoothing: float
    trained: Trained
    before: Translation
    after: Translation


def drawn_as(name: str) -> str:
    """What a parameter was called when the seed was chosen, which settles the order of the draws."""
    return name.replace("decoder.recurrent", "decoder.cell")


def run(dtype: torch.dtype) -> Result:
    """Trains on the one batch in the given precision."""
    model = Seq2Seq(complete(**SIZES, **{f"{name}_width": width for name, width in WIDTHS.items()})).to(dtype)
    parameters = draw_parameters(model, SEED, INITIAL_RANGE, drawn_as)
    source, target = pad(SOURCE), pad(TARGET)
    lengths = torch.tensor([len(row) for row in SOURCE])

    loss_without_smoothing = model.loss(source, lengths, target).item()
    before = translate(model, source, lengths, MAXIMUM_LENGTH)
    trained = train(model, lambda: model.loss(source, lengths, target, LABEL_SMOOTHING), LEARNING_RATE, CLIP_NORM)
    after = translate(model, source, lengths, MAXIMUM_LENGTH)
    return Result(parameters, loss_without_smoothing, trained, before, after)


def description(result: Result) -> dict[str, Any]:
    """Everything of the fixture that is not a tensor of parameters."""
    return {
        "torch": torch.__version__.split("+")[0],
        "sizes": SIZES | WIDTHS,
        "special": {"pad": PAD, "unk": UNK, "sos": SOS, "eos": EOS},
        "training": {
            "dropout": 0,
            "label_smoothing": LABEL_SMOOTHING,
            "clip_norm": CLIP_NORM,
            **hyper_parameters(LEARNING_RATE),
        },
        "source": {"ids": pad(SOURCE).tolist(), "lengths": [len(row) for row in SOURCE]},
        "target": {"ids": pad(TARGET).tolist(), "lengths": [len(row) for row in TARGET]},
        "loss_without_smoothing": result.loss_without_smoothing,
        "losses": result.trained.losses,
        "gradient_norms": result.trained.gradient_norms,
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


def check(exact: Result) -> None:
    """Refuses a seed whose fixture would not test what it is for."""
    exact.trained.clips(CLIP_NORM)
    margin = min(exact.before.margin, exact.after.margin)
    if margin < 0.01:
        raise ValueError(f"Cannot use seed {SEED}: two logits are {margin:.2g} apart, rounding could decide")


def main() -> None:
    exact = run(torch.float64)
    check(exact)
    report("seq2seq", exact.trained, run(torch.float32).trained)
    FIXTURES.mkdir(exist_ok=True)
    save_file(single(exact.parameters | exact.trained.tensors), FIXTURES / "seq2seq.safetensors")
    (FIXTURES / "seq2seq.json").write_text(format_json(description(exact)) + "\n")


if __name__ == "__main__":
    main()
