// One time step of a GRU or LSTM in one dispatch, for GPUs and layers too wide for recurrent_persistent.ts: a tile of the
// recurrent product, and then the gates of its units. The equations are those of gru.wgsl and lstm.wgsl, which have the
// step's way back. docs/decisions/0011-recurrent-layers-on-gpus.md says why the work is shared out as it is.

import { each } from "./matmul_head.ts";
import type { CellName } from "./recurrent_cpu8.ts";
import { recurrentStepCell } from "./recurrent_step_cell.ts";

/** How a step is shared out. All numbers are powers of two. */
export interface StepTile {
  /** Rows of the batch that a workgroup takes, at most 32. */
  readonly rows: number;
  /** Units that it takes, at most 16. */
  readonly units: number;
  /** Rows of an invocation, which has four units; more of them read workgroup memory less often. */
  readonly own: number;
  /** Inner elements that pass through workgroup memory at once, at least 32: fewer rounds wait less often. */
  readonly inner: number;
}

/** Invocations of a workgroup. */
const INVOCATIONS = 256;

/**
 * Writes the WGSL of a step forward.
 *
 * An invocation has all gates of four units in a few rows, for a slice of the inner length; the slices are added up at
 * the end, always in the same order. What the next round needs is on its way from memory while this one is computed.
 *
 * @param fours Whether the layer's width and all places in memory are multiples of four, so that four numbers are read
 *   and written at a time.
 */
