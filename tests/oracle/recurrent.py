"""The recurrent half of the Seq2Seq family in PyTorch: layers, the encoder, and the bridge to the decoder.

GRU: Cho et al. 2014 (arXiv:1406.1078) in PyTorch's reset-after form; LSTM: Hochreiter and Schmidhuber 1997.
Time-major. B rows, S source positions, E embedding, H hidden, C annotations (2 H of two directions, else H).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from family_options import Options


def recurrent_layers(options: Options, inputs: int, bidirectional: bool = False) -> nn.RNNBase:
    """PyTorch's own stack of layers, which gives the parameters their names."""
    kind = nn.GRU if options.cell == "gru" else nn.LSTM
    return kind(inputs, options.hidden, options.layers, bidirectional=bidirectional)


def single_layers(stack: nn.RNNBase, kind: type[nn.Module]) -> list[nn.Module]:
    """The layers of a stack one by one, with the stack's own parameters: as residual stacks and decoders need them."""
    layers = []
    for n in range(stack.num_layers):
        inputs = getattr(stack, f"weight_ih_l{n}").shape[1]
        directions = {"bidirectional": True} if stack.bidirectional else {}
        layer = kind(inputs, stack.hidden_size, **directions)
        for name in [name for name, _ in layer.named_parameters()]:
            weight, _, reverse = name.partition("_l0")  # a cell has no "_l0"
            setattr(layer, name, getattr(stack, f"{weight}_l{n}{reverse}"))
        layers.append(layer)
    return layers


@dataclass(frozen=True)
class Encoded:
    """A source that has been read."""

    annotations: Tensor  # [S, B, C]
    lengths: Tensor  # [B]
    finals: list[list[Tensor]]  # the raw state [B, H] after the last word, by layer and direction
    cells: list[list[Tensor]]  # of LSTMs the memory cells, likewise


class Encoder(nn.Module):
    """Reads the source, in one direction or both (Schuster and Paliwal 1997)."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.embedding = nn.Embedding(options.source_vocabulary, options.embedding)
        self.recurrent = recurrent_layers(options, options.embedding, options.bidirectional)
        self.layers = single_layers(self.recurrent, type(self.recurrent))
        self.dropout = nn.Dropout(options.dropout)
        self.residual = options.residual

    def forward(self, source: Tensor, lengths: Tensor) -> Encoded:
        """source [S, B] as it is to be read, lengths [B]."""
        outputs = self.embedding(source)
        finals, cells = [], []
        for n, layer in enumerate(self.layers):
            inputs = self.dropout(outputs)
            states, final = layer(pack_padded_sequence(inputs, lengths, enforce_sorted=False))
            outputs, _ = pad_packed_sequence(states, total_length=source.shape[0])
            if self.residual and n > 0:
                outputs = outputs + inputs  # Wu et al. 2016 (arXiv:1609.08144), equation 6
            if isinstance(layer, nn.LSTM):
                final, cell = final
                cells.append(list(cell))
            finals.append(list(final))
        return Encoded(outputs, lengths.to(source.device), finals, cells)


class DecoderLayers:
    """The decoder's layers, a step at a time."""

    def __init__(self, stack: nn.RNNBase, options: Options, dropout: nn.Dropout) -> None:
        kind = nn.GRUCell if options.cell == "gru" else nn.LSTMCell
        self.layers = single_layers(stack, kind)
        self.residual = options.residual
        self.dropout = dropout

    def step(self, x: Tensor, states: list[Tensor], cells: list[Tensor]) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """x [B, inputs], states and cells [B, H] a layer -> the top layer's output [B, H], the new states and cells."""
        new_states, new_cells = [], []
        for n, layer in enumerate(self.layers):
            inputs = x if n == 0 else self.dropout(x)
            if isinstance(layer, nn.LSTMCell):
                state, cell = layer(inputs, (states[n], cells[n]))
                new_cells.append(cell)
            else:
                state = layer(inputs, states[n])
            new_states.append(state)
            x = state + inputs if self.residual and n > 0 else state
        return x, new_states, new_cells


class Bridge(nn.Module):
    """From what the encoder ends with to what the decoder starts from, layer by layer: tanh(W f + b).

    Bahdanau, Cho and Bengio 2015 (arXiv:1409.0473), appendix A.2.2; f is the final state, of two directions that of the
    one that reads from the end. For Cho et al. 2014 f is the summary of the source, the same for all layers.
    """

    def __init__(self, options: Options) -> None:
        super().__init__()
        for n in range(options.layers):
            self.add_module(str(n), nn.Linear(options.hidden, options.hidden))
        if options.cell == "lstm":
            self.cells = nn.ModuleList(nn.Linear(options.hidden, options.hidden) for _ in range(options.layers))

    def forward(self, finals: list[Tensor], cells: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """[B, H] a layer -> [B, H] a layer."""
        states = [torch.tanh(self.get_submodule(str(n))(final)) for n, final in enumerate(finals)]
        return states, [torch.tanh(layer(cell)) for layer, cell in zip(self.cells, cells)] if cells else []
