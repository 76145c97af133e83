// Writes lib/ops/kernel_hashes.ts, which has the hash of every text in kernels/: `deno task kernels`.

import { textHash } from "../lib/gpu/text_integrity.ts";

const root = new URL("../", import.meta.url);
/** The module that is written. */
export const KERNEL_HASHES: URL = new URL("lib/ops/kernel_hashes.ts", root);

/** Returns what the module has to be for the texts that are there. */
export async function kernelHashes(): Promise<string> {
  const folder = new URL("kernels/", root);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".wgsl"))
    .sort();
  const kernels = await Promise.all(names.map(async (name) => ({
    name,
    variable: name.replace(/\.wgsl$/, "").replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    hash: textHash(await Deno.readTextFile(new URL(name, folder))),
  })));
  const imports = kernels.map(({ name, variable }) =>
    `import ${variable} from "../../kernels/${name}" with { type: "text" };\n`
  );
  const rows = kernels.map(({ name, variable, hash }) => `  ["${name}", ${variable}, "${hash}"],\n`);
  return `// Layer 2: the hashes of all kernels, and a look at them. Written by \`deno task kernels\`; decision 20 says why.

${imports.join("")}import { checkTexts, type HashedText } from "../gpu/text_integrity.ts";

/** Every kernel with the hash that it had when this was written. */
export const KERNELS: readonly HashedText[] = [
${rows.join("")}];

checkTexts(new URL("../../kernels/", import.meta.url), KERNELS);
`;
}

if (import.meta.main) await Deno.writeTextFile(KERNEL_HASHES, await kernelHashes());
