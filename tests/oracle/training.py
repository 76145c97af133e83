"""What the writers of fixtures share: drawn parameters, ten steps of Adam on one batch, and the report on rounding."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

BETAS = (0.9, 0.999)
EPSILON = 1e-8
STEPS = 10


@dataclass(frozen=True)
class Trained:
    """Ten steps in one precision."""

    tensors: dict[str, Tensor]  # grad.<name> of step 1 before clipping, after.<name> of the last step
    losses: list[float]
    gradient_norms: list[float]  # before clipping

    def clips(self, clip_norm: float) -> None:
        """Refuses values of which no step is clipped, or all of them are."""
        norms = self.gradient_norms
        if not min(norms) < clip_norm < max(norms):
            raise ValueError(f"Cannot use these values: the norms {norms} are all on one side of {clip_norm}")


def draw(
    shapes: dict[str, torch.Size], seed: int, initial_range: float, order: Callable[[str], str] = str
) -> dict[str, Tensor]:
    """Float32 values drawn in the order of their names, or of what `order` makes of those."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.empty(shapes[name], dtype=torch.float32).uniform_(-initial_range, initial_range, generator=generator)
        for name in sorted(shapes, key=order)
    }


@torch.no_grad()
def draw_parameters(
    model: nn.Module, seed: int, initial_range: float, order: Callable[[str], str] = str
) -> dict[str, Tensor]:
    """Gives a model parameters that do not depend on its precision."""
    parameters = dict(model.named_parameters())  # a shared one once
    drawn = draw({name: parameter.shape for name, parameter in parameters.items()}, seed, initial_range, order)
    for name, parameter in parameters.items():
        parameter.copy_(drawn[name])
    return drawn


def train(model: nn.Module, loss_of: Callable[[], Tensor], learning_rate: float, clip_norm: float) -> Trained:
    """Takes ten steps of Adam."""
    tensors: dict[str, Tensor] = {}
    losses, gradient_norms = [], []
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, betas=BETAS, eps=EPSILON)
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        if step == 0:
            for name, parameter in model.named_parameters():
                assert parameter.grad is not None
                tensors[f"grad.{name}"] = parameter.grad.clone()
        losses.append(loss.item())
        gradient_norms.append(nn.utils.clip_grad_norm_(model.parameters(), clip_norm).item())
        optimizer.step()
    for name, parameter in model.named_parameters():
        tensors[f"after.{name}"] = parameter.detach().clone()
    return Trained(tensors, losses, gradient_norms)


def worst(exact: Trained, single: Trained) -> dict[str, float]:
    """The largest float32 error of losses and of each kind of tensor, relative to the tensor's largest value."""
    errors = {"losses": max(abs(a / b - 1) for a, b in zip(single.losses, exact.losses)), "grad": 0.0, "after": 0.0}
    for tensor, expected in exact.tensors.items():
        kind = tensor.split(".")[0]
        error = (single.tensors[tensor].double() - expected).abs().max() / expected.abs().max()
        errors[kind] = max(errors[kind], error.item())
    return errors


def report(name: str, exact: Trained, single: Trained) -> None:
    """Prints what a test may expect, and how far float32 is from float64."""
    norms = f"norms {min(exact.gradient_norms):.2f} to {max(exact.gradient_norms):.2f}"
    errors = ", ".join(f"{kind} {error:.1e}" for kind, error in worst(exact, single).items())
    print(f"{name}: loss {exact.losses[0]:.4f} -> {exact.losses[-1]:.4f}, {norms}; float32 against float64: {errors}")


def hyper_parameters(learning_rate: float) -> dict[str, Any]:
    """How the ten steps were taken, for a fixture's description."""
    return {"steps": STEPS, "learning_rate": learning_rate, "betas": list(BETAS), "epsilon": EPSILON}


def pad(rows: list[list[int]]) -> Tensor:
    """Rows of ids, and zeros after them -> [T, B]."""
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows])


def single(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """In float32, as they are saved."""
    return {name: tensor.to(torch.float32).contiguous() for name, tensor in tensors.items()}


def format_json(value: Any, indent: str = "") -> str:
    """JSON as `deno fmt` leaves it, with a list of plain values on one line."""
    inner = indent + "  "
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(key)}: {format_json(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        return "[\n" + ",\n".join(inner + format_json(item, inner) for item in value) + f"\n{indent}]"
    if isinstance(value, list) and any(isinstance(item, float) for item in value):
        if len(json.dumps(value)) + len(indent) > 100:
            return "[\n" + ",\n".join(inner + json.dumps(item) for item in value) + f"\n{indent}]"
    return json.dumps(value)