export function recurrentStep(
  cell: CellName,
  { rows, units, own, inner }: StepTile,
  fours: boolean,
): string {
  const gates = cell === "gru" ? 3 : 4;
  const width = inner / 4; // vec4f in a line of the tile
  const atOnce = INVOCATIONS / width; // lines that one load of all invocations brings
  const loadsOfStates = rows / atOnce;
  const loads = loadsOfStates + Math.ceil(gates * units / atOnce);
  const across = units / 4;
  const places = rows / own * across; // invocations of a slice
  const slices = INVOCATIONS / places;
  const shares = slices / own; // parts that are left of a sum after the first addition
  const share = INVOCATIONS / own; // invocations that add up the same one of their rows
  const text = recurrentStepCell(cell, fours);
  // Eight vec4f are as wide as workgroup memory. Lines of neighbours are shifted against each other, so that no two of a
  // column lie below each other.
  const shifted = (column: string, group: string) => `(${column} ^ ((${group}) % 4u * 2u))`;

  const place = (i: number) => {
    const line = `lane / ${width}u + ${i * atOnce}u`;
    const to = (group: string) => `(${line}) * ${width}u + ${shifted("column", group)}`;
    if (i < loadsOfStates) {
      return `  let from${i} = p.previous + min(first_row + ${line}, p.batch - 1u) * p.hidden;
  let to${i} = ${to(`(${line}) / ${own}u`)};`;
    }
    const weight = `(lane / ${width}u + ${(i - loadsOfStates) * atOnce}u)`;
    return `  let from${i} = p.weight_offset + (min(${weight} / ${units}u, ${gates - 1}u) * p.hidden +
    min(first_unit + ${weight} % ${units}u, p.hidden - 1u)) * p.hidden;
  let to${i} = ${to(`(${line}) / 4u`)};`;
  };
  const assign = (value: (i: number) => string) => each(loads, (i) => `      next${i} = ${value(i)};`);
  const keep = each(
    loads,
    (i) => `    tile[to${i}] = ${fours ? `next${i}` : `within(next${i}, k)`};`,
  );
  const multiply = `      let of_states = y * ${own * width}u + ${shifted("j", "y")};
      let of_weights = x * ${4 * width}u + ${shifted("j", "x")};
${each(own, (row) => `      let h${row} = tile[of_states + ${row * width}u];`)}
${
    each(gates, (gate) => {
      const first = rows + gate * units;
      const turned = first / 4 % 4 * 2; // what shifted() adds for the lines of this gate
      const at = turned ? `(of_weights ^ ${turned}u)` : "of_weights";
      const lines = [0, 1, 2, 3].map((unit) => `tile[at + ${(first + unit) * width}u]`);
      return `      {
        let at = ${at};
        let w = transpose(mat4x4f(${lines.join(", ")}));
${
        each(own, (row) =>
          each(
            4,
            (k) =>
              `        sum${row}_${gate} = fma(vec4f(h${row}.${"xyzw"[k]}), w[${k}], sum${row}_${gate});`,
          ))
      }
      }`;
    })
  }`;
  return `${text.head}
// First the states of ${rows} rows, then the weights of ${units} units gate by gate, ${inner} inner elements of each.
var<workgroup> tile: array<vec4f, ${Math.max(loads, gates) * INVOCATIONS}>;

@compute @workgroup_size(${INVOCATIONS})
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first_row = group.y * ${rows}u;
  let first_unit = group.x * ${units}u;
  let column = lane % ${width}u;
${each(loads, place)}
${each(loads, (i) => `  var next${i} = vec4f();`)}
  // Rows and units alternate from lane to lane, so that of every two or four neighbours two read the same.
  let slice = lane / ${places}u;
  let spot = lane % ${places}u;
  let x = ${across === 4 ? "spot % 2u + spot / 4u % 2u * 2u" : `spot % ${across}u`};
  let y = ${across === 4 ? "spot / 2u % 2u + spot / 8u * 2u" : `spot / ${across}u`};
${each(own, (row) => each(gates, (gate) => `  var sum${row}_${gate} = vec4f();`))}
  for (var k0 = 0u;; k0 += ${inner}u) {
    let k = k0 + 4u * column;
    if (k < p.hidden) {
${assign((i) => `load_${i < loadsOfStates ? "states" : "weight"}(from${i} + k)`)}
    } else {
${assign(() => "vec4f()")}
    }
    // What was loaded in the round before; in the first there is none.
    for (var j = select(slice, ${width}u, k0 == 0u); j < ${width}u; j += ${slices}u) {
${multiply}
    }
    if (k0 >= p.hidden) { break; }
    workgroupBarrier();
${keep}
    workgroupBarrier();
  }

  // The first invocations finish four units each.
  let row = first_row + y * ${own}u + lane / ${places}u;
  let unit = first_unit + 4u * x;
  let finishes = lane < ${own * places}u && row < p.batch && unit < p.hidden;
  let i = row * p.hidden + unit;
  let at = row * ${gates}u * p.hidden + unit;
  var before = vec4f();
  var over = false;
${each(gates, (gate) => `  var given${gate} = vec4f();`)}
  if (finishes) {
    before = load_${text.carried}(p.previous + i);
    over = p.step >= lengths[row];
${
    each(gates, (gate) =>
      `    given${gate} = load_${text.given}(p.${text.given}_offset + at + ${gate}u * p.hidden);`)
  }
  }
${each(gates, (gate) => `  var part${gate} = vec4f();`)}
  // One row of all invocations at a time, as more of their sums have no place. Others add up each.
  for (var turn = 0u; turn < ${own}u; turn++) {
    workgroupBarrier();
    switch turn {
${
    each(own, (row) =>
      `      ${row ? `case ${row}u` : "default"}: {
${each(gates, (gate) => `        tile[lane + ${gate * INVOCATIONS}u] = sum${row}_${gate};`)}
      }`)
  }
    }
    workgroupBarrier();
    if (lane / ${share}u == turn) {
      let at = lane % ${share}u / ${places}u * ${own * places}u + spot;
      for (var i = at; i < at + ${own * places}u; i += ${places}u) {
${each(gates, (gate) => `        part${gate} += tile[i + ${gate * INVOCATIONS}u];`)}
      }
    }
  }
  workgroupBarrier();
${each(gates, (gate) => `  tile[lane + ${gate * INVOCATIONS}u] = part${gate};`)}
  workgroupBarrier();
  if (!finishes) { return; }
  let parts = lane / ${places}u * ${share}u + spot;
${each(gates, (gate) => `  var total${gate} = load_bias(p.bias_offset + unit + ${gate}u * p.hidden);`)}
  for (var i = parts; i < parts + ${shares * places}u; i += ${places}u) {
${each(gates, (gate) => `    total${gate} += tile[i + ${gate * INVOCATIONS}u];`)}
  }
  let count = p.hidden - unit;
${text.finish}
}
`;
}

/** The bytes of workgroup memory that {@linkcode recurrentStep} takes. */
export function stepTileBytes(cell: CellName, { rows, units, inner }: StepTile): number {
  const gates = cell === "gru" ? 3 : 4;
  const atOnce = INVOCATIONS / (inner / 4);
  return 16 * INVOCATIONS * Math.max(rows / atOnce + Math.ceil(gates * units / atOnce), gates);
}
