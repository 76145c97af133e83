// Layer 1: what a kernel asks of a workgroup, read from its WGSL: how many invocations, and how much memory they share.
// What cannot be read, such as a length that is computed, counts as nothing; there WebGPU has the last word.

/** As much of a kernel as its workgroups depend on. */
export interface KernelText {
  /** Its name for people. */
  readonly label: string;
  /** The WGSL text. */
  readonly source: string;
  /** The entry point. */
  readonly entryPoint: string;
  /** The values of the module's `override` constants. */
  readonly overrides?: Readonly<Record<string, number>>;
}

/** What one workgroup of a kernel takes. */
export interface Workgroup {
  /** Invocations along x, y and z. */
  readonly size: readonly number[];
  /** Bytes of all variables in workgroup memory that the entry point can reach. */
  readonly bytes: number;
}

/** How large a type is, and at multiples of what it may begin, in bytes. */
interface Layout {
  readonly size: number;
  readonly align: number;
}

const VARIABLE = /\bvar<workgroup>\s*(\w+)\s*:\s*([^;=]+);/g;

/** Reads a kernel's workgroup size and memory, with the kernel's values of `override` constants. */
export function workgroupOf({ source, entryPoint, overrides }: KernelText): Workgroup {
  const text = source.replace(/\/\/.*$/gm, "");
  const declared = text.matchAll(/\b(?:override|const)\s+(\w+)\s*(?::\s*\w+\s*)?=\s*(\d+)[ui]?\s*;/g);
  const constants = new Map([...declared].map(([, name, value]) => [name!, Number(value)]));
  for (const [name, value] of Object.entries(overrides ?? {})) constants.set(name, value);
  const size = new RegExp(`@workgroup_size\\s*\\(([^)]*)\\)[^{;]*?\\bfn\\s+${entryPoint}\\s*\\(`).exec(text);
  const used = reachable(text.replace(VARIABLE, ""), entryPoint);
  const variables = [...text.matchAll(VARIABLE)].filter(([, name]) => used.has(name!));
  const bytes = variables.map(([, , type]) => rounded(layoutOf(type!, text, constants).size, 16));
  return {
    size: (size?.[1] ?? "").split(",").filter((length) => length.trim()).map((length) =>
      product(length, constants) || 1
    ),
    bytes: bytes.reduce((sum, size) => sum + size, 0),
  };
}

/** All words in a function and in those that it calls. */
function reachable(text: string, entryPoint: string): ReadonlySet<string> {
  const functions = new Map(text.split(/\bfn\s+/).slice(1).map((body) => [/^\w+/.exec(body)?.[0], body]));
  const words = new Set<string>();
  const visit = (name: string): void => {
    if (words.has(name)) return;
    words.add(name);
    for (const [word] of functions.get(name)?.matchAll(/\b[A-Za-z_]\w*/g) ?? []) visit(word);
  };
  visit(entryPoint);
  return words;
}

/** The value of a number, a constant, or a product of them. */
function product(expression: string, constants: ReadonlyMap<string, number>): number {
  const factors = expression.split("*").map((factor) => factor.trim().replace(/^(\d+)[ui]$/, "$1"));
  const values = factors.map((factor) =>
    constants.get(factor) ?? (/^\d+$/.test(factor) ? Number(factor) : 0)
  );
  return values.reduce((product, value) => product * value, 1);
}

/** Lays out a type as WGSL does (section 14.4.1, "Alignment and Size"). */
function layoutOf(type: string, text: string, constants: ReadonlyMap<string, number>): Layout {
  const inner = (type: string) => layoutOf(type, text, constants);
  type = type.trim();
  const array = /^array<(.*),([^,<>]*)>$/s.exec(type);
  if (array) {
    const { size, align } = inner(array[1]!);
    return { size: rounded(size, align) * product(array[2]!, constants), align };
  }
  const vector = /^vec([234])(?:([fuih])|<\s*(\w+)\s*>)$/.exec(type);
  if (vector) {
    const [, count, letter, element] = vector;
    const { size } = inner(element ?? (letter === "h" ? "f16" : "f32"));
    return { size: Number(count) * size, align: (count === "2" ? 2 : 4) * size };
  }
  if (/^(f32|u32|i32|bool|atomic<\s*[ui]32\s*>)$/.test(type)) return { size: 4, align: 4 };
  if (type === "f16") return { size: 2, align: 2 };
  const alias = new RegExp(`\\balias\\s+${type}\\s*=\\s*([^;]+);`).exec(text);
  if (alias) return inner(alias[1]!);
  const struct = new RegExp(`\\bstruct\\s+${type}\\s*\\{([^}]*)\\}`).exec(text);
  const fields = [...struct?.[1]?.matchAll(/\w+\s*:\s*(\w+(?:<[^{}:]*>)?)/g) ?? []];
  return fields.map(([, field]) => inner(field!)).reduce(
    (whole, { size, align }) => ({
      size: rounded(whole.size, align) + size,
      align: Math.max(whole.align, align),
    }),
    { size: 0, align: 1 },
  );
}

function rounded(size: number, multiple: number): number {
  return Math.ceil(size / multiple) * multiple;
}
