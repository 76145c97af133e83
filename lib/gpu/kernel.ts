// Layer 1: a kernel is one WGSL entry point with the names, types and access of everything it is given.
// The declaration is compared with the WGSL when it is made, so a slip is an error before anything runs.

import type { Device } from "./device.ts";
import { checkWorkgroup } from "./limits.ts";
import { shaderError } from "./shader_error.ts";
import { turn } from "./turn.ts";

/**
 * How a kernel uses a binding:
 * - `read`: never writes it;
 * - `write`: writes every element of the tensor it is given;
 * - `read_write`: both; the tensor counts as written;
 * - `accumulate`: a gradient: stores the first contribution and adds the later ones. Which of the two it is
 *   comes in the parameter `accumulate_<name>`, filled in by the tape.
 */
export type Access = "read" | "write" | "read_write" | "accumulate";

/** The types of a kernel's parameters. */
export type ParameterType = "u32" | "i32" | "f32";

/** Constants of a WGSL module, fixed when a pipeline is built. */
export type Overrides = Readonly<Record<string, number>>;

/** Workgroups in x, y and z. */
export type Workgroups = readonly [number, number?, number?];

/** The parameters that the tape fills in from the tensors: where they begin, how far their rows are apart, and
 * whether a gradient is added to. */
export type FilledInParameter = `${string}_offset` | `${string}_stride` | `accumulate_${string}`;

/** The parameters that the caller gives: all declared ones but those that the tape fills in. */
export type GivenParameters<P> = {
  readonly [K in keyof P as K extends FilledInParameter ? never : K]: number;
};

/** What {@linkcode defineKernel} is told. */
export interface KernelDeclaration<
  B extends Record<string, Access>,
  P extends Record<string, ParameterType>,
> {
  /** The WGSL text. */
  readonly source: string;
  /** The file it stands in; named in errors and profiles. */
  readonly name: string;
  /** The entry point. */
  readonly entryPoint: string;
  /** The buffers of group 0 in the order of their binding numbers. */
  readonly bindings: B;
  /** The fields of `struct Params` in order; each takes four bytes. */
  readonly params: P;
  /** The values of the module's `override` constants. */
  readonly overrides?: Overrides;
  /** Whether the WGSL uses subgroups. */
  readonly subgroups?: boolean;
  /** Whether the WGSL uses 16-bit floats. */
  readonly halfPrecision?: boolean;
  /** The parameters on which it depends which of several kernels is the fastest. */
  readonly tuneBy?: readonly (keyof P & string)[];
  /** How many workgroups to start for these parameters. */
  readonly workgroups: (params: GivenParameters<P>) => Workgroups;
}

/** A checked kernel, made by {@linkcode defineKernel}. */
export interface Kernel<B extends Record<string, Access>, P extends Record<string, ParameterType>>
  extends KernelDeclaration<B, P> {
  /** `name:entryPoint`, for people. */
  readonly label: string;
}

/** A kernel whatever its bindings and parameters. */
// deno-lint-ignore no-explicit-any
export type AnyKernel = Kernel<any, any>;

/**
 * Declares a kernel and checks the declaration against the WGSL: the entry point exists, every binding has the
 * declared number, name and access, `Params` has the declared fields in order, every override exists.
 *
 * @throws {TypeError} If they disagree; the message says where.
 */
export function defineKernel<
  const B extends Record<string, Access>,
  const P extends Record<string, ParameterType>,
>(declaration: KernelDeclaration<B, P>): Kernel<B, P> {
  const label = `${declaration.name}:${declaration.entryPoint}`;
  const source = declaration.source.replace(/\/\/.*$/gm, "");
  const refuse = (what: string): never => {
    throw new TypeError(`Cannot define the kernel "${label}": ${what}.`);
  };
  const entry = new RegExp(`@compute[^{]*?\\bfn\\s+${declaration.entryPoint}\\s*\\(`);
  if (!entry.test(source)) refuse(`its WGSL has no compute entry point "${declaration.entryPoint}"`);
  checkBindings(source, declaration.bindings, refuse);
  checkParams(source, declaration.params, declaration.bindings, refuse);
  for (const name of Object.keys(declaration.overrides ?? {})) {
    if (!new RegExp(`\\boverride\\s+${name}\\b`).test(source)) refuse(`its WGSL has no override "${name}"`);
  }
  return { ...declaration, label };
}

/** Compares the declared bindings with the `@group(0)` variables; entry points may share binding numbers. */
function checkBindings(
  source: string,
  bindings: Record<string, Access>,
  refuse: (what: string) => never,
): void {
  const declared = /@group\(0\)\s*@binding\((\d+)\)\s*var<storage,\s*(read|read_write)>\s*(\w+)\s*:/g;
  const found = [...source.matchAll(declared)].map(([, number, access, name]) =>
    `${number} ${name} ${access}`
  );
  Object.entries(bindings).forEach(([name, access], number) => {
    const wanted = `${number} ${name} ${access === "read" ? "read" : "read_write"}`;
    if (!found.includes(wanted)) {
      const alike = found.find((text) => text.split(" ")[1] === name);
      refuse(`binding ${wanted} is declared, but its WGSL has ${alike ?? `no "${name}"`}`);
    }
  });
}

