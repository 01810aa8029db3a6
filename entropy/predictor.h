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
    int32_t of[LIC_PREDICTORS];
} lic_misses;

/* Rows point at the sample of column 0. */
typedef struct lic_plane {
    int32_t *samples[3]; /* this row, the one above, and above that */
    int32_t *errors[3];  /* of the final predictions */
    lic_misses *misses[2];
    lic_misses *misses_above; /* sums of three in the row above */
    int32_t *errors_above;    /* sums of sizes in the rows above */
    const lic_predictor_tables *tables;
    int32_t lowest, highest; /* of the samples */
    int shift;               /* that brings differences to 12 bits and a sign */
    int n_others;            /* planes before it that the linear predictor looks at */
    bool slopes;
    lic_taps taps;
    int32_t bias[LIC_BIAS_CONTEXTS]; /* in 1 / 32 of an eighth */
} lic_plane;

typedef struct lic_prediction {
    int32_t value;   /* eighths, within the plane's range */
    uint32_t energy; /* how far off it may be: errors around, disagreement */
    unsigned level;  /* lic_log2_quarters of energy */
    uint32_t spread; /* of the predictors */
    uint32_t range;  /* of the four neighbours */
} lic_prediction;

static inline unsigned lic_quarters(const lic_predictor_tables *t, uint32_t v)
{
    return v < LIC_SMALL ? t->quarters[v] : lic_log2_quarters(v);
}

/* A prediction on its way. */
typedef struct lic_predicting {
    int32_t by[LIC_PREDICTORS];
    int32_t mixed;
    int32_t *bias;
    int16_t inputs[3 * LIC_LANES];
    int32_t base[3], here[3]; /* of the plane and of those before it */
    lic_tap_sums sums;
    int32_t low, high; /* of all predictors but the linear one */
    int64_t weighted;  /* their sum, weighted */
    uint32_t weights, last_weight;
    uint32_t least, energy, range;
} lic_predicting;

void lic_predictor_tables_init(lic_predictor_tables *tables);
/* slopes: the third predictor, and what lies beyond the first row and column, goes on in a straight
 * line. */
void lic_plane_init(lic_plane *plane, int32_t lowest, int32_t highest, int bits, int n_others,
                    bool slopes);
/* Moves the rows up by one; y is the row to come, of `width` samples. */
void lic_plane_next_row(lic_plane *plane, uint32_t y, uint32_t width);
/* Predicts plane `index` of `planes`, in two steps: before and after the planes before it have
 * their sample at x. What is done first can be done while other planes are decoded. */
void lic_predict_begin(lic_plane *planes, int index, uint32_t x, uint32_t y, lic_predicting *work);
void lic_predict_end(lic_plane *planes, int index, uint32_t x, lic_predicting *work,
                     lic_prediction *p);
/* Enters the sample at x that `p` was for. */
void lic_predict_learn(lic_plane *plane, uint32_t x, lic_predicting *work, const lic_prediction *p,
                       int32_t sample);
/* Predicts, and learns, samples x .. end - 1, which are there already, as are those of the planes
 * before. In row 0, this can be one sample only. */
void lic_predict_known(lic_plane *planes, int index, uint32_t x, uint32_t end, uint32_t y,
                       lic_prediction *p);
/* Enters a sample that was known without a prediction. */
void lic_predict_skip(lic_plane *plane, uint32_t x, uint32_t y, int32_t sample);

#endif
