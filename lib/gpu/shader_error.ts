// Layer 1: what to say of a kernel that the driver refuses: its reason, the lines of WGSL that it is about, and what to try.

import type { KernelText } from "./workgroup.ts";

/** Lines to show before and after the one in question. */
const AROUND = 3;

/**
 * Puts an error of compilation into words.
 *
 * @param kernel What does not compile.
 * @param code The WGSL as it was given to the driver.
 * @param reason What the driver says.
 * @param line The line that it is about, from 1 on; that of the entry point where the driver names none.
 * @param adapter The adapter in words.
 */
export function shaderError(
  kernel: KernelText,
  code: string,
  reason: string,
  line: number | undefined,
  adapter: string,
): SyntaxError {
  const lines = code.split("\n");
  const entry = lines.findIndex((text) => new RegExp(`\\bfn\\s+${kernel.entryPoint}\\s*\\(`).test(text)) + 1;
  const about = line || entry;
  return new SyntaxError(
    `Cannot compile the kernel "${kernel.label}", line ${about} of its WGSL: ${reason.trim()}\n` +
      `${excerpt(lines, about)}\n` +
      `This is a mistake in the kernel or in the graphics driver, not in your data. Update the driver of ${adapter}; ` +
      "if it stays, report this message.",
  );
}

/** Some lines with their numbers, the one in question marked. */
function excerpt(lines: readonly string[], about: number): string {
  const first = Math.max(1, about - AROUND);
  return lines.slice(first - 1, about + AROUND).map((text, index) => {
    const number = first + index;
    return `${number === about ? ">" : " "}${String(number).padStart(5)} ${text}`;
  }).join("\n");
}
