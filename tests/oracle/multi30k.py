"""Trains a model of the family on Multi30k in PyTorch, so that its held-out figures can be compared with ours.

    pip install torch==2.13.0 sacrebleu==2.6.0
    python tests/oracle/multi30k.py data/multi30k --source de --target en --hidden 512 --epochs 15 --threads 2

The folder holds {train,val,test_2016_flickr}.{de,en}.gz. Words are those of our Tokenizer without punctuation: runs
of letters, numbers and underscores in lower case; a vocabulary has the words that occur at least `--min-frequency`
times in the training part. All else is as in compare_demo.py: PyTorch's initial weights, Adam with its default betas,
batches of similar lengths; the weights of the epoch with the lowest validation loss are kept. Held-out losses are
teacher-forced, per target word with <eos>, without label smoothing. BLEU (sacreBLEU, 13a) compares greedy translations,
<unk> shown, with the references' own words in lower case, which is what `attend evaluate` reports.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import math
import os
import random
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import sacrebleu
import torch

from compare_demo import Hyper, Pair, greedy_translations, held_out_loss, shuffled_batches, train_epoch, words
from family import Seq2Seq
from family_options import DEFAULTS, EOS, PAD, SOS, UNK, complete

SPECIALS = ["<pad>", "<unk>", "<sos>", "<eos>"]
PARTS = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
HELD_OUT_LENGTH = 4  # times what training takes: longer pairs have no part in held-out losses


def read_lines(file: Path) -> list[str]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [line.rstrip("\n") for line in lines]


def tokenize(text: str) -> list[str]:
    """As lib/data/words.ts and tokenizer.ts: each word loses its case by itself."""
    return [word.lower() for word in re.findall(r"\w+", text)]


def learn_vocabulary(sentences: list[list[str]], min_frequency: int) -> list[str]:
    """As lib/data/vocabulary.ts: the most frequent word first, equally frequent ones by code point."""
    counts = Counter(word for sentence in sentences for word in sentence)
    kept = [word for word, frequency in counts.items() if frequency >= min_frequency]
    return SPECIALS + sorted(kept, key=lambda word: (-counts[word], word))


def encode(sentence: list[str], ids: dict[str, int]) -> list[int]:
    return [SOS, *(ids.get(word, UNK) for word in sentence), EOS]


def load(options: argparse.Namespace) -> tuple[dict[str, list[Pair]], list[str], list[str]]:
    """The three parts, and the vocabularies of both sides."""
    texts = {
        part: [read_lines(options.folder / f"{name}.{language}.gz") for language in (options.source, options.target)]
        for part, name in PARTS.items()
    }
    if options.pairs:
        texts["train"] = [lines[: options.pairs] for lines in texts["train"]]
    tokens = {part: [[tokenize(line) for line in lines] for lines in sides] for part, sides in texts.items()}
    vocabularies = [learn_vocabulary(sentences, options.min_frequency) for sentences in tokens["train"]]
    source_ids, target_ids = ({word: i for i, word in enumerate(vocabulary)} for vocabulary in vocabularies)
    pairs = {
        part: [
            Pair(encode(source, source_ids), encode(target, target_ids), text, " ".join(target))
            for source, target, text in zip(*tokens[part], texts[part][0], strict=True)
        ]
        for part in PARTS
    }
    return pairs, *vocabularies


def short(pairs: list[Pair], longest: int) -> list[Pair]:
    return [pair for pair in pairs if max(len(pair.source_ids), len(pair.target_ids)) <= longest]


def train(model: Seq2Seq, pairs: dict[str, list[Pair]], hyper: Hyper, longest: int, max_steps: int | None) -> None:
    """Leaves the model with the weights of the epoch of the lowest validation loss."""
    started = time.monotonic()
    training, valid = short(pairs["train"], longest), short(pairs["valid"], HELD_OUT_LENGTH * longest)
    generator = random.Random(hyper.seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=hyper.learning_rate)
    best_loss, best_weights = math.inf, copy.deepcopy(model.state_dict())
    for epoch in range(1, hyper.epochs + 1):
        batches = shuffled_batches(training, hyper.batch, generator)[:max_steps]
        train_loss = train_epoch(model, optimizer, batches, hyper)
        valid_loss = held_out_loss(model, valid)
        if valid_loss < best_loss:
            best_loss, best_weights = valid_loss, copy.deepcopy(model.state_dict())
        print(
            f"epoch {epoch}/{hyper.epochs}: train {train_loss:.4f}, validation {valid_loss:.4f}, "
            f"perplexity {math.exp(valid_loss):.2f}, {time.monotonic() - started:.0f} s",
            flush=True,
        )
    model.load_state_dict(best_weights)


def evaluate(model: Seq2Seq, pairs: list[Pair], vocabulary: list[str], longest: int) -> None:
    """Prints the figures of `attend evaluate`."""
    loss = held_out_loss(model, short(pairs, HELD_OUT_LENGTH * longest))
    hypotheses = [words(ids, vocabulary, {PAD, SOS, EOS}) for ids in greedy_translations(model, pairs)]
    references = [pair.target_words for pair in pairs]
    bleu = sacrebleu.corpus_bleu(hypotheses, [references])
    exact = sum(a == b for a, b in zip(hypotheses, references)) / len(pairs)
    print(f"test_2016_flickr: loss {loss:.4f}, perplexity {math.exp(loss):.2f}, exact {100 * exact:.1f} %")
    print(bleu)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the corpus lies")
    parser.add_argument("--source", default="de", choices=["de", "en"])
    parser.add_argument("--target", default="en", choices=["de", "en"])
    parser.add_argument("--min-frequency", type=int, default=2)
    parser.add_argument("--pairs", type=int, help="train on so many pairs only")
    parser.add_argument("--max-length", type=int, default=50, help="of a side, with <sos> and <eos>")
    parser.add_argument("--decoder", default="bahdanau", choices=list(DEFAULTS))
    parser.add_argument("--cell", default="gru", choices=["gru", "lstm"])
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--attention", help="default: the decoder's")
    parser.add_argument("--embedding", type=int, default=128)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--attention-width", type=int, help="default: hidden")
    parser.add_argument("--readout-width", type=int, help="default: hidden")
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--label-smoothing", type=float, default=0.0)
    parser.add_argument("--learning-rate", type=float, default=0.001)
    parser.add_argument("--clip-norm", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=64, help="sentence pairs a step")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--max-steps", type=int, help="of an epoch; to try things out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all cores")
    return parser.parse_args()


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    pairs, source, target = load(options)
    names = ["decoder", "cell", "layers", "attention", "embedding", "hidden", "attention_width", "readout_width"]
    given: dict[str, Any] = {name: getattr(options, name) for name in [*names, "dropout"]}
    given = {name: value for name, value in given.items() if value is not None}
    completed = complete(len(source), len(target), **given)
    model = Seq2Seq(completed)
    print(f"{len(pairs['train'])} pairs, {completed}", file=sys.stderr)
    hyper = Hyper(
        embedding=model.options.embedding,
        hidden=model.options.hidden,
        attention=model.options.attention_width,
        readout=model.options.readout_width,
        dropout=options.dropout,
        label_smoothing=options.label_smoothing,
        learning_rate=options.learning_rate,
        clip_norm=options.clip_norm,
        batch=options.batch,
        epochs=options.epochs,
        seed=options.seed,
    )
    train(model, pairs, hyper, options.max_length, options.max_steps)
    evaluate(model, pairs["test"], target, options.max_length)


if __name__ == "__main__":
    main()
