// The element types of safetensors, and what holds them here.

/** The element types that files have, by their names in the file, and what holds them. */
export type SafetensorsArrays = {
  F64: Float64Array;
  F32: Float32Array;
  F16: Float16Array;
  BF16: Uint16Array;
  I64: BigInt64Array;
  I32: Int32Array;
  I16: Int16Array;
  I8: Int8Array;
  U64: BigUint64Array;
  U32: Uint32Array;
  U16: Uint16Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
};

/** The name of an element type, such as `F32`. */
export type SafetensorsDtype = keyof SafetensorsArrays;

/** A tensor read from a file; `BF16` comes as its raw bits, `BOOL` as 0 and 1. */
export type SafetensorsTensor = {
  [Dtype in SafetensorsDtype]: {
    readonly dtype: Dtype;
    /** The sizes, outermost first; empty for a single number. */
    readonly shape: readonly number[];
    /** The elements in row-major order, in memory of their own. */
    readonly data: SafetensorsArrays[Dtype];
  };
}[SafetensorsDtype];

/** The class for each element type. */
export const arrays = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Float16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

/** Where a tensor lies, and what it is. */
export interface SafetensorsSpan {
  /** The element type. */
  readonly dtype: SafetensorsDtype;
  /** The sizes, outermost first; empty for a single number. */
  readonly shape: readonly number[];
  /** Its first byte, counted from behind the header. */
  readonly begin: number;
  /** The byte behind its last one. */
  readonly end: number;
}

/** What the header of a file says. */
export interface SafetensorsLayout {
  /** The tensors by name, in the order of the header. */
  readonly tensors: ReadonlyMap<string, SafetensorsSpan>;
  /** The free texts that travel with the tensors; an object without prototype. */
  readonly metadata: Readonly<Record<string, string>>;
}
