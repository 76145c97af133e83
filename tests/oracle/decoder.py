"""The four decoders of the Seq2Seq family in PyTorch, which differ in how the source reaches them.

Time-major. B rows, S source positions, T target positions, E embedding, H hidden, C annotations, R readout,
V target vocabulary, X words of a source that are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from attention import ATTENTION, Memory
from family_options import UNK, Options
from recurrent import Bridge, DecoderLayers, Encoded, recurrent_layers


@dataclass(frozen=True)
class Source:
    """What the decoder knows of the source at every step."""

    memory: Memory | None
    summary: Tensor | None  # [B, H]
    copies: Tensor | None  # [S, B]: the words in target numbering, V and up for those that it lacks


@dataclass(frozen=True)
class State:
    """What a step hands to the next."""

    step: int
    states: list[Tensor]  # h, [B, H] a layer
    cells: list[Tensor]  # of LSTMs, likewise
    vector: Tensor | None  # [B, R]: Luong's attentional vector, where it is fed back
    coverage: Tensor | None  # [S, B]: the sum of the weights so far


@dataclass(frozen=True)
class Step:
    """What a step tells; stacked, all steps of a known target, [T, ...] each."""

    output: Tensor  # s, [B, H]: the top layer's
    embedded: Tensor  # e, [B, E]: the word before
    context: Tensor | None  # c, [B, C]
    vector: Tensor | None  # a, [B, R]
    weights: Tensor | None  # [S, B]
    coverage: Tensor | None  # [S, B], before the step


class Readout(nn.Linear):
    """tanh(W x + b), or the larger of each pair of neighbours (Goodfellow et al. 2013, arXiv:1302.4389)."""

    def __init__(self, inputs: int, options: Options, bias: bool = True) -> None:
        self.maxout = options.readout == "maxout"
        super().__init__(inputs, (2 if self.maxout else 1) * options.readout_width, bias)

    def forward(self, x: Tensor) -> Tensor:
        sums = super().forward(x)
        return sums.unflatten(-1, (-1, 2)).amax(-1) if self.maxout else torch.tanh(sums)


class Decoder(nn.Module):
    """What all decoders have: embedding, recurrent layers, attention, output layer, and the copies of See et al."""

    def __init__(self, options: Options, feed: int, readout: int, readout_bias: bool = True) -> None:
        """`feed` is the width of what enters a step beside the word, `readout` of what the readout is made from."""
        super().__init__()
        self.options = options
        self.embedding = nn.Embedding(options.target_vocabulary, options.embedding)
        self.recurrent = recurrent_layers(options, options.embedding + feed)
        self.dropout = nn.Dropout(options.dropout)
        self.layers = DecoderLayers(self.recurrent, options, self.dropout)
        if options.attends:
            self.attention = ATTENTION[options.attention](options)
        if options.readout != "direct":
            self.readout = Readout(readout, options, readout_bias)
        self.output = nn.Linear(options.readout_width, options.target_vocabulary)
        if options.tied != "none":
            self.output.weight = self.embedding.weight  # Press and Wolf 2017 (arXiv:1608.05859)
        if options.copy:
            self.copy = nn.Linear(options.hidden + options.annotations + options.embedding, 1)

    def start(self, encoded: Encoded, bridge: Bridge | None, copies: Tensor | None) -> tuple[Source, State]:
        """What is known before the first step."""
        memory = self.attention.memory(encoded.annotations, encoded.lengths) if self.options.attends else None
        summary = self.summarize(encoded)
        # Of two directions the last one reads from the end, and so ends at the first word.
        finals = [final[-1] if summary is None else summary for final in encoded.finals]
        cells = [cell[-1] if summary is None else summary for cell in encoded.cells]
        states, cells = (finals, cells) if bridge is None else bridge(finals, cells)
        vector = finals[0].new_zeros(len(finals[0]), self.options.readout_width) if self.options.input_feeding else None
        coverage = torch.zeros_like(encoded.annotations[:, :, 0]) if self.options.coverage else None
        return Source(memory, summary, copies), State(0, states, cells, vector, coverage)

    def summarize(self, encoded: Encoded) -> Tensor | None:
        return None

    def embed(self, previous: Tensor) -> Tensor:
        """Ids of the previous words, any shape -> the same shape and E. Copied words are unknown here."""
        return self.dropout(self.embedding(previous.masked_fill(previous >= self.options.target_vocabulary, UNK)))

    def step(self, embedded: Tensor, state: State, source: Source) -> tuple[Step, State]:
        """embedded [B, E]."""
        raise NotImplementedError

    def advance(self, inputs: list[Tensor], state: State) -> tuple[Tensor, State]:
        """Takes the recurrent layers a step further; returns s [B, H] and the state with the new h."""
        output, states, cells = self.layers.step(torch.cat(inputs, dim=1), state.states, state.cells)
        return output, replace(state, step=state.step + 1, states=states, cells=cells)

    def attend(self, query: Tensor, state: State, source: Source) -> tuple[Tensor, Tensor]:
        """query [B, H] -> context [B, C] and weights [S, B]; `state` is that before the step."""
        return self.attention(query, source.memory, state.step, state.coverage)

    def cover(self, state: State, weights: Tensor) -> State:
        """Adds a step's weights to the coverage (See et al. 2017, equation 10)."""
        return state if state.coverage is None else replace(state, coverage=state.coverage + weights)

    def features(self, step: Step, source: Source) -> Tensor:
        """What the output layer is given, [..., R]."""
        raise NotImplementedError

    def scores(self, step: Step, source: Source) -> Tensor:
        """Logits [..., V], or of models that copy the probabilities [..., V + X]; one call serves all steps."""
        logits = self.output(self.dropout(self.features(step, source)))
        return logits if source.copies is None else self.mix(logits.softmax(dim=-1), step, source.copies)

    def mix(self, generated: Tensor, step: Step, copies: Tensor) -> Tensor:
        """Adds the words of the source, [..., V] -> [..., V + X] (See et al. 2017, equations 8 and 9)."""
        generate = torch.sigmoid(self.copy(torch.cat([step.output, step.context, step.embedded], dim=-1)))
        extra = max(0, copies.max().item() + 1 - self.options.target_vocabulary)
        words = nn.functional.pad(generate * generated, (0, extra))
        weights = (1 - generate) * step.weights.transpose(-1, -2)  # [..., B, S]
        return words.scatter_add(-1, copies.T.expand_as(weights), weights)


