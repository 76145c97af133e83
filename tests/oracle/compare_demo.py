"""Trains the demo's model in PyTorch on the demo's own data, so that the held-out figures can be compared.

    pip install torch==2.13.0 sacrebleu==2.6.0
    python tests/oracle/compare_demo.py runs/demo --seeds 1 2 3

The folder (or file) given holds comparison.json, which tests/oracle/export_demo.ts writes:
    {
      "hyper": { "embedding", "hidden", "attention", "readout", "dropout", "label_smoothing",
                 "learning_rate", "clip_norm", "batch" (sentences), "epochs", "seed" },
      "source_vocabulary": [tokens by id], "target_vocabulary": [tokens by id],
      "train": [pair, ...], "valid": [pair, ...], "test": [pair, ...]
    }
    pair = [source_ids, target_ids, source_text, target_words]
Ids 0 to 3 are <pad>, <unk>, <sos>, <eos> in both vocabularies; both id lists begin with <sos> and end with
<eos>. `target_words` is the reference: the target's words as the tokenizer splits them, joined by one
space, with the text's own words where `target_ids` has <unk>. `source_text` is only for reading.

Initialised as PyTorch does it; Adam with its default betas; the weights of the epoch with the lowest
validation loss are kept. Losses are teacher-forced, per target token and without label smoothing.
BLEU (sacreBLEU, 13a) and exact match compare greedy translations with `target_words`.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import sacrebleu
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from family import Seq2Seq, translate
from family_options import EOS, PAD, SOS, UNK, complete

EVALUATION_BATCH = 128
WINDOW = 50  # batches that are sorted by length together


@dataclass(frozen=True)
class Hyper:
    """The demo's hyper-parameters."""

    embedding: int
    hidden: int
    attention: int
    readout: int
    dropout: float
    label_smoothing: float
    learning_rate: float
    clip_norm: float
    batch: int
    epochs: int
    seed: int


class Pair(NamedTuple):
    """A row of a split, as the JSON file orders it."""

    source_ids: list[int]
    target_ids: list[int]
    source_text: str
    target_words: str


@dataclass(frozen=True)
class Comparison:
    """The contents of comparison.json."""

    hyper: Hyper
    source_vocabulary: list[str]
    target_vocabulary: list[str]
    train: list[Pair]
    valid: list[Pair]
    test: list[Pair]


class Batch(NamedTuple):
    source: Tensor  # [S, B]
    lengths: Tensor  # [B]
    target: Tensor  # [T, B]


@dataclass(frozen=True)
class Figures:
    """One row of the table."""

    seed: int
    best_epoch: int
    valid_loss: float
    test_loss: float
    perplexity: float
    bleu: float
    exact_match: float
    unknown: int
    seconds: float


def load(path: Path) -> Comparison:
    """Reads comparison.json, or explains why it cannot."""
    file = path / "comparison.json" if path.is_dir() else path
    if not file.is_file():
        raise ValueError(f"Cannot read {file}: no such file; write it with tests/oracle/export_demo.ts")
    content = json.loads(file.read_text(encoding="utf-8"))
    needed = {field.name for field in fields(Comparison)}
    if missing := needed - content.keys():
        raise ValueError(f"Cannot use {file}: it lacks {', '.join(sorted(missing))}")
    known = {field.name for field in fields(Hyper)}
    if known != content["hyper"].keys():
        raise ValueError(f"Cannot use {file}: hyper must hold exactly {', '.join(sorted(known))}")
    splits = {name: [Pair(*row) for row in content[name]] for name in ("train", "valid", "test")}
    comparison = Comparison(
        Hyper(**content["hyper"]), content["source_vocabulary"], content["target_vocabulary"], **splits
    )
    check(comparison, file)
    return comparison


