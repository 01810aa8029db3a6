/* predictor.h - predicts the samples of the next pixel from its neighbours and from the planes
 * that already have this pixel. All planes at once, as far as they do not need each other.
 *
 * Four predictors are weighted by the inverse of the errors that they made nearby: the samples
 * above and to the left, each corrected by the errors near it; the median edge detector of LOCO-I
 * (Weinberger et al. 2000), or for drawn slopes the plane through three neighbours; and a linear
 * predictor over planes whose coefficients follow the normalised LMS rule. (Weighting by past
 * errors: Meyer and Tischer, TMW, 1997.) The result is corrected by the mean error of its context,
 * as in CALIC (Wu and Memon 1997). Predictions are in eighths of a sample; integers only, the same
 * in both directions. FORMAT.md has the arithmetic. */
#ifndef LIC_ENTROPY_PREDICTOR_H
#define LIC_ENTROPY_PREDICTOR_H

#include "entropy/log2.h"
#include "entropy/taps.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    LIC_MAX_PLANES = 4,
    LIC_PREDICTORS = 4,
    LIC_PLANE_MARGIN = 2, /* samples that rows have before and behind them */
    LIC_BIAS_CONTEXTS = 1024,
    LIC_SMALL = 1024 /* tables hold functions of what is smaller */
};

typedef struct lic_predictor_tables {
    uint32_t inverses[LIC_SMALL]; /* how much a predictor weighs, by how much it missed */
    uint8_t quarters[LIC_SMALL];  /* lic_log2_quarters */
} lic_predictor_tables;

/* Misses of the predictors at one position, in eighths. */
typedef struct lic_misses {
    lic_lanes of[LIC_PREDICTORS];
} lic_misses;

/* The predictions of a pixel on their way. Arrays of numbers are filled plane by plane, where there
 * are planes; two planes that come before the first are 0. */
typedef struct lic_predicting {
    lic_around around;
    lic_lanes by[LIC_PREDICTORS - 1]; /* all but the linear one */
    lic_lanes low, high;              /* of these */
    lic_misses missed;                /* nearby */
    lic_lanes base, inputs[LIC_PAIRS], product, norm;
    lic_lanes energy, range, signs;
    int32_t linear[LIC_PLANE_LANES], mixed[LIC_PLANE_LANES], norms[LIC_PLANE_LANES];
    int32_t step[LIC_PLANE_LANES];
    int32_t sample[LIC_PLANE_LANES], error[2 + LIC_PLANE_LANES], here[2 + LIC_PLANE_LANES];
    int32_t *bias[LIC_PLANE_LANES];
} lic_predicting;

/* All planes of a picture, one in each lane. Rows point at the samples of column 0. */
typedef struct lic_predictor {
    lic_lanes *samples[3]; /* this row, the one above, and above that */
    lic_lanes *errors[3];  /* of the final predictions */
    lic_misses *misses[2];
    lic_misses *misses_above; /* sums of three in the row above */
    lic_lanes *errors_above;  /* sums of sizes in the rows above */
    const lic_predictor_tables *tables;
    lic_lanes lowest, highest; /* of the samples */
    lic_lanes others;          /* all ones where the linear predictor looks at the planes before */
    int n_planes, shift;       /* shift brings differences to 12 bits and a sign */
    bool slopes, looks;        /* looks: any of `others` is set */
    lic_taps taps;
    lic_predicting at;
    int32_t bias[LIC_MAX_PLANES][LIC_BIAS_CONTEXTS]; /* in 1 / 32 of an eighth */
} lic_predictor;

/* Of one plane. */
typedef struct lic_prediction {
    int32_t value;  /* eighths, within the plane's range */
    unsigned level; /* lic_log2_quarters of how far off it may be: errors around, disagreement */
    uint32_t other; /* sizes of the errors of the planes before, or spread of the predictors */
    uint32_t range; /* of the four neighbours */
    unsigned signs; /* of the errors to the left and above: 3 * one + the other */
    unsigned sign;  /* of the error of the plane before, see lic_sign */
} lic_prediction;

/* 0: none, 1: below zero, 2: above. */
static inline unsigned lic_sign(int32_t v)
{
    return (unsigned)(v < 0) | (unsigned)(v > 0) << 1;
}

static inline unsigned lic_quarters(const lic_predictor_tables *t, uint32_t v)
{
    return v < LIC_SMALL ? t->quarters[v] : lic_log2_quarters(v);
}

void lic_predictor_tables_init(lic_predictor_tables *tables);
/* Starts another picture in rows that are there already, after `lowest` .. `others` are set, for
 * samples of `bits`. slopes: the third predictor, and what lies beyond the first row and column,
 * goes on in a straight line. */
void lic_predictor_init(lic_predictor *p, uint32_t width, int bits, bool slopes);
/* Moves the rows up by one; y is the row to come, of `width` samples. */
void lic_predictor_next_row(lic_predictor *p, uint32_t y, uint32_t width);
/* Predicts the samples at x: all planes begin, then each ends in turn, and is entered when its
 * sample is known, then all learn. */
void lic_predict_begin(lic_predictor *p, uint32_t x, uint32_t y);
void lic_predict_end(lic_predictor *p, int plane, lic_prediction *prediction);
void lic_predict_enter(lic_predictor *p, int plane, const lic_prediction *prediction,
                       int32_t sample);
void lic_predict_learn(lic_predictor *p, uint32_t x);
/* All of this for samples x .. end - 1, which are there already. */
void lic_predict_known(lic_predictor *p, uint32_t x, uint32_t end, uint32_t y,
                       lic_prediction (*predictions)[LIC_MAX_PLANES]);
/* Enters samples that were known without a prediction. */
void lic_predict_skip(lic_predictor *p, uint32_t x, uint32_t y, lic_lanes samples);

#endif
