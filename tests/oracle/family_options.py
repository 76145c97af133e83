"""What a recurrent Seq2Seq can be made of: the options of lib/models/seq2seq_options.ts in Python's spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

PAD, UNK, SOS, EOS = 0, 1, 2, 3

# What goes with each decoder unless something else is asked for.
DEFAULTS: dict[str, dict[str, Any]] = {
    "bahdanau": {"bidirectional": True, "attention": "additive", "bridge": "project", "readout": "tanh"},
    "luong": {"bidirectional": False, "attention": "general", "bridge": "copy", "readout": "tanh"},
    "cho": {"bidirectional": False, "attention": "none", "bridge": "project", "readout": "maxout"},
    "sutskever": {"bidirectional": False, "attention": "none", "bridge": "copy", "readout": "direct"},
}


@dataclass(frozen=True)
class Options:
    """All options, defaults filled in; made by `complete`."""

    source_vocabulary: int
    target_vocabulary: int
    bidirectional: bool
    attention: str  # "additive", "dot", "scaled-dot", "general", "location", "none"
    bridge: str  # "project", "copy"
    readout: str  # "tanh", "maxout", "direct"
    embedding: int
    hidden: int
    attention_width: int
    readout_width: int
    decoder: str = "bahdanau"  # or "luong", "cho", "sutskever"
    cell: str = "gru"  # or "lstm"
    layers: int = 1
    residual: bool = False
    reverse_source: bool = False
    span: str = "global"  # or "local-m", "local-p"
    window: int = 10
    locations: int = 50
    input_feeding: bool = False
    tied: str = "none"  # or "output", "all"
    coverage: bool = False
    coverage_loss: float = 1.0
    copy: bool = False
    dropout: float = 0.0

    @property
    def annotations(self) -> int:
        """The width of what attention looks at."""
        return (2 if self.bidirectional else 1) * self.hidden

    @property
    def attends(self) -> bool:
        return self.attention != "none"


def complete(source_vocabulary: int, target_vocabulary: int, **given: Any) -> Options:
    """Fills in the defaults.

    `given` may also be spelt as in TypeScript: inputFeeding is input_feeding.
    """
    given = {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name): value for name, value in given.items()}
    if unknown := given.keys() - {field.name for field in fields(Options)}:
        raise ValueError(f"Cannot create a Seq2Seq with {', '.join(sorted(unknown))}: there is no such option")
    decoder = given.get("decoder", "bahdanau")
    options = {"embedding": 128, "hidden": 256, "input_feeding": decoder == "luong"} | DEFAULTS[decoder] | given
    options.setdefault("attention_width", options["hidden"])
    tied = options.get("tied", "none") != "none" and options["readout"] != "direct"
    options.setdefault("readout_width", options["embedding" if tied else "hidden"])
    completed = Options(source_vocabulary, target_vocabulary, **options)
    check(completed)
    return completed


def check(options: Options) -> None:
    """Refuses what has no equations."""

    def refuse(when: bool, what: str) -> None:
        if when:
            raise ValueError(f"Cannot create a Seq2Seq with {what}")

    refuse(options.attends != (options.decoder in ("bahdanau", "luong")), "attention where none is, or without it")
    refuse(options.attention == "dot" and options.annotations != options.hidden, "dot products of unequal widths")
    refuse(options.bridge == "copy" and options.bidirectional, "two final states to start from one")
    refuse(options.bridge == "copy" and options.decoder == "cho", "a summary that is not used")
    refuse(options.coverage and options.attention != "additive", "coverage but in the additive score")
    refuse(options.copy and not options.attends, "words copied without attention")
    refuse(options.input_feeding and options.decoder != "luong", "input feeding but of Luong's vectors")
    refuse(options.readout == "direct" and options.readout_width != options.hidden, "a state of another width")
    refuse(options.tied != "none" and options.readout_width != options.embedding, "readouts unlike embeddings")
    refuse(options.tied == "all" and options.source_vocabulary != options.target_vocabulary, "one table of two sizes")
