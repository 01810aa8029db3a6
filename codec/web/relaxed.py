#!/usr/bin/env python3
"""relaxed.py FILE.wasm: gives relaxed_madd the number it has in WebAssembly 3.0.

LLVM 14 and Binaryen 108 (Debian 12) write f32x4.relaxed_madd as 0xfd 0xaf 0x01, as a draft had it;
engines know it as 0xfd 0x85 0x02 (opcode 0x105). Later tools write that themselves: then there is nothing
to do. The three bytes are looked for everywhere in the file, so the disassembler has to find as
many instructions; else one of the places is something else, and nothing is changed."""
import subprocess
import sys

DRAFT, FINAL = b"\xfd\xaf\x01", b"\xfd\x85\x02"

path = sys.argv[1]
with open(path, "rb") as f:
    data = f.read()
places = data.count(DRAFT)
if places:
    text = subprocess.run(["wasm-dis", "--all-features", path], check=True, capture_output=True).stdout
    found = text.count(b"f32x4.relaxed_fma")
    if found != places:
        sys.exit(f"relaxed.py: {path}: {found} instructions, {places} places that look like one")
    with open(path, "wb") as f:
        f.write(data.replace(DRAFT, FINAL))
