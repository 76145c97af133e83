"""Writes tests/fixtures/words_python.json: what Python takes for words, which lib/data/words.ts must agree with.

    python tests/oracle/words.py

Needs Python 3.11 and nothing else; a newer Python knows a newer Unicode and writes a longer file.
"""

import json
import pathlib
import re
import sys
import unicodedata

TEXTS = [
    "",
    " ",
    "I lost my key.",
    "Don't worry -- it's 3.14, isn't it?",
    "Was? Wie bitte?! \u201eNein\u201c, sagte er.",
    "stra\u00dfe STRASSE \u1e9e",
    "\u0130stanbul I\u0131i\u0130",
    "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 \u03a3 \u0391\u03a3\u03a3.",
    "cafe\u0301 caf\u00e9 nai\u0308ve",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e\u0964",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22",
    "\u65e5\u672c\u8a9e\u3067\u3059\u3002 \u4e2d\u6587\uff0c \ud55c\uad6d\uc5b4",
    "\u0645\u0631\u062d\u0628\u0627\u060c \u0628\u0650\u0633\u0652\u0645\u0650 \u0663\u0664\u0665",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd \u05d1\u05bc\u05b0",
    "x\u00b2 \u00bd \u2160\u2161 \u2460 \u3007 \u0f33 \u2082",
    "snake_case __init__ _ a_",
    "\U0001d400\U0001d7d8 \U00010400\U00010428 \U0001f600 \U0001f468\u200d\U0001f469",
    "\u1d2c\u02b0\u02bc\u02c6 \u00aa\u00ba \u01c5 \ufb01",
    "soft\u00adhyphen zero\u200bwidth no\u00a0break\u202fspace \ufeffmark",
    "tab\tline\nreturn\rsep\u2028end",
    "<unk> <sos> <eos> <pad>",
    "e-mail: a.b+c@example.org #tag @me 50% \u20ac5",
    "\u24b6\u24d0 \u20dd \u203f \u2040 \uff3f",
]


def ranges(predicate):
    """Returns the inclusive ranges of code points for which the predicate holds, surrogates left out."""
    found = []
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000 or not predicate(chr(code)):
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def main():
    words = re.compile(r"\w+")
    fixture = {
        "python": sys.version.split()[0],
        "unicode": unicodedata.unidata_version,
        "texts": [{"text": text, "words": [word.lower() for word in words.findall(text)]} for text in TEXTS],
        "assigned": ranges(lambda character: unicodedata.category(character) != "Cn"),
        "word": ranges(lambda character: words.match(character) is not None),
        "lower": {
            chr(code): chr(code).lower()
            for code in range(0x110000)
            if not 0xD800 <= code < 0xE000 and chr(code).lower() != chr(code)
        },
    }
    path = pathlib.Path(__file__).parent.parent / "fixtures" / "words_python.json"
    path.write_text(json.dumps(fixture, separators=(",", ":")) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
