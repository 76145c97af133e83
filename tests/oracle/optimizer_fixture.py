"""Writes tests/fixtures/optimizer.{json,safetensors}: ten steps of PyTorch's optimizers, and the rates of its schedules.

Run with torch 2.13.0, numpy and safetensors, which the tests do not need:

    python3 tests/oracle/optimizer_fixture.py

Two parameters take ten steps with gradients that do not depend on them; the learning rate falls as 1 / step. Computed in
float64 from float32 values. The safetensors hold, in float32, the first values (`value.`), the gradients (`gradient.<step>.`),
and for each case the values after ten steps (`<case>.value.`) and what the optimizer keeps (`<case>.first.`,
`<case>.second.`; missing where it keeps none). Schedules come as lists of rates, in float64.

It also takes the steps in float32 and prints how far that is from float64: the tolerance a test may ask for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import SGD, Adadelta, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, LRScheduler, ReduceLROnPlateau

from training import FIXTURES, format_json, single

STEPS = 10
SHAPES = {"short": [3], "long": [7, 37]}  # the second one is longer than an alignment

# Names as this project has them. Large epsilons and decays, so that a slip shows in ten steps.
CASES: dict[str, dict[str, Any]] = {
    "adam": {"method": "adam", "learningRate": 0.05, "beta1": 0.9, "beta2": 0.98, "epsilon": 1e-3, "weightDecay": 0.1},
    "adamw": {"method": "adamw", "learningRate": 0.05, "weightDecay": 0.5},
    "adamw_norm": {"method": "adamw", "learningRate": 0.05, "clipNorm": 15.5},
    "adam_value": {"method": "adam", "learningRate": 0.05, "clipValue": 0.7},
    "sgd": {"method": "sgd", "learningRate": 0.3},
    "sgd_momentum": {"method": "sgd", "learningRate": 0.1, "momentum": 0.9, "weightDecay": 0.1},
    "sgd_nesterov": {"method": "sgd", "learningRate": 0.1, "momentum": 0.8, "nesterov": True, "weightDecay": 0.1},
    "sgd_value": {"method": "sgd", "learningRate": 0.3, "clipValue": 0.7},
    "adadelta": {"method": "adadelta", "learningRate": 1.0},
    "adadelta_slow": {"method": "adadelta", "learningRate": 1.0, "rho": 0.8, "epsilon": 1e-2, "weightDecay": 0.1},
    "rmsprop": {"method": "rmsprop", "learningRate": 0.05},
    "rmsprop_momentum": {
        **{"method": "rmsprop", "learningRate": 0.02, "alpha": 0.9, "epsilon": 1e-3},
        **{"momentum": 0.9, "weightDecay": 0.1},
    },
}

KEPT = {
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
    "sgd": ("momentum_buffer", None),
    "adadelta": ("acc_delta", "square_avg"),
    "rmsprop": ("momentum_buffer", "square_avg"),
}


def optimizer(case: dict[str, Any], parameters: list[Tensor]) -> Optimizer:
    """PyTorch's own, with PyTorch's defaults for what the case does not say."""
    names = {"epsilon": "eps", "weightDecay": "weight_decay"}
    given = {names.get(name, name): value for name, value in case.items()}
    method, rate = given.pop("method"), given.pop("learningRate")
    for name in ("clipNorm", "clipValue"):
        given.pop(name, None)
    if "beta1" in given:
        given["betas"] = (given.pop("beta1"), given.pop("beta2"))
    kind = {"adam": Adam, "adamw": AdamW, "sgd": SGD, "adadelta": Adadelta, "rmsprop": RMSprop}[method]
    return kind(parameters, lr=rate, **given)


def steps(case: dict[str, Any], drawn: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Takes ten steps; returns values and state."""
    parameters = {name: nn.Parameter(drawn[f"value.{name}"].to(dtype, copy=True)) for name in SHAPES}
    optimize = optimizer(case, list(parameters.values()))
    for step in range(STEPS):
        for name, parameter in parameters.items():
            parameter.grad = drawn[f"gradient.{step}.{name}"].to(dtype, copy=True)
        if "clipNorm" in case:
            nn.utils.clip_grad_norm_(parameters.values(), case["clipNorm"])
        if "clipValue" in case:
            nn.utils.clip_grad_value_(parameters.values(), case["clipValue"])
        for group in optimize.param_groups:
            group["lr"] = case["learningRate"] / (step + 1)
        optimize.step()
    result = {}
    for name, parameter in parameters.items():
        result[f"value.{name}"] = parameter.detach().clone()
        for which, key in zip(("first", "second"), KEPT[case["method"]]):
            state = optimize.state[parameter].get(key) if key else None
            if state is not None:
                result[f"{which}.{name}"] = state.clone()
    return result


