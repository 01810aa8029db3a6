/* The two passes together visit every position once; counts agree with walking. */
#include "entropy/checkerboard.h"
#include "tests/test.h"

TEST(passes_cover_every_position_once)
{
    for (uint32_t h = 0; h < 8; h++) {
        for (uint32_t w = 0; w < 8; w++) {
            int seen[64] = {0};
            for (int pass = LIC_ANCHOR; pass <= LIC_NON_ANCHOR; pass++) {
                size_t n = 0;
                for (uint32_t y = 0; y < h; y++)
                    for (uint32_t x = lic_checkerboard_first(y, pass); x < w; x += 2, n++) {
                        seen[y * w + x]++;
                        CHECK_EQ_INT((x + y) % 2, pass);
                    }
                CHECK_EQ_INT(n, lic_checkerboard_count(h, w, pass));
            }
            for (uint32_t i = 0; i < h * w; i++)
                CHECK_EQ_INT(seen[i], 1);
        }
    }
}

TEST(one_position_is_an_anchor)
{
    CHECK_EQ_INT(lic_checkerboard_count(1, 1, LIC_ANCHOR), 1);
    CHECK_EQ_INT(lic_checkerboard_count(1, 1, LIC_NON_ANCHOR), 0);
    CHECK_EQ_INT(lic_checkerboard_first(0, LIC_ANCHOR), 0);
    CHECK_EQ_INT(lic_checkerboard_first(0, LIC_NON_ANCHOR), 1);
}

TEST(large_planes_do_not_overflow)
{
    CHECK_EQ_INT(lic_checkerboard_count(65535, 65535, LIC_ANCHOR), 2147418113);
    CHECK_EQ_INT(lic_checkerboard_count(65535, 65535, LIC_NON_ANCHOR), 2147418112);
}
