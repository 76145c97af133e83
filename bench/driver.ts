// The driver's own words about itself, which WebGPU keeps from its users: asked of Vulkan where there is one.

const SUCCESS = 0;
const NAME_BYTES = 256;
const PROPERTIES = { structure: 1000059001, size: 840, deviceName: 36 };
const DRIVER = { structure: 1000196000, size: 536, name: 20, information: 276 };

const SYMBOLS = {
  vkCreateInstance: { parameters: ["buffer", "pointer", "buffer"], result: "i32" },
  vkEnumeratePhysicalDevices: { parameters: ["u64", "buffer", "buffer"], result: "i32" },
  vkGetPhysicalDeviceProperties2: { parameters: ["u64", "buffer"], result: "void" },
  vkDestroyInstance: { parameters: ["u64", "pointer"], result: "void" },
} as const;

/**
 * The driver of an adapter, such as `llvmpipe Mesa 25.0.7 (LLVM 15.0.6)`.
 *
 * @param adapter The adapter's description, which is the name of a Vulkan device.
 * @returns `unknown` where Vulkan does not have it: with Metal or Direct3D.
 */
export function driverOf(adapter: string): string {
  const name = { linux: "libvulkan.so.1", windows: "vulkan-1.dll" }[Deno.build.os as string];
  if (name === undefined) return `of ${Deno.build.os} ${Deno.osRelease()}`;
  try {
    const vulkan = Deno.dlopen(name, SYMBOLS);
    const driver = devices(vulkan.symbols).get(adapter);
    vulkan.close();
    return driver ?? "unknown";
  } catch {
    return "unknown"; // there is no Vulkan
  }
}

/** The driver of each Vulkan device, by the device's name. */
function devices(vulkan: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"]): Map<string, string> {
  // VkInstanceCreateInfo of 64-bit systems, and behind it the VkApplicationInfo that it points to, for version 1.2.
  const create = new BigUint64Array(8 + 6);
  create[0] = 1n;
  create[3] = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(create.subarray(8))));
  create[8 + 5] = BigInt((1 << 22) | (2 << 12)) << 32n;
  const instance = new BigUint64Array(1);
  if (vulkan.vkCreateInstance(create, null, instance) !== SUCCESS) return new Map();
  const count = new Uint32Array([16]);
  const handles = new BigUint64Array(count[0]!);
  vulkan.vkEnumeratePhysicalDevices(instance[0]!, count, handles);
  const found = new Map<string, string>();
  for (const handle of handles.subarray(0, count[0])) {
    const driver = new Uint8Array(DRIVER.size);
    new Uint32Array(driver.buffer)[0] = DRIVER.structure;
    const properties = new Uint8Array(PROPERTIES.size);
    new Uint32Array(properties.buffer)[0] = PROPERTIES.structure;
    new BigUint64Array(properties.buffer)[1] = BigInt(
      Deno.UnsafePointer.value(Deno.UnsafePointer.of(driver)),
    );
    vulkan.vkGetPhysicalDeviceProperties2(handle, properties);
    found.set(
      text(properties, PROPERTIES.deviceName),
      `${text(driver, DRIVER.name)} ${text(driver, DRIVER.information)}`,
    );
  }
  vulkan.vkDestroyInstance(instance[0]!, null);
  return found;
}

/** A string of C in a structure. */
function text(structure: Uint8Array, offset: number): string {
  const bytes = structure.subarray(offset, offset + NAME_BYTES);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}
