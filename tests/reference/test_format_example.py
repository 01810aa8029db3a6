"""The worked example of codec/FORMAT.md, section 11, against its file: every byte, what it is said to mean, and, with numpy,
the first symbols."""
import os
import re
import struct
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "../golden")
sys.path[:0] = [HERE, os.path.join(HERE, "../../models/train")]
sys.dont_write_bytecode = True


def rows(section, columns):
    """The tables of that many columns, without their heads."""
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
    return [r for r in found if len(r) == columns and not r[0].startswith("-") and r[0] not in ("at", "table", "word")]


def check_bytes(section, data):
    """-> offset of the latents."""
    at = 0
    for offset, cell, _ in rows(section, 3):
        said = bytes.fromhex(cell.strip("`"))
        assert int(offset) == at and data[at:at + len(said)] == said, f"{offset}: {cell}"
        at += len(said)
    assert at > 50
    return at - 8


def check_meaning(section, data, latents):
    """The table says of each byte what the file has there."""
    said = {int(r[0]): r[2] for r in rows(section, 3)}
    width, height = data[5], data[6]
    model, quality, check, crc = struct.unpack("<IHII", data[7:21])
    packed, unpacked = data[25], data[26]
    text = zlib.decompress(data[27:27 + packed])
    assert len(text) == unpacked and latents == 27 + packed + 4
    own = zlib.crc32(data[21:], zlib.crc32(data[:17]))
    for at, words in ((4, "version 1"), (5, f"= {width}"), (6, f"= {height}"), (7, f"{model:08x}"), (11, str(quality)),
                      (11, f"level {quality * 7 / 65535:.5f}"), (13, f"{check:08x}"), (17, f"{own:08x}"), (17, f"to {len(data) - 1}"),
                      (25, f"{packed} bytes"), (26, f"{unpacked} bytes"), (27, text.decode()), (51, f"{len(data) - latents} bytes")):
        assert words in said[at], f"{at}: {said[at]!r} does not say {words!r}"
    assert own == crc and data[4] == 0x11
    assert f"{len(data)} bytes" in section and f"{width + 1}x{height + 1}" in section


def check_symbols(section, latents):
    """The table of decoded symbols is what a decoder computes."""
    import numpy as np
    import slow_stream
    from licw_file import read_licw
    tables = slow_stream.tables(read_licw(os.path.join(GOLDEN, "tiny.licw")).tensors, "z")
    coder, found = slow_stream.RangeDecoder(latents), rows(section, 9)
    for row in found:
        number, first, n, unit, quotient, k, low, high, value = map(int, row)
        cum = tables[number][1]
        assert (first, n) == (tables[number][0], len(cum)) and unit == coder.range // 65536
        assert quotient == coder.code // unit and k == int(np.searchsorted(cum, quotient, side="right")) - 1
        assert (low, high) == (cum[k], cum[k + 1]) and coder.read == 8, row
        assert coder.symbol(tables[number]) == value, row
    assert len(found) == 3


if __name__ == "__main__":
    with open(os.path.join(HERE, "../../codec/FORMAT.md"), encoding="utf-8") as f:
        section = re.search(r"\n## 11\. .*?(?=\n## |\Z)", f.read(), re.S)[0]
    with open(os.path.join(GOLDEN, "v1-rgb8.lic"), "rb") as f:
        data = f.read()
    latents = check_bytes(section, data)
    check_meaning(section, data, latents)
    try:
        import numpy  # noqa: F401
    except ImportError as e:
        print(f"skip: the symbols: {e}")
    else:
        check_symbols(section, data[latents:])
    print("test_format_example: passed")
