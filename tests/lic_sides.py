#!/usr/bin/env python3
"""Makes a .lic file say that its picture has other sides: lic_sides.py IN OUT WIDTH HEIGHT [TILE].

By codec/FORMAT.md, section 1; TILE cuts it in tiles of so many pixels, each with code of two bytes. What
comes out cannot be decoded, but a reader has to find that out at little cost.
"""
import struct
import sys
import zlib

sys.dont_write_bytecode = True
from lic_chunks import head_bytes, varint


def main():
    data = open(sys.argv[1], 'rb').read()
    width, height = int(sys.argv[3]), int(sys.argv[4])
    tile = int(sys.argv[5]) if len(sys.argv) > 5 else 0
    at = head_bytes(data) - 10
    model, rest = data[at:at + 10], data[at + 14:]
    flags = data[4] & ~0x90 & 0xFF
    assert not data[4] & 0x10
    head = data[:4] + bytes([flags | (0x80 if tile else 0)]) + varint(width - 1) + varint(height - 1)
    if tile:
        head += bytes([tile // 64 - 1] * 2)
        n = -(-width // tile) * -(-height // tile)
        check = zlib.crc32(b'')
        rest = (varint(2) + struct.pack('<I', check) + b'\0\1') * n
    head += model
    with open(sys.argv[2], 'wb') as f:
        f.write(head + struct.pack('<I', zlib.crc32(rest, zlib.crc32(head))) + rest)


if __name__ == '__main__':
    main()
