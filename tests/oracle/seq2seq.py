"""The GRU translator with additive attention of lib/models, written in PyTorch as its reference.

Bahdanau, Cho and Bengio 2015 (arXiv:1409.0473) with PyTorch's reset-after GRU. A module for
seq2seq_fixture.py and compare_demo.py; it does nothing when run. Needs torch.

Tensors are time-major. B rows, S source positions, T target positions, E embedding, H hidden,
A attention, R readout, V target vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PAD, UNK, SOS, EOS = 0, 1, 2, 3


@dataclass(frozen=True)
class Sizes:
    """The widths of the model's layers."""

    source_vocabulary: int
    target_vocabulary: int
    embedding: int
    hidden: int
    attention: int
    readout: int


@dataclass(frozen=True)
class Memory:
    """What the decoder sees of an encoded source."""

    values: Tensor  # [S, B, 2H]
    keys: Tensor  # [S, B, A], projected once for all steps
    padding: Tensor  # [S, B], true where there is no source token


class Encoder(nn.Module):
    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(sizes.source_vocabulary, sizes.embedding)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(sizes.embedding, sizes.hidden, bidirectional=True)

    def forward(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """[S, B] -> outputs [S, B, 2H] (forward, backward) and the backward state at position 0, [B, H]."""
        embedded = self.dropout(self.embedding(source))
        packed = pack_padded_sequence(embedded, lengths, enforce_sorted=False)
        outputs, final = self.gru(packed)
        values, _ = pad_packed_sequence(outputs, total_length=source.shape[0])
        return values, final[1]


class AdditiveAttention(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.query = nn.Linear(sizes.hidden, sizes.attention, bias=False)
        self.key = nn.Linear(2 * sizes.hidden, sizes.attention)
        self.score = nn.Linear(sizes.attention, 1, bias=False)

    def forward(self, state: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """state [B, H] -> context [B, 2H] and weights [S, B]."""
        energy = self.score(torch.tanh(self.query(state) + memory.keys)).squeeze(2)
        weights = energy.masked_fill(memory.padding, float("-inf")).softmax(dim=0)
        return torch.einsum("sb,sbh->bh", weights, memory.values), weights


class Decoder(nn.Module):
    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(sizes.target_vocabulary, sizes.embedding)
        self.attention = AdditiveAttention(sizes)
        self.cell = nn.GRUCell(sizes.embedding + 2 * sizes.hidden, sizes.hidden)
        self.readout = nn.Linear(3 * sizes.hidden + sizes.embedding, sizes.readout)
        self.output = nn.Linear(sizes.readout, sizes.target_vocabulary)
        self.dropout = nn.Dropout(dropout)

    def embed(self, previous: Tensor) -> Tensor:
        """Ids of the previous words, any shape -> the same shape and E."""
        return self.dropout(self.embedding(previous))

    def step(self, embedded: Tensor, state: Tensor, memory: Memory) -> tuple[Tensor, Tensor, Tensor]:
        """embedded [B, E], state [B, H] -> next state [B, H], context [B, 2H], weights [S, B]."""
        context, weights = self.attention(state, memory)
        return self.cell(torch.cat([embedded, context], dim=1), state), context, weights

    def logits(self, states: Tensor, contexts: Tensor, embedded: Tensor) -> Tensor:
        """[..., H], [..., 2H], [..., E] -> [..., V]; one call serves all steps of a known target."""
        readout = torch.tanh(self.readout(torch.cat([states, contexts, embedded], dim=-1)))
        return self.output(self.dropout(readout))


class Seq2Seq(nn.Module):
    def __init__(self, sizes: Sizes, dropout: float = 0.0) -> None:
        super().__init__()
        self.encoder = Encoder(sizes, dropout)
        self.bridge = nn.Linear(sizes.hidden, sizes.hidden)
        self.decoder = Decoder(sizes, dropout)

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Memory, Tensor]:
        """[S, B] -> the memory and the decoder's first state [B, H]."""
        values, backward_final = self.encoder(source, lengths)
        positions = torch.arange(source.shape[0], device=source.device).unsqueeze(1)
        padding = positions >= lengths.to(source.device)
        memory = Memory(values, self.decoder.attention.key(values), padding)
        return memory, torch.tanh(self.bridge(backward_final))

    def forward(self, source: Tensor, lengths: Tensor, previous: Tensor) -> Tensor:
        """source [S, B], its lengths [B], the target without its last position [T-1, B] -> [T-1, B, V]."""
        memory, state = self.encode(source, lengths)
        embedded = self.decoder.embed(previous)
        states, contexts = [], []
        for step in embedded:
            state, context, _ = self.decoder.step(step, state, memory)
            states.append(state)
            contexts.append(context)
        return self.decoder.logits(torch.stack(states), torch.stack(contexts), embedded)

    def loss(
        self,
        source: Tensor,
        lengths: Tensor,
        target: Tensor,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
    ) -> Tensor:
        """Cross-entropy of target [T, B] over its tokens after <sos>, without padding."""
        logits = self(source, lengths, target[:-1])
        return nn.functional.cross_entropy(
            logits.flatten(0, 1),
            target[1:].flatten(),
            ignore_index=PAD,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )


@dataclass(frozen=True)
class Translation:
    """A batch decoded greedily, up to the step in which its last row ended."""

    ids: Tensor  # [T, B], without <sos>, with <eos>, then <pad>
    attention: Tensor  # [T, B, S], zero after <eos>
    margin: float  # smallest distance between the best and the second-best logit that decided an id


@torch.no_grad()
def translate(model: Seq2Seq, source: Tensor, lengths: Tensor, maximum: int) -> Translation:
    """Decodes source [S, B] greedily into at most `maximum` ids a row, <eos> counted."""
    memory, state = model.encode(source, lengths)
    previous = torch.full_like(source[0], SOS)
    ended = torch.zeros_like(previous, dtype=torch.bool)
    ids, attention, margin = [], [], float("inf")
    while len(ids) < maximum and not ended.all():
        embedded = model.decoder.embed(previous)
        state, context, weights = model.decoder.step(embedded, state, memory)
        best = model.decoder.logits(state, context, embedded).topk(2, dim=1)
        margin = min(margin, (best.values[:, 0] - best.values[:, 1])[~ended].min().item())
        previous = best.indices[:, 0].masked_fill(ended, PAD)
        ids.append(previous)
        attention.append(weights.T.masked_fill(ended.unsqueeze(1), 0.0))
        ended = ended | (previous == EOS)
    return Translation(torch.stack(ids), torch.stack(attention), margin)
