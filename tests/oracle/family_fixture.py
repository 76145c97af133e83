"""Writes the fixtures that tests/models compares the recurrent Seq2Seq family with.

    pip install torch==2.13.0 safetensors==0.5.3 numpy==2.4.6
    python tests/oracle/family_fixture.py

tests/fixtures/family.safetensors, all float32, computed in float64, for each case of family_cases.py:
    <case>/<name>          every parameter before training (exact: it was drawn as float32)
    <case>/grad.<name>     its gradient in step 1, before clipping
    <case>/after.<name>    its value after ten Adam steps
tests/fixtures/family.json: hyper-parameters; the batch (time-major, padded at the end), for models that copy the
    source in target numbering and another target; and for each case the model's options, the loss and the unclipped
    gradient norm of each step, the first loss as it is without smoothing and coverage, and greedy translations with
    the parameters `before` and `after`: ids [T][B] without <sos>, <pad> after <eos>; attention [T][B][S] in the order
    in which the source is read, zero after <eos>, null where there is none. The source is stored unreversed.

Each case takes the first seed whose fixture tests what it is for: where no rounding in 32 bits could turn a decision,
be it the choice of a word, of a unit of a maxout layer, of the edge of a window, or of the smaller of weight and
coverage. For each it prints how far training in float32 is from float64: the tolerance a test may ask for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import family_cases
from decoder import Step
from family import Seq2Seq, Translation, translate
from family_cases import CASES, Case
from family_options import EOS, complete
from training import (
    FIXTURES,
    Trained,
    draw_parameters,
    format_json,
    hyper_parameters,
    pad,
    report,
    single,
    train,
    worst,
)

INITIAL_RANGE = 0.9  # wide: no gradient drowns in rounding
CLIPPED = 0.9  # of the first norm, which falls: some steps are clipped
LEARNING_RATE = 0.01
MAXIMUM_LENGTH = 6

# What rounding must not reach. It moves scores, positions and sums by some 1e-6.
WORD_MARGIN = 1e-2
EDGE_MARGIN = 1e-3
TIE_MARGIN = 1e-4
ROUNDING = 1e-5  # a tenth of what the tests allow

SOURCE = pad(family_cases.SOURCE)
LENGTHS = torch.tensor([len(row) for row in family_cases.SOURCE])
COPIES = pad(family_cases.COPIES)


class Margins:
    """How near a model has come to deciding otherwise, since the start."""

    def __init__(self, model: Seq2Seq) -> None:
        self.edge = self.tie = float("inf")
        self.options = model.options
        if model.options.readout == "maxout":
            model.decoder.readout.register_forward_hook(self.see_units)
        if model.options.span == "local-p":
            model.decoder.attention.position_score.register_forward_hook(self.see_centres)
        if model.options.coverage:
            model.register_forward_hook(self.see_coverage)

    def see_units(self, layer: nn.Linear, inputs: tuple[Tensor], _: Tensor) -> None:
        first, second = nn.functional.linear(inputs[0], layer.weight, layer.bias).unflatten(-1, (-1, 2)).unbind(-1)
        self.tie = min(self.tie, (first - second).abs().min().item())

    def see_centres(self, _: nn.Module, inputs: tuple[Tensor], score: Tensor) -> None:
        distances = torch.arange(len(SOURCE)).unsqueeze(1) - LENGTHS * torch.sigmoid(score).squeeze(1)
        self.edge = min(self.edge, (distances.abs() - self.options.window).abs().min().item())

    def see_coverage(self, _: nn.Module, inputs: tuple[Tensor, ...], steps: Step) -> None:
        looked = steps.coverage > 0  # before the first step nothing is covered, whatever the weights
        self.tie = min(self.tie, (steps.weights - steps.coverage)[looked].abs().min().item())


@dataclass(frozen=True)
class Result:
    """One run over the batch in one precision."""

    seed: int
    parameters: dict[str, Tensor]
    clip_norm: float
    loss_without_smoothing: float
    trained: Trained
    before: Translation
    after: Translation
    margins: Margins


def run(case: Case, seed: int, dtype: torch.dtype, clip_norm: float | None = None) -> Result:
    """Trains on the one batch in the given precision."""
    model = Seq2Seq(complete(**case.vocabularies, **case.options)).to(dtype)
    margins = Margins(model)
    parameters = draw_parameters(model, seed, INITIAL_RANGE)
    target = pad(family_cases.COPIED_TARGET if case.copies else family_cases.TARGET)
    copies = COPIES if case.copies else None

    def loss(smoothing: float = case.smoothing) -> Tensor:
        return model.loss(SOURCE, LENGTHS, target, smoothing, copies=copies)

    def greedy() -> Translation:
        return translate(model, SOURCE, LENGTHS, MAXIMUM_LENGTH, copies)

    options = model.options
    model.options = replace(options, coverage_loss=0.0)
    loss_without_smoothing = loss(0.0).item()
    model.options = options
    clip_norm = clip_norm or round(CLIPPED * norm(model, loss()), 3)
    before = greedy()
    trained = train(model, loss, LEARNING_RATE, clip_norm)
    return Result(seed, parameters, clip_norm, loss_without_smoothing, trained, before, greedy(), margins)


def norm(model: nn.Module, loss: Tensor) -> float:
    """The norm of the gradient."""
    return nn.utils.get_total_norm(torch.autograd.grad(loss, list(model.parameters()))).item()


def refusal(case: Case, exact: Result, rounded: Result) -> str | None:
    """Why a fixture would not test what it is for; None if it would."""
    norms, margins = exact.trained.gradient_norms, exact.margins
    ids = torch.cat([exact.before.ids, exact.after.ids])
    words = min(exact.before.margin, exact.after.margin)
    errors = worst(exact.trained, rounded.trained)
    reasons = {
        "no step is clipped, or all are": not min(norms) < exact.clip_norm < max(norms),
        f"two scores are {words:.2g} apart": words < WORD_MARGIN,
        f"a window's edge is {margins.edge:.2g} from a word": margins.edge < EDGE_MARGIN,
        f"two numbers of which one is chosen are {margins.tie:.2g} apart": margins.tie < TIE_MARGIN,
        f"float32 is off by {errors}": max(errors.values()) > ROUNDING,
        "no translation ends": not (ids == EOS).any(),
        "a translation repeats a word only": len(ids.unique()) < 4,
        "no word is copied": case.copies and ids.max() < family_cases.TARGET_VOCABULARY,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def search(name: str, case: Case) -> Result:
    """The result of the first seed that will do."""
    for seed in count(1):
        exact = run(case, seed, torch.float64)
        rounded = run(case, seed, torch.float32, exact.clip_norm)
        if (reason := refusal(case, exact, rounded)) is None:
            report(f"{name}, seed {seed}", exact.trained, rounded.trained)
            return exact
        print(f"  {name}: not seed {seed}, {reason}")
    raise AssertionError("there is always another seed")


def description(results: dict[str, Result]) -> dict[str, Any]:
    """Everything of the fixture that is not a tensor of parameters."""
    return {
        "torch": torch.__version__.split("+")[0],
        "training": hyper_parameters(LEARNING_RATE),
        "maximum_length": MAXIMUM_LENGTH,
        "source": sentences(family_cases.SOURCE),
        "target": sentences(family_cases.TARGET),
        "copies": COPIES.tolist(),
        "copied_target": sentences(family_cases.COPIED_TARGET),
        "cases": {
            name: {
                "options": case.options,
                **case.vocabularies,
                "seed": results[name].seed,
                "smoothing": case.smoothing,
                "clip_norm": results[name].clip_norm,
                "loss_without_smoothing": results[name].loss_without_smoothing,
                "losses": results[name].trained.losses,
                "gradient_norms": results[name].trained.gradient_norms,
                "greedy": {"before": greedy(results[name].before), "after": greedy(results[name].after)},
            }
            for name, case in CASES.items()
        },
    }


def sentences(rows: list[list[int]]) -> dict[str, Any]:
    return {"ids": pad(rows).tolist(), "lengths": [len(row) for row in rows]}


def greedy(translation: Translation) -> dict[str, Any]:
    attention = translation.attention
    return {"ids": translation.ids.tolist(), "attention": None if attention is None else rounded(attention)}


def rounded(tensor: Tensor) -> Any:
    """Nested lists with a digit more than float32 can be compared on."""
    return round(tensor.item(), 7) if tensor.dim() == 0 else [rounded(part) for part in tensor]


def main() -> None:
    results = {name: search(name, case) for name, case in CASES.items()}
    tensors = {
        f"{name}/{tensor}": value
        for name, result in results.items()
        for tensor, value in (result.parameters | result.trained.tensors).items()
    }
    save_file(single(tensors), FIXTURES / "family.safetensors")
    (FIXTURES / "family.json").write_text(format_json(description(results)) + "\n")


if __name__ == "__main__":
    main()
