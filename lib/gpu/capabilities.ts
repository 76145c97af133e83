// Layer 1: what an adapter can do and is called, found out before a device is opened.

/** The kernel variants an adapter is given: `cpu8` for software adapters with eight-wide subgroups and 64-bit integers. */
export type Profile = "cpu8" | "gpu";

/** An adapter whose device is open. */
export interface OpenAdapter {
  /** The adapter's own words about itself. */
  readonly info: GPUAdapterInfo;
  /** The features in force. */
  readonly features: ReadonlySet<string>;
  /** What a WGSL text must begin with to use subgroups; undefined where there are none. */
  readonly subgroupDirective: string | undefined;
  /** Whether the adapter is a program on the CPU and no hardware. */
  readonly software: boolean;
}

/** The feature that lets WGSL have `i64` and `u64`, by wgpu's name. */
export const INTEGERS_OF_64_BITS = "wgpu-shader-int64";

/** Features worth having, by name; Deno hides some of them from `adapter.features` but grants them. */
export const WANTED_FEATURES: readonly string[] = [
  "subgroups",
  "timestamp-query",
  "shader-f16",
  INTEGERS_OF_64_BITS,
];

/** The wanted features that an adapter grants, listed or not: each is found out on a throw-away adapter. */
export async function grantedFeatures(request: () => Promise<GPUAdapter | null>): Promise<string[]> {
  const granted: string[] = [];
  for (const feature of WANTED_FEATURES) {
    if (await grants(await request(), feature)) granted.push(feature);
  }
  return granted;
}

async function grants(adapter: GPUAdapter | null, feature: string): Promise<boolean> {
  try {
    const device = await adapter?.requestDevice({ requiredFeatures: [feature as GPUFeatureName] });
    device?.destroy();
    return device !== undefined;
  } catch {
    return false;
  }
}

/** The limits that decide what can be bound and dispatched, at the adapter's own values. */
export function ownLimits(adapter: GPUAdapter): Record<string, number> {
  const names = [
    "maxBufferSize",
    "maxStorageBufferBindingSize",
    "maxStorageBuffersPerShaderStage",
    "maxComputeWorkgroupStorageSize",
    "maxComputeInvocationsPerWorkgroup",
    "maxComputeWorkgroupSizeX",
    "maxComputeWorkgroupSizeY",
    "maxComputeWorkgroupSizeZ",
    "maxComputeWorkgroupsPerDimension",
  ] as const;
  return Object.fromEntries(names.map((name) => [name, adapter.limits[name]]));
}

/** The line that lets WGSL use subgroups: browsers demand it, Deno refuses it; undefined if neither works. */
export async function subgroupDirective(gpu: GPUDevice): Promise<string | undefined> {
  for (const directive of ["", "enable subgroups;\n"]) {
    gpu.pushErrorScope("validation");
    gpu.createShaderModule({
      code: `${directive}@compute @workgroup_size(8) fn main() { _ = subgroupAdd(1u); }`,
    });
    if (await gpu.popErrorScope() === null) return directive;
  }
  return undefined;
}

/** Whether an adapter is a program on the CPU. */
export function isSoftware({ isFallbackAdapter, description }: GPUAdapterInfo): boolean {
  return isFallbackAdapter || /llvmpipe|swiftshader|warp/i.test(description);
}

/**
 * The kernel variants for an adapter.
 *
 * @param wanted Which to take; by default those that are the fastest on such adapters.
 * @throws {RangeError} If the adapter cannot run those that are wanted.
 */
export function profileOf(
  { info: { subgroupMinSize, subgroupMaxSize }, features, subgroupDirective, software }: OpenAdapter,
  wanted?: Profile,
): Profile {
  const eightWide = subgroupDirective !== undefined && subgroupMinSize === 8 && subgroupMaxSize === 8;
  const longIntegers = features.has(INTEGERS_OF_64_BITS);
  const able = eightWide && longIntegers;
  if (wanted === "cpu8" && !able) {
    throw new RangeError(
      `Cannot use the profile "cpu8": subgroups of 8 and 64-bit integers are needed, and this adapter has subgroups of ` +
        `${subgroupMinSize ?? "?"} to ${subgroupMaxSize ?? "?"}, and ${longIntegers ? "such" : "no such"} ` +
        "integers. Leave the profile out.",
    );
  }
  return wanted ?? (software && able ? "cpu8" : "gpu");
}

/** An adapter in words, such as `llvmpipe (LLVM 15.0.6, 256 bits), software, subgroups of 8`. */
export function describe({ info, software, subgroupDirective }: OpenAdapter): string {
  const { description, device, vendor, architecture, subgroupMinSize, subgroupMaxSize } = info;
  const name = description || device || [vendor, architecture].filter(Boolean).join(" ") || "unnamed adapter";
  const parts = [name, software ? "software" : "hardware"];
  if (subgroupDirective !== undefined && subgroupMinSize) {
    const size = subgroupMinSize === subgroupMaxSize
      ? subgroupMinSize
      : `${subgroupMinSize}-${subgroupMaxSize}`;
    parts.push(`subgroups of ${size}`);
  }
  return parts.join(", ");
}
