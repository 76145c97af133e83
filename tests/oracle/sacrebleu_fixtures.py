"""Writes tests/fixtures/sacrebleu.json: what sacreBLEU says about invented sentences.

    pip install sacrebleu==2.6.0
    python3 tests/oracle/sacrebleu_fixtures.py
"""

import json
import pathlib

import sacrebleu
from sacrebleu.metrics import BLEU, CHRF

OUTPUT = pathlib.Path(__file__).parent.parent / "fixtures" / "sacrebleu.json"

# (name, [(hypothesis, reference), …])
CORPORA = [
    ("identical", [
        ("The lighthouse keeper counts every ship.", "The lighthouse keeper counts every ship."),
        ("Two geese crossed the frozen canal.", "Two geese crossed the frozen canal."),
    ]),
    ("ordinary", [
        ("My aunt repairs old clocks on Sunday.", "My aunt repairs old watches on Sundays."),
        ("The bridge was closed because of the storm.", "Because of the storm, the bridge was closed."),
        ("Who has put the onions in the piano ?", "Who put the onions in the piano?"),
        ("He he he laughed and laughed and laughed.", "He laughed and laughed."),
    ]),
    ("punctuation", [
        ("\"Wait!\" she cried; \"the kettle (the blue one) boils...\"",
         "\"Wait\", she cried: \"the kettle [the blue one] is boiling...\""),
        ("It's Tom's hat, isn't it?", "Its Tom's hat -- isn't it?"),
        ("e-mail: a_b@c.example/~d {x} `y` #1 $5 %6 ^7 *8 +9 =10 \\ |", "e-mail: a_b@c.example ~d {x} `y` #1 $5 %6 ^7 *8 +9 = 10 \\|"),
        ("wait ,what .no", "wait, what. no"),
        ("..,,.., a.b.c ,", "...,,, a. b. c,"),
    ]),
    ("numbers", [
        ("The barge carries 1,000.5 tons in 3-4 days.", "The barge carries 1,000.5 tons within 3 - 4 days."),
        ("On 12.03.1987 it cost $4.50, or 1.2e-5 of x.9", "On 12.03.1987, it cost 4.50 dollars or 1.2e-5 of x .9"),
        ("room 7-b, 24-7, .5 and 5. and 5,", "room 7b, 24-7, 0.5 and 5. and 5,"),
    ]),
    ("hyphens and lines", [
        ("a well-known state-of-the-art tea-pot – nice", "a well known state-of-the-art teapot — nice"),
        ("the broken-\nhearted line\nends here", "the brokenhearted line ends here"),
        ("text <skipped>goes on -", "text goes on -"),
    ]),
    ("entities", [
        ("&quot;salt &amp; pepper&quot; &lt;b&gt; &amp;lt; &apos;", "\"salt & pepper\" <b> < '"),
        ("fish &amp;amp; chips & peas", "fish & chips &amp; peas"),
    ]),
    ("unicode", [
        ("Über den Dächern schläft die größte Katze.", "Über den Dächern schlief die größte Katze."),
        ("«Où est l’échelle ?» demanda-t-il…", "« Où est l'échelle ? » demanda-t-il…"),
        ("猫が、屋根の上で眠る。 🐈🐈.", "猫は、屋根の上で眠る。 🐈🐈."),
        ("القط الأسود نائم، هل تراه؟", "القط الأسود نائم ، هل تراه؟"),
        ("😀, 😀. caf\u00e9 cafe\u0301", "😀,😀. café café"),
        ("ΟΔΟΣ İstanbul STRASSE ẞ", "οδος i̇stanbul strasse ß"),
    ]),
    ("spaces", [
        ("  a\tb\u00a0c\u3000d  e\u2028f \u0085 ", "a b c d e f"),
        ("x\u001cy\u001dz\ufeffw \u200b v\u001f", "x y z\ufeffw \u200b v"),
        ("trailing \ufeff", "trailing"),
    ]),
    ("some empty", [
        ("", "A drum fell down the stairs."),
        ("The baker sings loudly at dawn.", "The baker sings softly at dawn."),
        ("   ", ""),
        ("Extra words here", ""),
    ]),
    ("all empty hypotheses", [("", "Nothing was said."), (" ", "Nothing at all.")]),
    ("all empty", [("", "")]),
    ("empty reference", [("quite a few words here", "")]),
    ("no match", [("green tables jump over quiet rivers", "she bought seven blue hats yesterday")]),
    ("one-word names", [("lantern", "lantern"), ("walrus", "seal"), ("anvil", "anvil")]),
    ("two-word names", [("red lantern", "red lantern"), ("old goat", "young goat"), ("sea", "sea")]),
    ("only single words match", [("tree big a under slept fox the", "the fox slept under a big tree")]),
    ("tie 6.25", [("a b c d e f g h i j k l m n o p", "a q r s t u v w x y z aa bb cc dd ee")]),
    ("tie 18.75", [("a b c d e f g h i j k l m n o p", "a b c s t u v w x y z aa bb cc dd ee")]),
    ("tie of the ratio", [("a b c d e", "a b c d e f g h i j k l m n o p")]),
    ("much shorter", [("The goat", "The goat ate the mayor's only winter coat during the parade.")]),
    ("much longer", [("the the the the goat ate it all up again and again and again", "the goat ate it")]),
    ("marks of many scripts", [
        ("¿Dónde está, «la llave»? ¡Aquí!—dijo‥ él․", "¿Dónde está «la llave»? ¡Aquí! —dijo él."),
        ("l’été, l'été; rock ’n’ roll ‘quoted’ „so“ ‚so‘", "l'été, l’été ; rock 'n' roll 'quoted' “so” ‘so’"),
        ("क्या यह ठीक है। हाँ॥ ೧೨,೩೪", "क्या यह ठीक है । हाँ ॥ ೧೨,೩೪"),
        ("שלום־עולם׃ ׳״ मार्ग", "שלום עולם: ' \" मार्ग"),
    ]),
    ("currency and symbols", [
        ("It cost €5.50, £3,20 or ¥700—about ₹450₿ and 5¢.", "It cost 5.50 €, £3.20 or ¥ 700, about ₹450 ₿ and 5 ¢."),
        ("2²=4, ½+¼≠1 №5 Ⅷ→Ⅸ ±3° 5′6″ a^b ©®™", "2² = 4, ½ + ¼ ≠ 1 № 5 Ⅷ → Ⅸ ±3 ° 5' 6\" a ^ b © ® ™"),
        ("x.5 5.x 1.000.000,5 12:30 3/4 50% -7 +8 v2.0.1. 1999.", "x .5 5. x 1.000.000,5 12:30 3/4 50 % -7 +8 v2.0.1 . 1999 ."),
        ("Ⅷ.Ⅸ ½,½ m²,x x,² ①-②", "Ⅷ . Ⅸ ½ , ½ m² , x x , ² ① - ②"),
        ("٣٫٥ و ١٬٠٠٠ ３．５ １，０００", "٣٫٥ و ١٬٠٠٠ ３.５ １,０００"),
    ]),
    ("without spaces", [
        ("昨日、駅で古い友人に会いました。「元気？」と聞いた。", "昨日、駅で昔の友達に会いました。「元気？」と聞きました。"),
        ("他买了三本书，花了１２．５元。", "他买了3本书,花了12.5元。"),
        ("나는 어제 새 책을 샀다.", "나는 어제 새로운 책을 샀습니다."),
        ("𠮷野家で𪛖を食べる", "吉野家で𪛖を食べた"),
    ]),
    ("emoji", [
        ("👩‍👩‍👧 👍🏽! 🇩🇪🇫🇷 ❤️,❤", "👩‍👧 👍! 🇩🇪 🇫🇷 ❤,❤️"),
        ("🙂", "🙃"),
        ("ok👌ok", "ok 👌 ok"),
    ]),
    ("spaces that do not break", [
        ("10\u00a0000\u202f€ « oui » M.\u00a0Dupont\u2060!", "10 000 € «\u00a0oui\u00a0» M. Dupont !"),
        ("\u00a0\u00a0", "\u00a0x"),
    ]),
    ("marks at the ends of words", [
        ("(hi) 'tis ((so)) -- ... .a a. .a. (a b) ?! !", "(hi) ' tis ((so) ) -- ... . a a . .a . (a b) ? ! !"),
        ("«a» “b” c… d’ ’e (é) é! 🐈! (🐈", "« a » “ b ” c … d ’ ’ e ( é ) é ! 🐈 ! ( 🐈"),
    ]),
    ("shorter than the orders", [("a", "a"), ("ab", "abc"), ("", "a"), ("cat", "c"), ("x y", "xy")]),
    ("case", [("THE Goat Ate the MAYOR's coat.", "The goat ate the Mayor's coat.")]),
]

