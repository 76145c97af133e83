"""The models that family_fixture.py trains, and the batch that it trains them on.

Together the cases have every option of the recurrent Seq2Seq family: each cell with each decoder, each score and span
of attention, each bridge and readout, tied tables, coverage and copies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SOURCE_VOCABULARY = 13
TARGET_VOCABULARY = 11

# Unsorted lengths, repeated words, an <unk> on each side, a row without words; long enough for a window to cut.
SOURCE = [[2, 5, 9, 5, 3], [2, 12, 4, 7, 7, 10, 1, 3], [2, 3], [2, 8, 11, 3]]
TARGET = [[2, 6, 10, 6, 3], [2, 9, 5, 1, 8, 8, 3], [2, 3], [2, 7, 4, 3]]

# The same source in target numbering: its words 9, 12, 10, 1 and 11 are not in the target vocabulary. Some of those
# stand in the target.
COPIES = [[2, 6, 11, 6, 3], [2, 11, 5, 8, 8, 12, 13, 3], [2, 3], [2, 7, 11, 3]]
COPIED_TARGET = [[2, 6, 11, 6, 3], [2, 9, 13, 1, 8, 11, 3], [2, 3], [2, 7, 4, 3]]

WINDOW = 2
WIDTHS = {"embedding": 5, "hidden": 6}  # no two widths of a model are equal
ATTENTION = {"attentionWidth": 7}
READOUT = {"readoutWidth": 9}
BAHDANAU = ATTENTION | READOUT
LUONG = {"decoder": "luong"} | BAHDANAU
CHO = {"decoder": "cho"} | READOUT
SUTSKEVER = {"decoder": "sutskever"}
LSTM = {"cell": "lstm"}


@dataclass(frozen=True)
class Case:
    """A model, and how it is trained."""

    options: dict[str, Any]  # as lib/models has them
    smoothing: float = 0.0

    @property
    def vocabularies(self) -> dict[str, int]:
        """One vocabulary where there is one table."""
        target = SOURCE_VOCABULARY if self.options.get("tied") == "all" else TARGET_VOCABULARY
        return {"source_vocabulary": SOURCE_VOCABULARY, "target_vocabulary": target}

    @property
    def copies(self) -> bool:
        return self.options.get("copy", False)


def case(*options: dict[str, Any], smoothing: float = 0.0, **more: Any) -> Case:
    merged = WIDTHS.copy()
    for some in (*options, more):
        merged |= some
    if not has_attention_width(merged):
        merged.pop("attentionWidth", None)
    return Case(merged, smoothing)


def has_attention_width(options: dict[str, Any]) -> bool:
    """Whether any layer is as wide; where none is, the option is refused."""
    default = {"bahdanau": "additive", "luong": "general"}.get(options.get("decoder", "bahdanau"), "none")
    return options.get("attention", default) in ("additive", "scaled-dot") or options.get("span") == "local-p"


SCORES = {
    f"{decoder} {score}": case(options, attention=score, smoothing=smoothing)
    for decoder, options in {"bahdanau": BAHDANAU | {"bidirectional": False}, "luong": LUONG}.items()
    for score, smoothing in {"additive": 0.0, "dot": 0.1, "scaled-dot": 0.0, "general": 0.1, "location": 0.0}.items()
    if score != {"bahdanau": "additive", "luong": "general"}[decoder]  # the default, which other cases have
}
LOCAL = {
    f"{decoder} {score} {span}": case(options, attention=score, span=span, window=WINDOW)
    for decoder, score, options in (("bahdanau", "additive", BAHDANAU), ("luong", "general", LUONG))
    for span in ("local-m", "local-p")
}
CASES: dict[str, Case] = {
    "gru bahdanau": case(BAHDANAU, smoothing=0.1),
    "lstm bahdanau": case(BAHDANAU, LSTM),
    "gru luong": case(LUONG),
    "lstm luong": case(LUONG, LSTM, smoothing=0.1),
    "gru cho": case(CHO, smoothing=0.1),
    "lstm cho": case(CHO, LSTM),
    "gru sutskever": case(SUTSKEVER),
    "lstm sutskever": case(SUTSKEVER, LSTM, smoothing=0.1),
    "bahdanau bridge copy": case(BAHDANAU, LSTM, bidirectional=False, bridge="copy"),
    "luong bridge project": case(LUONG, LSTM, bidirectional=True, bridge="project"),
    "sutskever bridge project": case(SUTSKEVER, READOUT, bidirectional=True, bridge="project", readout="tanh"),
    **SCORES,
    **LOCAL,
    "bahdanau general local-p lstm": case(BAHDANAU, LSTM, attention="general", span="local-p", window=WINDOW),
    "luong additive local-m": case(LUONG, attention="additive", span="local-m", window=WINDOW, inputFeeding=False),
    "luong without input feeding": case(LUONG, inputFeeding=False, layers=2),
    "bahdanau residual": case(BAHDANAU, layers=2, residual=True, smoothing=0.1),
    "luong residual": case(LUONG, LSTM, layers=2, residual=True),
    "cho two layers": case(CHO, LSTM, layers=2, bidirectional=True, readout="tanh"),
    "sutskever reversed": case(SUTSKEVER, LSTM, layers=2, reverseSource=True),
    "bahdanau reversed": case(BAHDANAU, reverseSource=True),
    "bahdanau tied": case(BAHDANAU, readoutWidth=5, tied="output", smoothing=0.1),
    "luong tied all": case(LUONG, readoutWidth=5, tied="all"),
    "sutskever tied all": case(SUTSKEVER, embedding=6, tied="all"),
    "bahdanau maxout": case(BAHDANAU, readout="maxout", layers=2),
    "sutskever maxout": case(SUTSKEVER, READOUT, readout="maxout", residual=True, layers=2),
    "bahdanau coverage": case(BAHDANAU, coverage=True, smoothing=0.1),
    "luong coverage": case(LUONG, LSTM, attention="additive", coverage=True, coverageLoss=0.5),
    "bahdanau copy": case(BAHDANAU, copy=True),
    "luong copy": case(LUONG, copy=True),
    "bahdanau coverage and copy": case(BAHDANAU, LSTM, coverage=True, copy=True),
}
