// Layer 1: what an adapter can do, found out before a device is opened.

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
