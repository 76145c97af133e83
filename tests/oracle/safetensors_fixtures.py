"""Writes a file with the original safetensors, and checks that the original reads a file of ours.

    pip install safetensors==0.5.3 numpy
    python3 tests/oracle/safetensors_fixtures.py
"""

import pathlib
import struct
import subprocess

import numpy
from safetensors import safe_open, serialize
from safetensors.numpy import load_file

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"
MODULE = pathlib.Path(__file__).parents[1] / "training" / "safetensors.ts"


def tensor(dtype, shape, data):
    return {"dtype": dtype, "shape": shape, "data": data}


# Every element type that our reader knows.
THEIRS = {
    "double": tensor("float64", [2], struct.pack("<2d", 0.1, -1e300)),
    "matrix": tensor("float32", [2, 3], struct.pack("<6f", 0, 1, -2.5, 3, 1e-30, float("inf"))),
    "half": tensor("float16", [3], struct.pack("<3e", 1, -0.5, 65504)),
    "brain": tensor("bfloat16", [2], struct.pack("<2H", 0x3F80, 0xC000)),
    "long": tensor("int64", [2], struct.pack("<2q", 2**62 + 1, -1)),
    "int": tensor("int32", [1], struct.pack("<i", -7)),
    "short": tensor("int16", [1], struct.pack("<h", -300)),
    "tiny": tensor("int8", [1], struct.pack("<b", -128)),
    "unsigned": tensor("uint32", [2], struct.pack("<2I", 1, 2**32 - 1)),
    "bytes": tensor("uint8", [3], bytes([1, 2, 255])),
    "flags": tensor("bool", [2], bytes([1, 0])),
    "scalar": tensor("float32", [], struct.pack("<f", 42.5)),
    "empty": tensor("float32", [0, 3], b""),
    "größe/日本\"\\": tensor("float32", [1], struct.pack("<f", 1)),
}

# The same tensors as in safetensors_test.ts.
OURS = """
import { encodeSafetensors } from "%s";
await Deno.writeFile("%s", encodeSafetensors(new Map([
  ["weight", { shape: [2, 3], data: new Float32Array([0, 1, -2.5, 3, 1e-30, Infinity]) }],
  ["scalar", { shape: [], data: new Float32Array([42.5]) }],
  ["step", { shape: [2], data: new Uint32Array([1, 4294967295]) }],
  ["empty", { shape: [0, 3], data: new Float32Array(0) }],
  ["10", { shape: [1], data: new Float32Array([10]) }],
  ["9", { shape: [1], data: new Float32Array([9]) }],
  ["größe/日本\\"\\\\", { shape: [1], data: new Float32Array([1]) }],
  ["__proto__", { shape: [1], data: new Float32Array([-1]) }],
]), { program: "attend", note: "zwei\\nZeilen" }));
"""


def write_theirs():
    # One text only: the original writes several in random order.
    path = FIXTURES / "original.safetensors"
    path.write_bytes(serialize(THEIRS, {"origin": "das grüne Original"}))
    print(f"{path.name}: {path.stat().st_size} bytes")


def check_ours():
    path = FIXTURES / "ours.safetensors"
    script = OURS % (MODULE.as_uri(), path.as_posix())
    subprocess.run(["deno", "run", "--allow-write", "-"], input=script.encode(), check=True)
    loaded = load_file(path)
    expected = {
        "weight": numpy.array([[0, 1, -2.5], [3, 1e-30, numpy.inf]], numpy.float32),
        "scalar": numpy.array(42.5, numpy.float32),
        "step": numpy.array([1, 2**32 - 1], numpy.uint32),
        "empty": numpy.zeros((0, 3), numpy.float32),
        "10": numpy.array([10], numpy.float32),
        "9": numpy.array([9], numpy.float32),
        "größe/日本\"\\": numpy.array([1], numpy.float32),
        "__proto__": numpy.array([-1], numpy.float32),
    }
    assert loaded.keys() == expected.keys(), loaded.keys()
    for name, value in expected.items():
        assert loaded[name].dtype == value.dtype and loaded[name].shape == value.shape, name
        assert numpy.array_equal(loaded[name], value), name
    with safe_open(path, framework="numpy") as file:
        assert file.metadata() == {"program": "attend", "note": "zwei\nZeilen"}, file.metadata()
    print(f"{path.name}: {path.stat().st_size} bytes, read by the original")


if __name__ == "__main__":
    write_theirs()
    check_ours()