def check(comparison: Comparison, file: Path) -> None:
    """Refuses splits that would train to figures which compare with nothing."""
    for name in ("train", "valid", "test"):
        pairs: list[Pair] = getattr(comparison, name)
        if not pairs:
            raise ValueError(f"Cannot use {file}: {name} is empty")
        for index, pair in enumerate(pairs):
            for side in ("source", "target"):
                ids: list[int] = getattr(pair, f"{side}_ids")
                size = len(getattr(comparison, f"{side}_vocabulary"))
                framed = len(ids) >= 2 and ids[0] == SOS and ids[-1] == EOS
                if not framed or not all(PAD < token < size for token in ids):
                    raise ValueError(
                        f"Cannot use {name}[{index}] of {file}: its {side} must begin with {SOS} and end "
                        f"with {EOS}, all ids between 1 and {size - 1}; it is {ids}"
                    )


def collate(pairs: list[Pair]) -> Batch:
    """Pads pairs at the end, time-major."""
    return Batch(
        pad_sequence([torch.tensor(pair.source_ids) for pair in pairs], padding_value=PAD),
        torch.tensor([len(pair.source_ids) for pair in pairs]),
        pad_sequence([torch.tensor(pair.target_ids) for pair in pairs], padding_value=PAD),
    )


def shuffled_batches(pairs: list[Pair], size: int, generator: random.Random) -> list[Batch]:
    """Random batches of similar lengths: shuffled, sorted within windows, and the batches shuffled again."""
    shuffled = generator.sample(pairs, len(pairs))
    batches: list[Batch] = []
    for window in slices(shuffled, size * WINDOW):
        window.sort(key=lambda pair: (len(pair.source_ids), len(pair.target_ids)))
        batches.extend(collate(part) for part in slices(window, size))
    generator.shuffle(batches)
    return batches


def slices(pairs: list[Pair], size: int) -> Iterator[list[Pair]]:
    """Consecutive parts of at most `size` pairs."""
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]


def train_epoch(
    model: Seq2Seq, optimizer: torch.optim.Optimizer, batches: list[Batch], hyper: Hyper
) -> float:
    """One pass over the batches; returns their mean loss, smoothed and with dropout."""
    model.train()
    total = 0.0
    for batch in batches:
        optimizer.zero_grad()
        loss = model.loss(batch.source, batch.lengths, batch.target, hyper.label_smoothing)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), hyper.clip_norm)
        optimizer.step()
        total += loss.item()
    return total / len(batches)


@torch.no_grad()
def held_out_loss(model: Seq2Seq, pairs: list[Pair]) -> float:
    """Teacher-forced cross-entropy per target token."""
    model.eval()
    total, tokens = 0.0, 0
    for part in slices(by_length(pairs), EVALUATION_BATCH):
        batch = collate(part)
        total += model.loss(batch.source, batch.lengths, batch.target, reduction="sum").item()
        tokens += sum(len(pair.target_ids) - 1 for pair in part)
    return total / tokens


def by_length(pairs: list[Pair]) -> list[Pair]:
    return sorted(pairs, key=lambda pair: len(pair.source_ids))


def greedy_translations(model: Seq2Seq, pairs: list[Pair]) -> list[list[int]]:
    """The ids up to <eos> for each pair in order, at most 2 S + 10 where S counts <sos> and <eos>."""
    model.eval()
    translations: dict[int, list[int]] = {}
    order = sorted(range(len(pairs)), key=lambda index: len(pairs[index].source_ids))
    for start in range(0, len(order), EVALUATION_BATCH):
        indices = order[start : start + EVALUATION_BATCH]
        batch = collate([pairs[index] for index in indices])
        limits = (2 * batch.lengths + 10).tolist()
        columns = translate(model, batch.source, batch.lengths, max(limits)).ids.T.tolist()
        for index, ids, limit in zip(indices, columns, limits):
            # A row's limit is its own, so that its translation does not depend on its batch.
            ids = ids[:limit]
            translations[index] = ids[: ids.index(EOS)] if EOS in ids else ids
    return [translations[index] for index in range(len(pairs))]


def words(ids: list[int], vocabulary: list[str], dropped: set[int]) -> str:
    return " ".join(vocabulary[token] for token in ids if token not in dropped)


