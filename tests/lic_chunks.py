#!/usr/bin/env python3
"""Puts chunks into a .lic file that has none, by codec/FORMAT.md: lic_chunks.py IN OUT TYPE=COUNTxTEXT...

TEXT is repeated COUNT times; \\0 in it is a zero byte, and @FILE stands for what the file holds. What a program
would never write, a test needs.
"""
import struct
import sys
import zlib


def varint(n):
    out = b''
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def head_bytes(data):
    """Up to the checksum."""
    at = 5
    for _ in range(2):
        while data[at] & 128:
            at += 1
        at += 1
    return at + (2 if data[4] & 0x80 else 0) + (10 if data[4] & 7 < 3 else 4)


def main():
    data = open(sys.argv[1], 'rb').read()
    crc_at = head_bytes(data)
    assert not data[4] & 0x10
    chunks = b''
    for word in sys.argv[3:]:
        kind, text = word.split('=', 1)
        count, text = text.split('x', 1)
        text = open(text[1:]).read() if text.startswith('@') else text.replace('\\0', '\0')
        body = text.encode() * int(count)
        packed = zlib.compress(body, 9)
        chunks += kind.ljust(4).encode() + varint(len(packed)) + varint(len(body)) + packed
    head = data[:4] + bytes([data[4] | 0x10]) + data[5:crc_at]
    rest = chunks + bytes(4 if data[4] & 7 < 3 else 1) + data[crc_at + 4:]
    with open(sys.argv[2], 'wb') as f:
        f.write(head + struct.pack('<I', zlib.crc32(rest, zlib.crc32(head))) + rest)


if __name__ == '__main__':
    main()
