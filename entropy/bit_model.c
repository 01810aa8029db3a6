/* bit_model.c - see bit_model.h. */
#include "entropy/bit_model.h"

/* 65536 / (1 + exp(-x)) for x = -8, -7.5 .. 8, rounded and held within 32 .. 65504. */
static const uint16_t logistic[33] = {32,    36,    60,    98,    162,   267,   439,   720,   1179,
                                      1921,  3108,  4971,  7812,  11955, 17625, 24743, 32768, 40793,
                                      47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097,
                                      65269, 65374, 65438, 65476, 65500, 65504};

enum { LOGISTIC_STEP = 128 }; /* of 256 to the unit */

static uint16_t squash(int x)
{
    const uint32_t i = (uint32_t)x / LOGISTIC_STEP, part = (uint32_t)x % LOGISTIC_STEP;
    return (uint16_t)((logistic[i] * (LOGISTIC_STEP - part) + logistic[i + 1] * part +
                       LOGISTIC_STEP / 2) /
                      LOGISTIC_STEP);
}

void lic_bit_tables_init(lic_bit_tables *t)
{
    for (int x = 0; x < LIC_SQUASH_SIZE; x++)
        t->squash[x] = squash(x);
    int x = 1;
    for (int p = 0; p < LIC_STRETCH_SIZE; p++) {
        while (x < LIC_SQUASH_SIZE - 1 && t->squash[x] < 16 * p + 8)
            x++;
        t->stretch[p] = (int16_t)(x - LIC_SQUASH_SIZE / 2);
    }
    for (uint32_t n = 0; n < LIC_BIT_COUNTS; n++) {
        t->share[n] = 2 * LIC_CDF_TOTAL / (2 * n + 3);
        t->grows[n] = n < LIC_BIT_COUNTS - 1;
    }
}

void lic_bit_models_init(lic_bit_model *models, size_t n)
{
    for (size_t i = 0; i < n; i++)
        models[i] = LIC_BIT_MODEL_START;
}

void lic_bit_weights_init(lic_bit_weights *weights, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < LIC_BIT_INPUTS; k++)
            weights[i].w[k] = 26214; /* 0.4: together a little surer than any alone */
}
