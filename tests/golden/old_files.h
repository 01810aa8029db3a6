/* old_files.h - the entries of test_hashes.c: name, width, height, channels, depth, check of the
 * latents, CRC-32 of the decoded samples. Each new file adds a line; no line is ever changed. */
    {"v1-rgb8.lic", 75, 40, 3, 8, 0x933f212c, 0xad11a510},
    {"v1-grey16.lic", 33, 17, 1, 16, 0xaacd3456, 0x65ada914},
    {"v1-tiles.lic", 130, 70, 3, 8, 0xabe1fd7a, 0x1bd54c54},
