"""The recurrent Seq2Seq family of lib/models, written in PyTorch as its reference.

With the default options it is the model of Bahdanau, Cho and Bengio 2015 (arXiv:1409.0473) with PyTorch's reset-after
GRU. The parts: family_options.py, recurrent.py (encoder, bridge), attention.py, decoder.py. Parameters have the names
and shapes of lib/models. Dropout is PyTorch's own, on embeddings, between layers and on readouts. A module for the
writers of fixtures and for comparisons; it does nothing when run. Needs torch.

Time-major. B rows, S source positions, T target positions, V target vocabulary, X words of a source that are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from decoder import DECODER, Source, State, Step
from family_options import EOS, PAD, SOS, Options
from recurrent import Bridge, Encoder


class Seq2Seq(nn.Module):
    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options = options
        self.decoder = DECODER[options.decoder](options)  # first, for a table that is shared goes by its name
        self.encoder = Encoder(options)
        if options.tied == "all":
            self.encoder.embedding = self.decoder.embedding
        self.bridge = Bridge(options) if options.bridge == "project" else None

    def encode(self, source: Tensor, lengths: Tensor, copies: Tensor | None = None) -> tuple[Source, State]:
        """source [S, B], its lengths [B] -> what the decoder knows before its first step.

        `copies` [S, B] has the source words in target numbering, with V, V + 1 and so on for those that it lacks.
        """
        read = reverse(source, lengths.to(source.device)) if self.options.reverse_source else source
        return self.decoder.start(self.encoder(read, lengths), self.bridge, copies)

    def forward(self, previous: Tensor, source: Source, state: State) -> Step:
        """Takes the steps of a known target without its last position, [T-1, B]; [T-1, ...] each."""
        steps = []
        for embedded in self.decoder.embed(previous):
            step, state = self.decoder.step(embedded, state, source)
            steps.append(step)
        return stack(steps)

    def loss(
        self,
        source: Tensor,
        lengths: Tensor,
        target: Tensor,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
        copies: Tensor | None = None,
    ) -> Tensor:
        """-log P of target [T, B] over its tokens after <sos>, without padding, and the loss of coverage."""
        known, state = self.encode(source, lengths, copies)
        steps = self(target[:-1], known, state)
        scores, words = self.decoder.scores(steps, known), target[1:]
        counts = words != PAD
        reduce = {"mean": Tensor.mean, "sum": Tensor.sum}[reduction]
        if copies is None:
            loss = nn.functional.cross_entropy(
                scores.flatten(0, 1),
                words.flatten(),
                ignore_index=PAD,
                label_smoothing=label_smoothing,
                reduction=reduction,
            )
        elif label_smoothing == 0:
            loss = reduce(-scores.gather(2, words.unsqueeze(2)).squeeze(2)[counts].log())
        else:
            raise ValueError("Cannot smooth the labels of a model that copies: its words differ by sentence")
        if steps.coverage is not None:
            loss = loss + self.options.coverage_loss * reduce(coverage_loss(steps)[counts])
        return loss


def coverage_loss(steps: Step) -> Tensor:
    """What attention looks at again, summed over the source: [T, B] (See, Liu and Manning 2017, equation 12)."""
    return torch.minimum(steps.weights, steps.coverage).sum(dim=1)


def reverse(source: Tensor, lengths: Tensor) -> Tensor:
    """The words between <sos> and <eos> in reverse order (Sutskever, Vinyals and Le 2014, section 3.3)."""
    positions = torch.arange(len(source), device=source.device).unsqueeze(1)
    inner = (positions > 0) & (positions < lengths - 1)
    return source.gather(0, torch.where(inner, lengths - 1 - positions, positions))


def stack(steps: list[Step]) -> Step:
    """Steps as one, each tensor with a first axis more."""
    names = [field.name for field in fields(Step)]
    values = {name: [getattr(step, name) for step in steps] for name in names}
    return Step(**{name: None if parts[0] is None else torch.stack(parts) for name, parts in values.items()})


@dataclass(frozen=True)
class Translation:
    """A batch decoded greedily, up to the step in which its last row ended."""

    ids: Tensor  # [T, B], without <sos>, with <eos>, then <pad>
    attention: Tensor | None  # [T, B, S] in the order in which the source is read, zero after <eos>
    margin: float  # smallest distance between the best and the second-best score that decided an id


@torch.no_grad()
def translate(
    model: Seq2Seq, source: Tensor, lengths: Tensor, maximum: int, copies: Tensor | None = None
) -> Translation:
    """Decodes source [S, B] greedily into at most `maximum` ids a row, <eos> counted.

    Scores are logits, or of models that copy the logarithms of probabilities.
    """
    known, state = model.encode(source, lengths, copies)
    previous = torch.full_like(source[0], SOS)
    ended = torch.zeros_like(previous, dtype=torch.bool)
    ids, attention, margin = [], [], float("inf")
    while len(ids) < maximum and not ended.all():
        step, state = model.decoder.step(model.decoder.embed(previous), state, known)
        scores = model.decoder.scores(step, known)
        best = (scores if copies is None else scores.log()).topk(2, dim=1)
        margin = min(margin, (best.values[:, 0] - best.values[:, 1])[~ended].min().item())
        previous = best.indices[:, 0].masked_fill(ended, PAD)
        ids.append(previous)
        if step.weights is not None:
            attention.append(step.weights.T.masked_fill(ended.unsqueeze(1), 0.0))
        ended = ended | (previous == EOS)
    return Translation(torch.stack(ids), torch.stack(attention) if attention else None, margin)
