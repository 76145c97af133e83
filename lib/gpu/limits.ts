// Layer 1: what an adapter has no room for, refused by us before WebGPU is asked: it would say so late, without the names,
// or, of a software adapter's memory, not at all.

import { type KernelText, workgroupOf } from "./workgroup.ts";

/** The limits that are looked at; a device's `limits`, or a test's own. */
export type Limits = Pick<
  GPUSupportedLimits,
  | "maxBufferSize"
  | "maxStorageBufferBindingSize"
  | "maxUniformBufferBindingSize"
  | "maxStorageBuffersPerShaderStage"
  | "maxComputeWorkgroupsPerDimension"
  | "maxComputeInvocationsPerWorkgroup"
  | "maxComputeWorkgroupSizeX"
  | "maxComputeWorkgroupSizeY"
  | "maxComputeWorkgroupSizeZ"
  | "maxComputeWorkgroupStorageSize"
>;

/** As much of a kernel run as an adapter may have no room for. */
export interface KernelRun {
  /** What runs. */
  readonly kernel: { readonly label: string };
  /** What is bound. */
  readonly storages: readonly { readonly label: string; readonly byteSize: number }[];
  /** Its parameters. */
  readonly params: ArrayBuffer;
  /** How many workgroups, along x, y and z. */
  readonly workgroups: readonly (number | undefined)[];
}

const SMALLER = "Use a smaller batch, hidden size or vocabulary";
const OTHER_KERNEL = "Declare the kernel with smaller overrides";

/** A number of bytes, exactly and, where it is large, for people too. */
export function inBytes(count: number): string {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20]] as const) {
    if (count >= size) return `${count} bytes (${(count / size).toFixed(1)} ${unit})`;
  }
  return `${count} bytes`;
}

/**
 * Refuses a buffer that is too large.
 *
 * @throws {RangeError} With the limit's name and value.
 */
export function checkBufferSize(limits: Limits, label: string, size: number): void {
  check(limits, "maxBufferSize", size, () => `create the buffer "${label}" of ${inBytes(size)}`, SMALLER);
}

/**
 * Refuses a kernel run with too much to bind or too many workgroups.
 *
 * @throws {RangeError} With the kernel, the tensor, and the limit's name and value.
 */
export function checkDispatch(
  limits: Limits,
  { kernel, storages, params, workgroups }: KernelRun,
): void {
  const run = `run "${kernel.label}" with`;
  const fewer = "Give the kernel fewer buffers: put several tensors into one";
  const count = () => `${run} ${storages.length} buffers`;
  check(limits, "maxStorageBuffersPerShaderStage", storages.length, count, fewer);
  for (const { label, byteSize } of storages) {
    const bind = () => `bind "${label}" of ${inBytes(byteSize)} to "${kernel.label}"`;
    check(limits, "maxStorageBufferBindingSize", byteSize, bind, SMALLER);
  }
  const uniform = () => `${run} ${params.byteLength} bytes of parameters`;
  check(limits, "maxUniformBufferBindingSize", params.byteLength, uniform, "Pass them in a buffer");
  const groups = () => `${run} ${workgroups.join(" x ")} workgroups`;
  check(
    limits,
    "maxComputeWorkgroupsPerDimension",
    longest(workgroups),
    groups,
    SMALLER,
  );
}

/** Whether an adapter takes so many workgroups. */
export function inLimits(limits: Limits, workgroups: KernelRun["workgroups"]): boolean {
  return longest(workgroups) <= limits.maxComputeWorkgroupsPerDimension;
}

const longest = (workgroups: KernelRun["workgroups"]) => Math.max(...workgroups.map((count) => count ?? 1));

/**
 * Refuses a kernel whose workgroups are too large, or need too much memory; WebGPU in Deno does not look at the latter.
 *
 * @throws {RangeError} With the kernel and the limit's name and value.
 */
export function checkWorkgroup(limits: Limits, kernel: KernelText): void {
  const { size, bytes } = workgroupOf(kernel);
  const compile = () =>
    `compile the kernel "${kernel.label}" for workgroups of ${size.join(" x ")} invocations`;
  (["X", "Y", "Z"] as const).forEach((axis, index) => {
    check(limits, `maxComputeWorkgroupSize${axis}`, size[index] ?? 1, compile, OTHER_KERNEL);
  });
  const invocations = size.reduce((product, length) => product * length, 1);
  check(limits, "maxComputeInvocationsPerWorkgroup", invocations, compile, OTHER_KERNEL);
  const memory = () => `compile the kernel "${kernel.label}" with workgroups that share ${inBytes(bytes)}`;
  check(limits, "maxComputeWorkgroupStorageSize", bytes, memory, OTHER_KERNEL);
}

function check(
  limits: Limits,
  name: keyof Limits,
  asked: number,
  what: () => string,
  remedy: string,
): void {
  if (asked <= limits[name]) return;
  throw new RangeError(`Cannot ${what()}: this adapter's limit ${name} is ${limits[name]}. ${remedy}.`);
}
