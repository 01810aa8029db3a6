/* test_target.c - the search for a size or a PSNR, on invented curves: never on the wrong side of
 * the target, never more than five tries, and close to it on any curve that rises smoothly. */
#include "cli/batch/target.h"
#include "cli/options/settings.h"
#include "tests/test.h"

#include <math.h>

/* ln of the bytes, or dB, over quality: middle at 50, a slope and a bend. */
struct curve {
    double middle, slope, bend;
    size_t overhead;
    bool is_psnr;
};

static double height(const struct curve *c, double quality)
{
    double x = quality - 50;
    return c->middle + c->slope * x - c->bend * x * x;
}

static size_t bytes_at(const struct curve *c, double quality)
{
    return c->overhead + (size_t)exp(height(c, quality));
}

/* What a photograph takes. */
static size_t psnr_bytes(double quality)
{
    return 4000 + (size_t)(20000 * exp(0.025 * (quality - 50)));
}

/* Runs a search to its end. */
static lic_target search(const struct curve *c, lic_target_kind kind, double value, double pixels)
{
    lic_target t;
    double quality;
    lic_target_begin(&t, kind, value, pixels);
    while (t.n < 99 && lic_target_next(&t, &quality)) {
        double psnr = c->is_psnr ? height(c, quality) : 30;
        size_t bytes = c->is_psnr ? psnr_bytes(quality) : bytes_at(c, quality);
        const lic_target_try *before = lic_target_best(&t);
        bool is_best = lic_target_add(&t, quality, bytes, c->overhead, psnr);
        CHECK(quality >= 0 && quality <= 100);
        CHECK(is_best == (lic_target_best(&t) != before));
    }
    CHECK(t.n >= 1 && t.n <= LIC_TARGET_MAX_TRIES);
    return t;
}

static double uniform(double from, double to)
{
    return from + (to - from) * (double)(test_random() % 1000001) / 1e6;
}

/* Pictures ten times easier and harder than the mean one, with slopes far from it. */
TEST(sizes_are_met)
{
    double worst = 0;
    int tries = 0, n = 2000, wrong_side = 0, far = 0;
    for (int i = 0; i < n; i++) {
        struct curve c = {.middle = log(20000) + uniform(-2.3, 2.3),
                          .slope = uniform(0.025, 0.049),
                          .bend = uniform(0, 0.00026),
                          .overhead = (size_t)uniform(20, 200)};
        double target = floor((double)bytes_at(&c, uniform(2, 98)));
        lic_target t = search(&c, LIC_TARGET_SIZE, target, 393216);
        const lic_target_try *best = lic_target_best(&t);
        tries += t.n;
        wrong_side += best && (double)best->bytes > target;
        double behind = best ? 1 - (double)best->bytes / target : 1;
        worst = behind > worst ? behind : worst;
        far += behind > 0.03;
    }
    printf("size: worst %.4f below, %.2f tries, %d far\n", worst, (double)tries / n, far);
    CHECK(wrong_side == 0);
    CHECK(far == 0);
    CHECK(tries < 4 * n);
}

TEST(psnrs_are_met)
{
    int n = 2000, wrong_side = 0, far = 0;
    for (int i = 0; i < n; i++) {
        struct curve c = {.middle = uniform(24, 42),
                          .slope = uniform(0.08, 0.23),
                          .bend = uniform(-0.0003, 0.0003),
                          .is_psnr = true};
        double target = height(&c, uniform(2, 98));
        lic_target t = search(&c, LIC_TARGET_PSNR, target, 393216);
        const lic_target_try *best = lic_target_best(&t);
        wrong_side += best && best->psnr < target;
        far += !best || best->psnr > target + 0.1;
    }
    CHECK(wrong_side == 0);
    CHECK(far == 0);
}

/* One colour, or a drawing: PSNR jumps about, and a low quality may hold it as well as a high one.
 * The cheapest of what was tried counts, and the lowest quality is among it. */
