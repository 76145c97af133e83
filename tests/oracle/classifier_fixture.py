"""Writes the fixtures that tests/models compares the training of sequence classifiers with.

    pip install torch==2.13.0 safetensors==0.5.3 numpy==2.4.6
    python tests/oracle/classifier_fixture.py

tests/fixtures/classifier.safetensors, all float32, computed in float64, for each case of the JSON file:
    <case>/<name>          every parameter before training (exact: it was drawn as float32)
    <case>/grad.<name>     its gradient in step 1, before clipping
    <case>/after.<name>    its value after ten Adam steps
tests/fixtures/classifier.json: hyper-parameters, the batch (time-major, padded at the end), and for each case
    the model's options, the loss and the unclipped gradient norm of each step, the first loss without label
    smoothing, and the logits before and after.

It also trains once in float32 and prints how far that is from float64: the tolerance a test may ask for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from training import FIXTURES, Trained, draw_parameters, format_json, hyper_parameters, pad, report, single, train

VOCABULARY = 11
SEED = 7
INITIAL_RANGE = 0.5  # wide enough that no gradient drowns in rounding
CLIP_NORM = 0.08  # between the norms of each case: some steps are clipped
LEARNING_RATE = 0.01

# Unsorted lengths, repeated words, an <unk>, a text as short as a text can be.
TEXTS = [[2, 5, 9, 5, 1, 3], [2, 3], [7, 4, 10, 4, 4, 8, 6, 3], [3], [2, 6, 3]]
LABELS = [1, 0, 1, 1, 0]


@dataclass(frozen=True)
class Case:
    """A model, and the label smoothing it is trained with."""

    cell: str
    embedding: int | None
    layers: list[int]
    bidirectional: bool
    output: str
    smoothing: float


CASES = {
    f"{cell} {name}": Case(cell, *rest)
    for cell in ("lstm", "gru")
    for name, rest in {
        "benchmark": (None, [6, 1], False, "state", 0.0),
        "bidirectional": (5, [4, 3], True, "linear", 0.1),
    }.items()
}


class Classifier(nn.Module):
    """SequenceClassifier of lib/models."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        if case.embedding is not None:
            self.embedding = nn.Embedding(VOCABULARY, case.embedding)
        directions = 2 if case.bidirectional else 1
        widths = [case.embedding or 1, *(directions * hidden for hidden in case.layers)]
        layer = {"lstm": nn.LSTM, "gru": nn.GRU}[case.cell]
        self.recurrent = nn.ModuleList(
            layer(width, hidden, bidirectional=case.bidirectional)
            for width, hidden in zip(widths, case.layers)
        )
        if case.output == "linear":
            self.output = nn.Linear(widths[-1], 1)
        self.case = case

    def forward(self, texts: Tensor, lengths: Tensor) -> Tensor:
        """texts [T, B], lengths [B] -> logits [B]."""
        dtype = self.recurrent[0].weight_hh_l0.dtype
        sequence = texts.unsqueeze(2).to(dtype) if self.case.embedding is None else self.embedding(texts)
        for layer in self.recurrent:
            outputs, state = layer(pack_padded_sequence(sequence, lengths, enforce_sorted=False))
            sequence, _ = pad_packed_sequence(outputs)
        final = torch.cat(list(state[0] if self.case.cell == "lstm" else state), dim=1)  # [B, directions * H]
        return (self.output(final) if self.case.output == "linear" else final).squeeze(1)


@dataclass(frozen=True)
class Result:
    """One run over the batch in one precision."""

    parameters: dict[str, Tensor]
    loss_without_smoothing: float
    trained: Trained
    logits: list[list[float]]


def run(case: Case, dtype: torch.dtype) -> Result:
    """Trains on the one batch in the given precision."""
    model = Classifier(case).to(dtype)
    parameters = draw_parameters(model, SEED, INITIAL_RANGE)
    texts, lengths = pad(TEXTS), torch.tensor([len(text) for text in TEXTS])
    labels = torch.tensor(LABELS, dtype=dtype)
    smoothed = labels * (1 - case.smoothing) + case.smoothing / 2
    cross_entropy = nn.functional.binary_cross_entropy_with_logits

    before = model(texts, lengths)
    trained = train(model, lambda: cross_entropy(model(texts, lengths), smoothed), LEARNING_RATE, CLIP_NORM)
    logits = [before.tolist(), model(texts, lengths).tolist()]
    return Result(parameters, cross_entropy(before, labels).item(), trained, logits)


def description(results: dict[str, Result]) -> dict[str, Any]:
    """Everything of the fixture that is not a tensor of parameters."""
    return {
        "torch": torch.__version__.split("+")[0],
        "vocabulary": VOCABULARY,
        "training": {
            "clip_norm": CLIP_NORM,
            **hyper_parameters(LEARNING_RATE),
        },
        "texts": {"ids": pad(TEXTS).tolist(), "lengths": [len(text) for text in TEXTS]},
        "labels": LABELS,
        "cases": {
            name: {
                "options": {
                    "cell": case.cell,
                    "embedding": case.embedding,
                    "layers": case.layers,
                    "bidirectional": case.bidirectional,
                    "output": case.output,
                },
                "smoothing": case.smoothing,
                "loss_without_smoothing": results[name].loss_without_smoothing,
                "losses": results[name].trained.losses,
                "gradient_norms": results[name].trained.gradient_norms,
                "logits": {"before": results[name].logits[0], "after": results[name].logits[1]},
            }
            for name, case in CASES.items()
        },
    }


def main() -> None:
    results = {name: run(case, torch.float64) for name, case in CASES.items()}
    for name, case in CASES.items():
        results[name].trained.clips(CLIP_NORM)
        report(name, results[name].trained, run(case, torch.float32).trained)
    tensors = {
        f"{name}/{tensor}": value
        for name, result in results.items()
        for tensor, value in (result.parameters | result.trained.tensors).items()
    }
    FIXTURES.mkdir(exist_ok=True)
    save_file(single(tensors), FIXTURES / "classifier.safetensors")
    (FIXTURES / "classifier.json").write_text(format_json(description(results)) + "\n")


if __name__ == "__main__":
    main()