SETTINGS = [(tokenize, lower_case) for tokenize in ("13a", "none", "intl", "char") for lower_case in (False, True)]
CHRF_SETTINGS = [(word_order, lower_case) for word_order in (0, 2) for lower_case in (False, True)]


def measure(pairs, tokenize, lower_case):
    bleu = BLEU(tokenize=tokenize, lowercase=lower_case)
    hypotheses = [hypothesis for hypothesis, _ in pairs]
    references = [reference for _, reference in pairs]
    result = bleu.corpus_score(hypotheses, [references])
    return {
        "tokenize": tokenize,
        "lowerCase": lower_case,
        "score": result.score,
        "precisions": result.precisions,
        "brevityPenalty": result.bp,
        "hypothesisLength": result.sys_len,
        "referenceLength": result.ref_len,
        "counts": list(result.counts),
        "totals": list(result.totals),
        "printed": str(result),
        "signature": str(bleu.get_signature()),
        # As the metric itself prepares a line: lower-case, rstrip, tokenize, split.
        "tokens": [[bleu._preprocess_segment(line).split() for line in pair] for pair in pairs],
    }


def measure_chrf(pairs, word_order, lower_case):
    chrf = CHRF(word_order=word_order, lowercase=lower_case)
    result = chrf.corpus_score([hypothesis for hypothesis, _ in pairs], [[reference for _, reference in pairs]])
    return {
        "wordOrder": word_order,
        "lowerCase": lower_case,
        "score": result.score,
        "printed": str(result),
        "signature": str(chrf.get_signature()),
    }


def main():
    everything = ("everything", [pair for _, pairs in CORPORA for pair in pairs])
    cases = [
        {
            "name": name,
            "pairs": pairs,
            "results": [measure(pairs, *setting) for setting in SETTINGS],
            "chrf": [measure_chrf(pairs, *setting) for setting in CHRF_SETTINGS],
        }
        for name, pairs in [*CORPORA, everything]
    ]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    document = f'{{"sacrebleu":"{sacrebleu.__version__}","cases":[\n{lines}\n]}}\n'
    OUTPUT.write_text(document, encoding="utf-8")
    print(f"{OUTPUT.name}: {len(cases)} corpora, {len(cases) * (len(SETTINGS) + len(CHRF_SETTINGS))} results")


if __name__ == "__main__":
    main()