def run(comparison: Comparison, seed: int, keep_unknown: bool) -> Figures:
    """Trains once, and evaluates the best epoch's weights on the test split."""
    started = time.monotonic()
    hyper = comparison.hyper
    torch.manual_seed(seed)
    generator = random.Random(seed)
    options = complete(
        source_vocabulary=len(comparison.source_vocabulary),
        target_vocabulary=len(comparison.target_vocabulary),
        embedding=hyper.embedding,
        hidden=hyper.hidden,
        attention_width=hyper.attention,
        readout_width=hyper.readout,
        dropout=hyper.dropout,
    )
    model = Seq2Seq(options)
    optimizer = torch.optim.Adam(model.parameters(), lr=hyper.learning_rate)
    best_epoch, best_loss, best_weights = 0, math.inf, copy.deepcopy(model.state_dict())
    for epoch in range(1, hyper.epochs + 1):
        batches = shuffled_batches(comparison.train, hyper.batch, generator)
        train_loss = train_epoch(model, optimizer, batches, hyper)
        valid_loss = held_out_loss(model, comparison.valid)
        if valid_loss < best_loss:
            best_epoch, best_loss = epoch, valid_loss
            best_weights = copy.deepcopy(model.state_dict())
        seconds = time.monotonic() - started
        print(
            f"seed {seed} epoch {epoch}/{hyper.epochs} train {train_loss:.3f} valid {valid_loss:.3f} "
            f"{seconds:.0f} s",
            file=sys.stderr,
        )
    model.load_state_dict(best_weights)

    dropped = {PAD, SOS, EOS} if keep_unknown else {PAD, UNK, SOS, EOS}
    translations = greedy_translations(model, comparison.test)
    hypotheses = [words(ids, comparison.target_vocabulary, dropped) for ids in translations]
    references = [pair.target_words for pair in comparison.test]
    test_loss = held_out_loss(model, comparison.test)
    return Figures(
        seed=seed,
        best_epoch=best_epoch,
        valid_loss=best_loss,
        test_loss=test_loss,
        perplexity=math.exp(test_loss),
        bleu=sacrebleu.corpus_bleu(hypotheses, [references]).score,
        exact_match=100 * mean([float(a == b) for a, b in zip(hypotheses, references)]),
        unknown=sum(ids.count(UNK) for ids in translations),
        seconds=time.monotonic() - started,
    )


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def print_table(rows: list[Figures]) -> None:
    columns = ["seed", "best epoch", "valid loss", "test loss", "perplexity", "BLEU", "exact match %"]
    columns += ["<unk>", "seconds"]
    print(f"| {' | '.join(columns)} |")
    print(f"| {' | '.join('-' * len(column) for column in columns)} |")
    for row in rows:
        print(
            f"| {row.seed} | {row.best_epoch} | {row.valid_loss:.4f} | {row.test_loss:.4f} "
            f"| {row.perplexity:.2f} | {row.bleu:.2f} | {row.exact_match:.2f} | {row.unknown} "
            f"| {row.seconds:.0f} |"
        )
    if len(rows) > 1:
        print(
            f"| mean | {mean([row.best_epoch for row in rows]):.1f} "
            f"| {mean([row.valid_loss for row in rows]):.4f} | {mean([row.test_loss for row in rows]):.4f} "
            f"| {mean([row.perplexity for row in rows]):.2f} | {mean([row.bleu for row in rows]):.2f} "
            f"| {mean([row.exact_match for row in rows]):.2f} | {mean([row.unknown for row in rows]):.1f} "
            f"| {mean([row.seconds for row in rows]):.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, help="comparison.json, or the folder that holds it")
    parser.add_argument("--seeds", type=int, nargs="+", help="one run for each (default: the demo's seed)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all cores")
    parser.add_argument("--keep-unknown", action="store_true", help="leave <unk> in the translations")
    options = parser.parse_args()
    try:
        comparison = load(options.path)
    except ValueError as error:
        parser.exit(1, f"{error}\n")
    torch.set_num_threads(options.threads)
    seeds: list[int] = options.seeds or [comparison.hyper.seed]
    print_table([run(comparison, seed, options.keep_unknown) for seed in seeds])


if __name__ == "__main__":
    main()