class BahdanauDecoder(Decoder):
    """Attention asks with the state before a step, the context enters it (Bahdanau, Cho and Bengio 2015, 3.1)."""

    def __init__(self, options: Options) -> None:
        annotations = options.annotations
        super().__init__(options, annotations, options.hidden + annotations + options.embedding)

    def step(self, embedded: Tensor, state: State, source: Source) -> tuple[Step, State]:
        context, weights = self.attend(state.states[-1], state, source)
        output, after = self.advance([embedded, context], state)
        return Step(output, embedded, context, None, weights, state.coverage), self.cover(after, weights)

    def features(self, step: Step, source: Source) -> Tensor:
        return self.readout(torch.cat([step.output, step.context, step.embedded], dim=-1))


class LuongDecoder(Decoder):
    """Attention asks with the state after a step; both make the attentional vector.

    It predicts the word and enters the next step (Luong, Pham and Manning 2015, equation 5 and section 3.3).
    """

    def __init__(self, options: Options) -> None:
        feed = options.readout_width if options.input_feeding else 0
        super().__init__(options, feed, options.hidden + options.annotations, readout_bias=False)

    def step(self, embedded: Tensor, state: State, source: Source) -> tuple[Step, State]:
        inputs = [embedded] if state.vector is None else [embedded, state.vector]
        output, after = self.advance(inputs, state)
        context, weights = self.attend(after.states[-1], state, source)
        vector = self.readout(torch.cat([output, context], dim=1))
        if state.vector is not None:
            after = replace(after, vector=vector)
        return Step(output, embedded, context, vector, weights, state.coverage), self.cover(after, weights)

    def features(self, step: Step, source: Source) -> Tensor:
        return step.vector


class ChoDecoder(Decoder):
    """A summary of the source enters every step and the output (Cho et al. 2014, arXiv:1406.1078, appendix A)."""

    def __init__(self, options: Options) -> None:
        super().__init__(options, options.hidden, 2 * options.hidden + options.embedding)
        self.summary = nn.Linear(options.annotations, options.hidden)

    def summarize(self, encoded: Encoded) -> Tensor:
        return torch.tanh(self.summary(torch.cat(encoded.finals[-1], dim=1)))

    def step(self, embedded: Tensor, state: State, source: Source) -> tuple[Step, State]:
        output, after = self.advance([embedded, source.summary], state)
        return Step(output, embedded, source.summary, None, None, None), after

    def features(self, step: Step, source: Source) -> Tensor:
        return self.readout(torch.cat([step.output, step.context, step.embedded], dim=-1))


class SutskeverDecoder(Decoder):
    """The source is the state that the decoder starts from (Sutskever, Vinyals and Le 2014, arXiv:1409.3215)."""

    def __init__(self, options: Options) -> None:
        super().__init__(options, 0, options.hidden)

    def step(self, embedded: Tensor, state: State, source: Source) -> tuple[Step, State]:
        output, after = self.advance([embedded], state)
        return Step(output, embedded, None, None, None, None), after

    def features(self, step: Step, source: Source) -> Tensor:
        return step.output if self.options.readout == "direct" else self.readout(step.output)


DECODER: dict[str, type[Decoder]] = {
    "bahdanau": BahdanauDecoder,
    "luong": LuongDecoder,
    "cho": ChoDecoder,
    "sutskever": SutskeverDecoder,
}
