"""Beam search in plain Python over the trained model of seq2seq.safetensors; writes tests/fixtures/beam.json.

    pip install torch==2.13.0 safetensors==0.5.3
    python tests/oracle/beam.py

A hypothesis keeps the sum of its words' log-probabilities. In each step every live hypothesis of a sentence is
continued by every word that is allowed; of these candidates, the likeliest first (ties: the lower hypothesis, then the
lower word),
    - those among the first `beam` that end in <eos> are finished, until `beam` are;
    - the first `beam` that do not are the live hypotheses of the next step.
The search ends as soon as `beam` hypotheses are finished, or after `maxLength` words, where the live ones are cut off.
The first `beam` are the result: of those that have finished, best score first, and then of those cut off, likewise.
    score = log P / ((5 + |Y|) / 6)^lengthPenalty + coveragePenalty * sum_s log min(1, sum_t attention_ts)
(Wu et al. 2016, arXiv:1609.08144, equation 14). Lengths, |Y| too, count <eos>. Not allowed are <pad> and <sos>, <eos>
in a translation of fewer than `minLength` words, and with `noRepeatNgram` n > 0 a word that makes a sequence of n words
that the hypothesis already has. Probabilities are those of all words, allowed or not.

tests/fixtures/beam.json: for each search its options and for each source of seq2seq.json the hypotheses, best first:
ids with <eos>, sums of log-probabilities, scores.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from decoder import Source, State
from family import Seq2Seq, translate
from family_options import EOS, PAD, SOS, complete
from seq2seq_fixture import SIZES, SOURCE, WIDTHS
from training import FIXTURES, format_json

MARGIN = 1e-4  # between what is taken and what is not; rounding moves sums by some 1e-6


@dataclass(frozen=True)
class Search:
    """The options of a search, spelt as in TypeScript."""

    beam: int
    lengthPenalty: float = 0.0
    coveragePenalty: float = 0.0
    minLength: int = 0
    noRepeatNgram: int = 0
    maxLength: int = 12


SEARCHES = {
    "beam 1": Search(1),
    "beam 3": Search(3),
    "beam 3, length penalty": Search(3, lengthPenalty=1.0),
    "beam 5": Search(5),
    "beam 5, length penalty": Search(5, lengthPenalty=1.0),
    "beam 5, coverage penalty": Search(5, lengthPenalty=1.0, coveragePenalty=0.5),
    "beam 3, minimum": Search(3, lengthPenalty=1.0, minLength=5),
    "beam 3, no bigram twice": Search(3, minLength=9, noRepeatNgram=2),
    "beam 3, at the limit": Search(3, lengthPenalty=1.0, minLength=3, maxLength=4),
    "beam 5, all": Search(5, lengthPenalty=0.6, coveragePenalty=1.0, minLength=4, noRepeatNgram=2, maxLength=5),
}


@dataclass(frozen=True)
class Hypothesis:
    """A translation, whole or so far."""

    ids: tuple[int, ...]
    log_probability: float
    covered: Tensor  # [S], the sum of its attention
    state: State

    def score(self, search: Search) -> float:
        length = ((5 + len(self.ids)) / 6) ** search.lengthPenalty
        coverage = self.covered.clamp(max=1.0).log().sum().item()
        return self.log_probability / length + search.coveragePenalty * coverage


@torch.no_grad()
def beam_search(model: Seq2Seq, source: list[int], search: Search) -> tuple[list[Hypothesis], float]:
    """The best translations of one source, and by how little another word was not taken."""
    known, state = model.encode(torch.tensor(source).unsqueeze(1), torch.tensor([len(source)]))
    dtype = model.bridge.get_submodule("0").weight.dtype
    live, finished = [Hypothesis((), 0.0, torch.zeros(len(source), dtype=dtype), state)], []
    margin = float("inf")
    while live and len(finished) < search.beam and len(live[0].ids) < search.maxLength:
        candidates = [candidate for hypothesis in live for candidate in continuations(model, known, hypothesis, search)]
        candidates.sort(key=lambda candidate: -candidate.log_probability)  # stable: ties stay in order
        ended = [candidate.ids[-1] == EOS for candidate in candidates]
        others = [candidate for candidate, end in zip(candidates, ended) if not end]
        ending = [candidate for candidate, end in zip(candidates[: search.beam], ended) if end]
        finished += ending[: search.beam - len(finished)]
        live = others[: search.beam]
        margin = min(margin, gap(others, search.beam))
        if any(ended[search.beam - 1 : search.beam + 1]):
            margin = min(margin, gap(candidates, search.beam))
    cut = live if len(finished) < search.beam else []
    result = []
    for hypotheses in (finished, cut):
        hypotheses.sort(key=lambda hypothesis: -hypothesis.score(search))
        scores = [hypothesis.score(search) for hypothesis in hypotheses]
        margin = min([margin] + [a - b for a, b in zip(scores, scores[1:])])
        result += hypotheses
    return result[: search.beam], margin


def continuations(model: Seq2Seq, known: Source, hypothesis: Hypothesis, search: Search) -> list[Hypothesis]:
    """The hypothesis with each word that may follow, the lowest first."""
    previous = torch.tensor([hypothesis.ids[-1] if hypothesis.ids else SOS])
    step, state = model.decoder.step(model.decoder.embed(previous), hypothesis.state, known)
    log_probabilities = model.decoder.scores(step, known).log_softmax(dim=1)[0].tolist()
    covered = hypothesis.covered + step.weights[:, 0]
    return [
        Hypothesis((*hypothesis.ids, word), hypothesis.log_probability + log_probability, covered, state)
        for word, log_probability in enumerate(log_probabilities)
        if allowed((*hypothesis.ids, word), search)
    ]


def allowed(ids: tuple[int, ...], search: Search) -> bool:
    """Whether the last word may follow those before it."""
    if ids[-1] in (PAD, SOS) or (ids[-1] == EOS and len(ids) < search.minLength):
        return False
    n = search.noRepeatNgram
    earlier = [ids[start : start + n] for start in range(len(ids) - n)]
    return n == 0 or ids[-n:] not in earlier


def gap(candidates: list[Hypothesis], count: int) -> float:
    """The distance between the last candidate that is taken and the first that is not."""
    if len(candidates) <= count:
        return float("inf")
    return candidates[count - 1].log_probability - candidates[count].log_probability


def trained_model() -> Seq2Seq:
    """The model of seq2seq.safetensors after its ten steps, in 64 bits."""
    model = Seq2Seq(complete(**SIZES, **{f"{name}_width": width for name, width in WIDTHS.items()})).double()
    tensors = load_file(FIXTURES / "seq2seq.safetensors")
    prefix = "after."
    model.load_state_dict({name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)})
    return model


def describe(model: Seq2Seq, name: str, search: Search) -> dict[str, Any]:
    """What a search finds for each source."""
    results = []
    for row, source in enumerate(SOURCE):
        hypotheses, margin = beam_search(model, source, search)
        if margin < MARGIN:
            raise ValueError(f"Cannot use {name} of row {row}: it is decided by {margin:.2g}, rounding could turn it")
        results.append(
            {
                "ids": [list(hypothesis.ids) for hypothesis in hypotheses],
                "log_probabilities": [hypothesis.log_probability for hypothesis in hypotheses],
                "scores": [hypothesis.score(search) for hypothesis in hypotheses],
            }
        )
    return {"options": asdict(search), "results": results}


def check_options(model: Seq2Seq) -> None:
    """Refuses searches in which an option changes nothing."""
    for name, search in SEARCHES.items():
        found = [hypothesis.ids for source in SOURCE for hypothesis in beam_search(model, source, search)[0]]
        for option in ("coveragePenalty", "minLength", "noRepeatNgram"):
            if getattr(search, option) == 0:
                continue
            without = replace(search, **{option: 0})
            other = [hypothesis.ids for source in SOURCE for hypothesis in beam_search(model, source, without)[0]]
            if other == found:
                raise ValueError(f"Cannot use {name}: without {option} it would find the same")


def check_greedy(model: Seq2Seq, results: list[dict[str, Any]]) -> None:
    """A beam of one is greedy decoding."""
    for source, found in zip(SOURCE, results):
        column = torch.tensor(source).unsqueeze(1)
        greedy = translate(model, column, torch.tensor([len(source)]), SEARCHES["beam 1"].maxLength)
        assert found["ids"] == [greedy.ids[:, 0].tolist()], (found, greedy)


def main() -> None:
    model = trained_model()
    searches = {name: describe(model, name, search) for name, search in SEARCHES.items()}
    check_greedy(model, searches["beam 1"]["results"])
    check_options(model)
    description = {"torch": torch.__version__.split("+")[0], "searches": searches}
    (FIXTURES / "beam.json").write_text(format_json(description) + "\n")
    for name, search in searches.items():
        lengths = [[len(ids) for ids in row["ids"]] for row in search["results"]]
        print(f"{name}: lengths {lengths}")


if __name__ == "__main__":
    main()