def rates(make: Callable[[Optimizer], LRScheduler], count: int) -> list[float]:
    """The rates of `count` steps, the peak being 0.5."""
    optimize = SGD([nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = make(optimize)
    result = []
    for _ in range(count):
        result.append(optimize.param_groups[0]["lr"])
        optimize.step()
        schedule.step()
    return result


def plateau_rates(losses: list[float], bad_epochs: int) -> list[float]:
    """The rate of each epoch, losses[e] being measured after epoch e; lowered after so many epochs without a lower one."""
    optimize = SGD([nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = ReduceLROnPlateau(optimize, factor=0.5, patience=bad_epochs - 1, threshold=0, min_lr=0.1)
    result = []
    for loss in losses:
        result.append(optimize.param_groups[0]["lr"])
        schedule.step(loss)
    return result


def main() -> None:
    generator = torch.Generator().manual_seed(5)
    drawn = {f"value.{name}": torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
    for step in range(STEPS):
        for name, shape in SHAPES.items():
            drawn[f"gradient.{step}.{name}"] = torch.randn(shape, generator=generator)
    norms = [sum(drawn[f"gradient.{s}.{n}"].square().sum() for n in SHAPES).sqrt().item() for s in range(STEPS)]
    clip_norm = CASES["adamw_norm"]["clipNorm"]
    if not min(norms) < clip_norm < max(norms):
        raise ValueError(f"Cannot use these gradients: their norms {norms} are all on one side of {clip_norm}")
    tensors = dict(drawn)
    for name, case in CASES.items():
        exact, rounded = (steps(case, drawn, dtype) for dtype in (torch.float64, torch.float32))
        errors = {
            key: ((rounded[key].double() - value).abs().max() / value.abs().max()).item() for key, value in exact.items()
        }
        print(f"{name}: float32 against float64 {max(errors.values()):.1e}, " + json.dumps(max(errors, key=errors.get)))
        tensors |= {f"{name}.{key}": value for key, value in exact.items()}
    losses = [3.0, 2.0, 2.5, 2.1, 1.9, 1.95, 1.9, 1.95, 2.0, 2.0, 2.0, 2.0, 1.0, 1.5]
    cosine = rates(lambda o: CosineAnnealingLR(o, T_max=12, eta_min=0.05), 12)
    schedules = {
        "peak": 0.5,
        "warmup": {"steps": 4, "rates": rates(lambda o: LinearLR(o, start_factor=1 / 4, total_iters=3), 8)},
        # Vaswani et al. 2017, equation 3, with d_model^-0.5 such that the peak is 0.5
        "inverseSqrt": {
            "steps": 4,
            "rates": rates(lambda o: LambdaLR(o, lambda t: 2 * min((t + 1) ** -0.5, (t + 1) * 4**-1.5)), 12),
        },
        "cosine": {"steps": 12, "floor": 0.05, "rates": cosine},
        "plateau": {"epochs": 2, "floor": 0.1, "losses": losses, "rates": plateau_rates(losses, 2)},
    }
    save_file(single(tensors), FIXTURES / "optimizer.safetensors")
    text = format_json({"steps": STEPS, "cases": CASES, "norms": norms, "schedules": schedules})
    (FIXTURES / "optimizer.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