/** Compares the declared parameters with `struct Params`. */
function checkParams(
  source: string,
  params: Record<string, ParameterType>,
  bindings: Record<string, Access>,
  refuse: (what: string) => never,
): void {
  const body = /struct\s+Params\s*\{([^}]*)\}/.exec(source)?.[1] ?? "";
  const found = [...body.matchAll(/(\w+)\s*:\s*(\w+)/g)].map(([, name, type]) => `${name}: ${type}`).join(
    ", ",
  );
  const declared = Object.entries(params).map(([name, type]) => `${name}: ${type}`).join(", ");
  if (found !== declared) refuse(`the parameters {${declared}} are declared, but Params has {${found}}`);
  for (const [name, access] of Object.entries(bindings)) {
    if (access === "accumulate" && !(`accumulate_${name}` in params)) {
      refuse(`"${name}" accumulates, so it needs a parameter "accumulate_${name}: u32"`);
    }
  }
}

/** A compiled kernel. */
export interface Pipeline {
  /** The WebGPU pipeline. */
  readonly pipeline: GPUComputePipeline;
  /** The layout of group 0. */
  readonly layout: GPUBindGroupLayout;
}

/** The pipelines and layouts of one device, each built once. */
export class PipelineCache {
  #pipelines = new Map<AnyKernel, Promise<Pipeline>>();
  #layouts = new Map<string, GPUBindGroupLayout>();
  /** The layout of group 1, which holds `Params`. */
  readonly paramsLayout: GPUBindGroupLayout;

  static #caches = new WeakMap<Device, PipelineCache>();

  /** The cache of a device. */
  static of(device: Device): PipelineCache {
    let cache = PipelineCache.#caches.get(device);
    if (!cache) PipelineCache.#caches.set(device, cache = new PipelineCache(device));
    return cache;
  }

  private constructor(readonly device: Device) {
    this.paramsLayout = device.gpu.createBindGroupLayout({
      entries: [{
        binding: 0,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: "uniform", hasDynamicOffset: true },
      }],
    });
  }

  /**
   * The pipeline of a kernel, compiled at the first call.
   *
   * @throws {TypeError} If it uses what the adapter has not.
   * @throws {RangeError} If its workgroups are larger than the adapter allows.
   * @throws {SyntaxError} If the driver refuses it, with the reason and the lines of WGSL that it is about.
   */
  get(kernel: AnyKernel): Promise<Pipeline> {
    let pipeline = this.#pipelines.get(kernel);
    if (!pipeline) this.#pipelines.set(kernel, pipeline = this.#compile(kernel));
    return pipeline;
  }

  async #compile(kernel: AnyKernel): Promise<Pipeline> {
    const { device } = this;
    const { gpu, subgroupDirective } = device;
    if (kernel.subgroups && subgroupDirective === undefined) lacks(device, kernel, "subgroups");
    if (kernel.halfPrecision && !device.features.has("shader-f16")) lacks(device, kernel, "16-bit floats");
    checkWorkgroup(device.limits, kernel);
    const directives = (kernel.halfPrecision ? "enable f16;\n" : "") +
      (kernel.subgroups ? subgroupDirective : "");
    const code = directives + kernel.source;
    const layout = this.#layout(Object.values(kernel.bindings) as Access[]);
    gpu.pushErrorScope("validation");
    const module = device.createShaderModule(kernel.label, code);
    const pending = device.createPipeline({
      label: kernel.label,
      layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout, this.paramsLayout] }),
      compute: { module, entryPoint: kernel.entryPoint, constants: { ...kernel.overrides } },
    });
    const scoped = gpu.popErrorScope();
    const [error, pipeline] = await device.settled(
      Promise.all([scoped, pending.catch((error: Error) => error)]),
    );
    if (error === null && !(pipeline instanceof Error)) {
      await turn(); // drivers compile in this thread, whatever the call's name promises
      return { pipeline, layout };
    }
    const { messages } = await device.settled(module.getCompilationInfo());
    const line = messages.find(({ type }) => type === "error")?.lineNum;
    const { message } = error ?? pipeline as Error;
    // For a device that is gone a kernel is refused for no other reason, so whatever waits for it is told that.
    return await device.settled(Promise.reject(shaderError(kernel, code, message, line, device.description)));
  }

  #layout(accesses: readonly Access[]): GPUBindGroupLayout {
    const key = accesses.map((access) => access === "read" ? "r" : "w").join("");
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = this.device.gpu.createBindGroupLayout({
        entries: accesses.map((access, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: access === "read" ? "read-only-storage" : "storage" },
        })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}

/** Refuses a kernel that uses what the adapter has not. */
function lacks(device: Device, kernel: AnyKernel, feature: string): never {
  throw new TypeError(
    `Cannot compile "${kernel.label}": it uses ${feature}, and the adapter ${device.description} has none. ` +
      "Use a variant of the kernel without.",
  );
}
