"""Does the work of the benchmarks in PyTorch. Answers each line of JSON with one, as peer.ts says."""

from __future__ import annotations

import itertools
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

sys.path.append(str(Path(__file__).parents[2] / "tests" / "oracle"))
from family import Seq2Seq  # noqa: E402
from family_options import complete  # noqa: E402

SPECIAL = 4  # ids of padding and the like

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def normal(*shape: int, gradient: bool = False) -> Tensor:
    return (torch.randn(*shape, device=DEVICE) / 8).requires_grad_(gradient)


def integers(below: int, *shape: int) -> Tensor:
    return torch.randint(below, shape, device=DEVICE)


def matmul(work: dict) -> Callable[[], object]:
    a, b = normal(work["rows"], work["inner"]), normal(work["inner"], work["columns"])
    return lambda: a @ b


def gradients_of(loss: Callable[[], Tensor], *operands: Tensor) -> Callable[[], object]:
    return lambda: torch.autograd.grad(loss(), operands)


def recurrent(work: dict) -> Callable[[], object]:
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[work["cell"]]
    layer = kind(work["inputs"], work["hidden"]).to(DEVICE)
    x = normal(work["steps"], work["batch"], work["inputs"], gradient=True)
    return gradients_of(lambda: layer(x)[0][-1].sum(), x, *layer.parameters())


def attention(work: dict) -> Callable[[], object]:
    steps, source, batch, width = (work[name] for name in ("steps", "source", "batch", "width"))
    queries, keys = normal(steps, batch, width, gradient=True), normal(source, batch, width, gradient=True)
    values, score = normal(source, batch, work["values"], gradient=True), normal(width, gradient=True)

    def loss() -> Tensor:
        total = torch.zeros((), device=DEVICE)
        for query in queries:
            weights = (torch.tanh(query + keys) @ score).softmax(dim=0)
            total = total + torch.einsum("sb,sbv->bv", weights, values).sum()
        return total

    return gradients_of(loss, queries, keys, values, score)


def cross_entropy(work: dict) -> Callable[[], object]:
    rows, width, classes = work["rows"], work["width"], work["classes"]
    x, weight = normal(rows, width, gradient=True), normal(classes, width, gradient=True)
    bias, targets = normal(classes, gradient=True), integers(classes, rows)

    def loss() -> Tensor:
        return functional.cross_entropy(functional.linear(x, weight, bias), targets)

    return gradients_of(loss, x, weight, bias)


def embedding(work: dict) -> Callable[[], object]:
    table = normal(work["vocabulary"], work["width"], gradient=True)
    ids = integers(work["vocabulary"], work["tokens"])
    return gradients_of(lambda: functional.embedding(ids, table).sum(), table)


def optimized(parameters: list[Tensor], gradients: Callable[[], object]) -> Callable[[], object]:
    """Whatever leaves gradients, then clipping and Adam."""
    optimizer = torch.optim.Adam(parameters, lr=0.001, fused=True)

    def step() -> None:
        gradients()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    return step


def adam(work: dict) -> Callable[[], object]:
    weight = normal(work["parameters"], gradient=True)
    weight.grad = normal(work["parameters"])
    return optimized([weight], lambda: None)


def trained(model: torch.nn.Module, loss: Callable[[], Tensor]) -> Callable[[], object]:
    """A training step."""

    def gradients() -> None:
        model.zero_grad()
        loss().backward()

    return optimized(list(model.parameters()), gradients)


def translation(work: dict) -> Callable[[], object]:
    hidden, batch = work["hidden"], work["batch"]
    vocabularies = work["sourceVocabulary"], work["targetVocabulary"]
    model = Seq2Seq(complete(*vocabularies, embedding=work["embedding"], hidden=hidden)).to(DEVICE)
    source = SPECIAL + integers(vocabularies[0] - SPECIAL, work["source"], batch)
    target = SPECIAL + integers(vocabularies[1] - SPECIAL, work["target"] + 1, batch)
    lengths = torch.full((batch,), work["source"])
    return trained(model, lambda: model.loss(source, lengths, target))


class Classifier(torch.nn.Module):
    """The model of the IMDB benchmark."""

    def __init__(self, kind: type[torch.nn.RNNBase], hidden: int) -> None:
        super().__init__()
        self.sequences = kind(1, hidden)
        self.last = kind(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.sequences(x)[0])[0][-1, :, 0]


def imdb(work: dict) -> Callable[[], object]:
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[work["cell"]]
    model = Classifier(kind, work["hidden"]).to(DEVICE)
    x = normal(work["steps"], work["batch"], 1)
    labels = integers(2, work["batch"]).float()
    return trained(model, lambda: functional.binary_cross_entropy_with_logits(model(x), labels))


def data(work: dict) -> Callable[[], object]:
    """The data pipeline in plain Python: tab-separated pairs to padded tensors."""
    with open(work["file"], encoding="utf-8") as lines:
        pairs = [line.rstrip("\n").split("\t") for line in lines]

    def tokens(side: int) -> list[list[str]]:
        return [re.findall(r"\w+", pair[side].lower()) for pair in pairs]

    def learn() -> list[dict[str, int]]:
        counts = [Counter(itertools.chain.from_iterable(tokens(side))) for side in (0, 1)]
        return [{word: SPECIAL + i for i, (word, _) in enumerate(count.most_common())} for count in counts]

    vocabularies = learn()

    def encode() -> list[list[list[int]]]:
        return [[[ids[word] for word in words] for words in tokens(side)] for side, ids in enumerate(vocabularies)]

    encoded = [[torch.tensor(sentence) for sentence in side] for side in encode()]

    def batches() -> None:
        order = sorted(random.sample(range(len(pairs)), len(pairs)), key=lambda i: len(encoded[0][i]))
        for first in range(0, len(order), 64):
            for side in encoded:
                torch.nn.utils.rnn.pad_sequence([side[i] for i in order[first : first + 64]])

    return {"learn": learn, "encode": encode, "batches": batches}[work["task"]]


WAYS = {
    "matmul": matmul,
    "recurrent": recurrent,
    "attention": attention,
    "cross-entropy": cross_entropy,
    "embedding": embedding,
    "adam": adam,
    "translation": translation,
    "imdb": imdb,
    "data": data,
}


def synchronize() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def seconds_of(run: Callable[[], object], times: int) -> float:
    synchronize()
    start = time.perf_counter()
    for _ in range(times):
        run()
    synchronize()
    return time.perf_counter() - start


def answer(question: dict, ready: list[Callable[[], object]]) -> dict:
    if "work" in question:
        ready.append(WAYS[question["work"]["kind"]](question["work"]))
        return {"number": len(ready) - 1}
    if "times" in question:
        return {"seconds": seconds_of(ready[question["number"]], question["times"])}
    where = DEVICE if DEVICE == "cuda" else f"{torch.get_num_threads()} threads"
    return {"label": f"PyTorch {torch.__version__}, {where}"}


def main() -> None:
    torch.manual_seed(1)
    ready: list[Callable[[], object]] = []
    for line in sys.stdin:
        try:
            result = answer(json.loads(line), ready)
        except Exception as error:  # the other side reports it
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