TEST(flat_pictures_are_cheap)
{
    for (int i = 0; i < 500; i++) {
        const double target = uniform(40, 60), lucky = uniform(0, 1);
        lic_target t;
        double quality;
        size_t least = SIZE_MAX;
        lic_target_begin(&t, LIC_TARGET_PSNR, target, 40000);
        while (t.n < 99 && lic_target_next(&t, &quality)) {
            const size_t bytes = 24 + (size_t)(4 + quality);
            const bool exact = quality == 0 ? lucky < 0.5 : test_random() % 3 == 0;
            const double psnr = exact ? HUGE_VAL : uniform(38, 62);
            lic_target_add(&t, quality, bytes, 24, psnr);
            least = psnr >= target && bytes < least ? bytes : least;
        }
        CHECK(t.n <= LIC_TARGET_MAX_TRIES);
        const lic_target_try *best = lic_target_best(&t);
        CHECK(best ? best->bytes == least : least == SIZE_MAX);
        CHECK(lucky >= 0.5 || (best && best->quality == 0));
    }
}

/* Steps, as small pictures have: still never above, and something is found if there is anything. */
TEST(steps_do_no_harm)
{
    int missed = 0, above = 0;
    for (int i = 0; i < 500; i++) {
        struct curve c = {
            .middle = log(uniform(8, 60)), .slope = uniform(0.002, 0.03), .overhead = 24};
        double target = floor(uniform(24, 150));
        lic_target t = search(&c, LIC_TARGET_SIZE, target, 300);
        const lic_target_try *best = lic_target_best(&t);
        missed += !best && (double)bytes_at(&c, 0) <= target;
        above += best && (double)best->bytes > target;
    }
    CHECK(missed == 0);
    CHECK(above == 0);
}

TEST(out_of_reach)
{
    struct curve c = {.middle = log(20000), .slope = 0.02, .overhead = 24};
    lic_target t = search(&c, LIC_TARGET_SIZE, 1000, 393216);
    CHECK(!lic_target_best(&t));
    CHECK(lic_target_limit(&t)->bytes == bytes_at(&c, 0));
    t = search(&c, LIC_TARGET_SIZE, 20, 393216); /* less than the head alone */
    CHECK(!lic_target_best(&t) && lic_target_limit(&t)->bytes == bytes_at(&c, 0));
    t = search(&c, LIC_TARGET_SIZE, 1e9, 393216); /* the best there is will do */
    CHECK(lic_target_best(&t) && lic_target_best(&t)->quality >= 100);
    struct curve p = {.middle = 33, .slope = 0.1, .is_psnr = true};
    t = search(&p, LIC_TARGET_PSNR, 50, 393216);
    CHECK(!lic_target_best(&t) && fabs(lic_target_limit(&t)->psnr - 38) < 1e-9);
    t = search(&p, LIC_TARGET_PSNR, 20, 393216);
    CHECK(lic_target_best(&t) && lic_target_best(&t)->quality <= 0);
    p.middle = INFINITY; /* decodes to the same picture */
    t = search(&p, LIC_TARGET_PSNR, 50, 393216);
    CHECK(lic_target_best(&t) && t.n <= 2);
}

TEST(bpp_is_of_the_whole_file)
{
    lic_target t;
    lic_target_begin(&t, LIC_TARGET_BPP, 0.3, 80000);
    CHECK(t.kind == LIC_TARGET_SIZE && t.value == 3000); /* 0.3 * 80000 / 8 is 2999.99... */
    lic_target_begin(&t, LIC_TARGET_BPP, 0.3, 80001);
    CHECK(t.value == 3000);
}

TEST(lambdas)
{
    const lic_model_info m = {.name = "m", .levels = 12, .lambda = {0.00066f, 0.4846f}},
                         silent = {.name = "silent", .levels = 12};
    double quality = -1;
    lic_error err;
    for (int q = 0; q <= 100; q += 5) {
        CHECK(!lic_rates_quality(&m, lic_rates_lambda(&m, q), &quality, &err));
        CHECK(fabs(quality - q) < 1e-9);
    }
    CHECK(!lic_rates_quality(&m, 0.00066, &quality, &err) && fabs(quality) < 1e-4);
    CHECK(!lic_rates_quality(&m, 0.4846, &quality, &err) && fabs(quality - 100) < 1e-4);
    CHECK(lic_rates_quality(&m, 0.00065, &quality, &err) == LIC_ERR_ARGUMENT);
    CHECK(lic_rates_quality(&m, 0.49, &quality, &err) == LIC_ERR_ARGUMENT);
    CHECK(strstr(err.text, "0.00066 to 0.4846"));
    CHECK(lic_rates_lambda(&silent, 50) == 0);
    CHECK(lic_rates_quality(&silent, 0.01, &quality, &err) == LIC_ERR_ARGUMENT);
}
