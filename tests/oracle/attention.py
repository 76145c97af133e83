"""Attention of the Seq2Seq family in PyTorch: every score over every span, and coverage.

Additive: Bahdanau, Cho and Bengio 2015 (arXiv:1409.0473). Dot, general, location, and local spans: Luong, Pham and
Manning 2015 (arXiv:1508.04025). Scaled dot: Vaswani et al. 2017 (arXiv:1706.03762). Coverage: See, Liu and Manning 2017
(arXiv:1704.04368).

Time-major. B rows, S source positions, H hidden, C annotations, A attention.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from family_options import Options


@dataclass(frozen=True)
class Memory:
    """What attention looks at."""

    values: Tensor  # [S, B, C]: the annotations
    keys: Tensor  # [S, B, A or C]: what queries are compared with, projected once for all steps
    lengths: Tensor  # [B]
    positions: Tensor  # [S, 1]
    known: Tensor  # [S, B]: true where there is a source word


class Attention(nn.Module):
    """Weights over a span of the source, and the context that they sum up. The score is the subclass's."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.span, self.window = options.span, options.window
        if self.span == "local-p":
            self.position = nn.Linear(options.hidden, options.attention_width, bias=False)
            self.position_score = nn.Linear(options.attention_width, 1, bias=False)

    def memory(self, annotations: Tensor, lengths: Tensor) -> Memory:
        """annotations [S, B, C], lengths [B]."""
        positions = torch.arange(annotations.shape[0], device=annotations.device).unsqueeze(1)
        return Memory(annotations, self.keys(annotations), lengths, positions, positions < lengths)

    def keys(self, annotations: Tensor) -> Tensor:
        return annotations

    def scores(self, state: Tensor, memory: Memory, coverage: Tensor | None) -> Tensor:
        """state [B, H], coverage [S, B] -> [S, B]."""
        raise NotImplementedError

    def forward(
        self, state: Tensor, memory: Memory, step: int, coverage: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """state [B, H], the number of the step, coverage [S, B] -> context [B, C] and weights [S, B]."""
        scores = self.scores(state, memory, coverage)
        if self.span == "global":
            weights = softmax(scores, memory.known)
        else:
            centre = self.centre(state, memory.lengths, step)
            distance = memory.positions - centre
            weights = softmax(scores, memory.known & (distance.abs() <= self.window))
            if self.span == "local-p":  # Luong et al. 2015, equation 10: sigma is half of D; not normalised again
                weights = weights * torch.exp(-(distance**2) / (2 * (self.window / 2) ** 2))
        return torch.einsum("sb,sbc->bc", weights, memory.values), weights

    def centre(self, state: Tensor, lengths: Tensor, step: int) -> Tensor:
        """Where a local span is centred, [B]: monotonic alignment, or predictive (Luong et al. 2015, equation 9)."""
        if self.span == "local-m":
            return torch.clamp(lengths - 1, max=step)
        return lengths * torch.sigmoid(self.position_score(torch.tanh(self.position(state)))).squeeze(1)


def softmax(scores: Tensor, inside: Tensor) -> Tensor:
    """Over the source positions that count, [S, B]."""
    return scores.masked_fill(~inside, float("-inf")).softmax(dim=0)


class AdditiveAttention(Attention):
    """v . tanh(W h + U a + b) (Bahdanau et al. 2015, A.1.2).

    With coverage the tanh also gets w_c c_s (See et al. 2017, equation 11).
    """

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        width = options.attention_width
        self.query = nn.Linear(options.hidden, width, bias=False)
        self.key = nn.Linear(options.annotations, width)
        self.score = nn.Linear(width, 1, bias=False)
        if options.coverage:
            self.coverage = nn.Linear(1, width, bias=False)

    def keys(self, annotations: Tensor) -> Tensor:
        return self.key(annotations)

    def scores(self, state: Tensor, memory: Memory, coverage: Tensor | None) -> Tensor:
        features = self.query(state) + memory.keys
        if coverage is not None:
            features = features + self.coverage(coverage.unsqueeze(2))
        return self.score(torch.tanh(features)).squeeze(2)


class DotAttention(Attention):
    """h . a (Luong et al. 2015, equation 8)."""

    def scores(self, state: Tensor, memory: Memory, coverage: Tensor | None) -> Tensor:
        return (state * memory.keys).sum(dim=2)


class ScaledDotAttention(Attention):
    """(W h) . (U a) / sqrt(A) (Vaswani et al. 2017, equation 1, one head)."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.query = nn.Linear(options.hidden, options.attention_width, bias=False)
        self.key = nn.Linear(options.annotations, options.attention_width, bias=False)

    def keys(self, annotations: Tensor) -> Tensor:
        return self.key(annotations)

    def scores(self, state: Tensor, memory: Memory, coverage: Tensor | None) -> Tensor:
        return (self.query(state) * memory.keys).sum(dim=2) / math.sqrt(memory.keys.shape[2])


class GeneralAttention(Attention):
    """(W h) . a (Luong et al. 2015, equation 8)."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.query = nn.Linear(options.hidden, options.annotations, bias=False)

    def scores(self, state: Tensor, memory: Memory, coverage: Tensor | None) -> Tensor:
        return (self.query(state) * memory.keys).sum(dim=2)


class LocationAttention(Attention):
    """W h, whose row s is the score of position s, whatever stands there (Luong et al. 2015, equation 8)."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.location = nn.Linear(options.hidden, options.locations, bias=False)

    def scores(self, state: Tensor, memory: Memory, coverage: Tensor | None) -> Tensor:
        steps, locations = len(memory.positions), self.location.out_features
        if steps > locations:
            raise ValueError(f"Cannot attend to {steps} source words: there are weights for {locations} locations")
        return self.location(state).T[:steps]


ATTENTION: dict[str, type[Attention]] = {
    "additive": AdditiveAttention,
    "dot": DotAttention,
    "scaled-dot": ScaledDotAttention,
    "general": GeneralAttention,
    "location": LocationAttention,
}
