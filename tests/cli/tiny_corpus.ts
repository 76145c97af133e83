// A corpus and a model of which a training step takes milliseconds.

const COLORS = ["red:rote", "blue:blaue", "green:grüne", "black:schwarze", "white:weiße"];
const QUALITIES = ["old:alte", "new:neue", "big:große"];
const ANIMALS = ["cat:Katze", "dog:Hündin", "mouse:Maus", "duck:Ente", "bee:Biene"];
const OTHERS = ["ant:Ameise", "goat:Ziege", "crow:Krähe", "toad:Kröte", "fly:Fliege"];

/** Eighty pairs such as `red cat TAB rote Katze`, no two of which share a sentence. */
export const COLORS_TSV: string = [...COLORS, ...QUALITIES].flatMap((color) =>
  [...ANIMALS, ...OTHERS].map((animal) => {
    const [adjective, adjektiv] = color.split(":");
    const [noun, substantiv] = animal.split(":");
    return `${adjective} ${noun}\t${adjektiv} ${substantiv}\n`;
  })
).join("");

/** The options of `train` for it, apart from the number of epochs and the split. */
export const TINY_STEPS: readonly string[] = [
  ...["--batch", "16", "--embedding", "8", "--hidden", "8", "--learning-rate", "0.01"],
];

/** The same with a split. */
export const TINY: readonly string[] = ["--valid", "8", "--test", "8", ...TINY_STEPS];
