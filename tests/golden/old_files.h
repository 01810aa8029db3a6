/* old_files.h - the entries of test_hashes.c: name, width, height, channels, depth, check of the
 * latents, CRC-32 of the decoded samples. Each new file adds a line; no line is ever changed. */
    {"v1-rgb8.lic", 75, 40, 3, 8, 0x933f212c, 0xad11a510},
    {"v1-grey16.lic", 33, 17, 1, 16, 0xaacd3456, 0x65ada914},
    {"v1-tiles.lic", 130, 70, 3, 8, 0xabe1fd7a, 0x1bd54c54},
    {"v2-lossless-rgb8.lic", 17, 33, 3, 8, 0x1ca53fba, 0xe7812892},
    {"v2-lossless-grey16.lic", 24, 20, 1, 16, 0x02935d9b, 0x094d22ed},
    {"v2-lossless-drawn.lic", 200, 168, 3, 8, 0xa7066278, 0xa0c7b752},
    {"v1-alpha8.lic", 32, 32, 3, 8, 0xe0ac059a, 0x1de3d162},
    {"v2-alpha16.lic", 32, 32, 1, 16, 0xd857867d, 0x4e1ed0bb},
    {"v3-slopes-alpha8.lic", 32, 32, 3, 8, 0x7855b9bf, 0x0ee05c61},
    {"v3-tiles.lic", 256, 256, 3, 8, 0xddbc75f2, 0xf2a8c0cf},
    {"v3-grey16.lic", 24, 20, 1, 16, 0x094d22ed, 0x094d22ed},
    {"v1-exact.lic", 180, 140, 3, 8, 0x7af7d3c0, 0x602714a1},
