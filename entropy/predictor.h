/* predictor.h - predicts the next sample of a plane from its neighbours and from the planes that
 * already have this pixel.
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

#include <stdbool.h>
#include <stdint.h>

enum {
    LIC_MAX_PLANES = 4,
    LIC_PREDICTORS = 4,
    LIC_TAPS_OWN = 6,   /* of the linear predictor, in the plane itself */
    LIC_TAPS_OTHER = 5, /* and in each plane before it */
    LIC_TAPS = LIC_TAPS_OWN + 2 * LIC_TAPS_OTHER,
    LIC_PLANE_MARGIN = 2, /* samples that rows have before and behind them */
    LIC_BIAS_CONTEXTS = 1024
};

/* Misses of the predictors at one position, in eighths. */
typedef struct lic_misses {
    int32_t of[LIC_PREDICTORS];
} lic_misses;

/* Rows point at the sample of column 0. */
typedef struct lic_plane {
    int32_t *samples[3]; /* this row, the one above, and above that */
    int32_t *errors[3];  /* of the final predictions */
    lic_misses *misses[2];
    lic_misses *misses_above; /* sums of three in the row above */
    int32_t lowest, highest;  /* of the samples */
    int shift;                /* that brings differences to 13 bits and a sign */
    int n_others;             /* planes before it that the linear predictor looks at */
    bool slopes;
    int32_t taps[LIC_TAPS];          /* in 1 / 65536 */
    int32_t bias[LIC_BIAS_CONTEXTS]; /* in 1 / 32 of an eighth */
} lic_plane;

typedef struct lic_prediction {
    int32_t value;   /* eighths, within the plane's range */
    uint32_t energy; /* how far off it may be: errors around, disagreement */
    uint32_t spread; /* of the predictors */
    uint32_t range;  /* of the four neighbours */
    /* what learning needs */
    int32_t by[LIC_PREDICTORS];
    int32_t mixed;
    int32_t inputs[LIC_TAPS];
    int32_t norm;
    int32_t *bias;
} lic_prediction;

/* slopes: the third predictor, and what lies beyond the first row and column, goes on in a straight
 * line. */
void lic_plane_init(lic_plane *plane, int32_t lowest, int32_t highest, int bits, int n_others,
                    bool slopes);
/* Moves the rows up by one; y is the row to come, of `width` samples. */
void lic_plane_next_row(lic_plane *plane, uint32_t y, uint32_t width);
/* Predicts plane `index` of `planes`. The planes before it already have their sample at x. */
void lic_predict(lic_plane *planes, int index, uint32_t x, uint32_t y, lic_prediction *p);
/* Enters the sample at x that `p` was for. */
void lic_predict_learn(lic_plane *plane, uint32_t x, const lic_prediction *p, int32_t sample);
/* Enters a sample that was known without a prediction. */
void lic_predict_skip(lic_plane *plane, uint32_t x, uint32_t y, int32_t sample);

#endif
