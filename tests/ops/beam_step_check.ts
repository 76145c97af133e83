// Steps of a beam search, by the operation and in plain loops.

import type { Device } from "../../lib/gpu/device.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { beamMemory, beamStep, FINISHED_FIELDS } from "../../lib/ops/beam_step.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals } from "../assert.ts";

const [END, PADDING] = [3, 7];

/** The sizes of a case. */
export interface Sizes {
  readonly sentences: number;
  readonly beam: number;
  readonly count: number;
  readonly steps: number;
}

/** Candidates of all steps, [steps, sentences beam, count]. */
interface Given {
  readonly words: number[];
  readonly scores: number[];
  readonly limits: number[];
  readonly penalties: number[];
}

/** What is remembered in the end; of `finished` only the places that count. */
interface Remembered {
  readonly links: number[];
  readonly totals: number[];
  readonly counts: number[];
  readonly finished: { score: number; normalized: number; step: number; parent: number; word: number }[][];
}

/** A power of two, so that 32 bits hold all scores exactly. */
const lengthPenalty = (step: number) => 2 ** step;

async function run(device: Device, sizes: Sizes, given: Given): Promise<Remembered> {
  const { sentences, beam, count, steps } = sizes;
  const tape = new Tape(device, { training: false });
  const rows = sentences * beam;
  const shape = [steps, rows, count];
  const [words, scores] = [tape.input("words", shape, "u32"), tape.input("scores", shape, "f32")];
  const limits = tape.input("limits", [sentences], "u32");
  const penalties = tape.input("penalties", [rows], "f32");
  const memory = beamMemory(tape, sizes);
  tape.fill(memory.totals, -5);
  for (let step = 0; step < steps; step++) {
    const at = (tensor: typeof words, type: "u32" | "f32") => {
      const copy = tape.tensor([rows, count], "candidates", type);
      copyInto(tape, tensor.at(step), copy);
      return copy;
    };
    const candidates = { words: at(words, "u32"), scores: at(scores, "f32") };
    const options = {
      step,
      limits,
      penalties,
      end: END,
      padding: PADDING,
      lengthPenalty: lengthPenalty(step),
    };
    beamStep(tape, memory, candidates, options);
  }
  const plan = await Plan.compile(tape);
  plan.run({
    words: Uint32Array.from(given.words),
    scores: Float32Array.from(given.scores),
    limits: Uint32Array.from(given.limits),
    penalties: Float32Array.from(given.penalties),
  });
  const { links, totals, counts, finished } = memory;
  const [a, b, c, all] = await plan.read(links, totals, counts, finished);
  plan.close();
  const floats = new Float32Array(all!.buffer);
  const places = Array.from({ length: sentences }, (_, sentence) => {
    const found = c![steps * sentences + sentence]!;
    const used = Array.from({ length: 2 * beam }, (_, place) => place)
      .filter((place) => place < found || (found < beam && given.limits[sentence]! > 0 && place >= beam));
    return used.map((place) => {
      const at = (2 * beam * sentence + place) * FINISHED_FIELDS;
      const [score, normalized] = floats.subarray(at, at + 2);
      const [step, parent, word] = all!.subarray(at + 2, at + 5);
      return { score: score!, normalized: normalized!, step: step!, parent: parent!, word: word! };
    });
  });
  return { links: [...a!], totals: [...b!], counts: [...c!], finished: places };
}

function reference({ sentences, beam, count, steps }: Sizes, given: Given): Remembered {
  const rows = sentences * beam;
  const links = new Array<number>(steps * 2 * rows).fill(0);
  const totals = new Array<number>(rows).fill(-5);
  const counts = new Array<number>((steps + 1) * sentences).fill(0);
  const finished: Remembered["finished"] = Array.from({ length: sentences }, () => []);
  const cut: Remembered["finished"] = Array.from({ length: sentences }, () => []);
  for (let step = 0; step < steps; step++) {
    for (let sentence = 0; sentence < sentences; sentence++) {
      const first = sentence * beam;
      const link = (place: number, parent: number, word: number) => {
        links[2 * step * rows + first + place] = parent;
        links[(2 * step + 1) * rows + first + place] = word;
      };
      const over = finished[sentence]!.length === beam || step >= given.limits[sentence]!;
      if (over) { for (let b = 0; b < beam; b++) link(b, first + b, PADDING); }
      const candidates = Array.from({ length: over ? 0 : beam * count }, (_, c) => {
        const i = step * rows * count + first * count + c;
        const [score, word] = [given.scores[i]!, given.words[i]!];
        const parent = first + Math.floor(c / count);
        const normalized = score / lengthPenalty(step) + given.penalties[parent]!;
        return { score, normalized, step, parent, word };
      }).sort((a, b) => b.score - a.score); // stable: ties stay in order
      for (const candidate of candidates.slice(0, beam)) {
        const room = finished[sentence]!.length < beam;
        if (candidate.word === END && candidate.score > -1e29 && room) finished[sentence]!.push(candidate);
      }
      const others = candidates.filter(({ word }) => word !== END || count === 1).slice(0, beam);
      others.forEach(({ parent, word, score }, place) => {
        link(place, parent, word);
        totals[first + place] = score;
      });
      if (step + 1 === given.limits[sentence]) cut[sentence] = others.filter(({ word }) => word !== END);
      counts[(step + 1) * sentences + sentence] = finished[sentence]!.length;
    }
  }
  const all = finished.map((list, sentence) => list.length < beam ? [...list, ...cut[sentence]!] : list);
  return { links, totals, counts, finished: all };
}

/** Compares steps over random candidates, with few or many different scores. */
export async function checkRandom(device: Device, sizes: Sizes, few: boolean): Promise<void> {
  const { sentences, beam, count, steps } = sizes;
  const random = new Random(10 * beam + (few ? 1 : 0));
  const size = steps * sentences * beam * count;
  // Numbers that 32 bits hold exactly; few different ones make ties common. The words of a row differ.
  const score = () => random.integer(20) === 0 ? Math.fround(-1e30) : -random.integer(few ? 4 : 2 ** 20) / 8;
  const words = Array.from(
    { length: size / count },
    () => random.shuffle(Array.from({ length: Math.max(5, count) }, (_, i) => i)).slice(0, count),
  );
  const given = {
    words: words.flat(),
    scores: Array.from({ length: size }, score),
    limits: Array.from(
      { length: sentences },
      (_, sentence) => sentence === 2 ? 0 : Math.max(1, steps - sentence),
    ),
    penalties: Array.from({ length: sentences * beam }, () => -random.integer(8) / 4),
  };
  const [actual, expected] = [await run(device, sizes, given), reference(sizes, given)];
  const what = `beam ${beam}, ${few ? "few" : "many"} different scores`;
  assertEquals(actual.counts, expected.counts, what);
  assertEquals(actual.links, expected.links, what);
  assertEquals(actual.totals, expected.totals, what);
  assertEquals(actual.finished, expected.finished, what);
}
