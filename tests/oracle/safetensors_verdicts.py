"""Asks the original safetensors about the files of tests/training/safetensors_files.ts, and prints where it differs.

    pip install safetensors==0.5.3 numpy
    python3 tests/oracle/safetensors_verdicts.py
"""

import base64
import json
import pathlib
import subprocess

from safetensors import SafetensorError, deserialize

FILES = pathlib.Path(__file__).parents[1] / "training" / "safetensors_files.ts"
SCRIPT = """
import { BAD_FILES, ODD_FILES } from "%s";
for (const { what, bytes, code = "" } of [...BAD_FILES, ...ODD_FILES]) {
  console.log(JSON.stringify({ what, code, bytes: bytes.toBase64() }));
}
"""


def verdict(data):
    try:
        deserialize(data)
        return "read"
    except SafetensorError as error:
        return f"refused: {str(error)[:90]}"
    except BaseException as error:  # a panic of Rust is no Exception
        return f"{type(error).__name__}: {str(error)[:90]}"


def main():
    script = (SCRIPT % FILES.as_uri()).encode()
    output = subprocess.run(["deno", "run", "-"], input=script, check=True, capture_output=True).stdout
    same = 0
    for line in output.decode().splitlines():
        file = json.loads(line)
        theirs = verdict(base64.b64decode(file["bytes"]))
        if (file["code"] == "") == (theirs == "read"):
            same += 1
        else:
            print(f"{file['what']}: here {file['code'] or 'read'}, there {theirs}")
    print(f"{same} verdicts are the same")


if __name__ == "__main__":
    main()
