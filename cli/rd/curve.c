/* curve.c - lic_curve_compare of curve.h. It integrates the logarithm of rate as a function of
 * quality, and quality as a function of the logarithm of rate, over the span that both curves have.
 * The figure is the mean difference. PCHIP (Fritsch and Carlson 1980, slopes as in scipy and
 * MATLAB) follows the points without overshoot. The cubic is Bjontegaard's own of 2001, by least
 * squares. */
#include "cli/rd/curve.h"

#include "cli/base/report.h"

#include <math.h>

/* y as a function of rising x, n >= 3; n >= 4 for the cubic. */
struct function {
    const double *x, *y;
    int n;
};

/* ---- PCHIP ---- */

/* Slope at an end, from the two nearest intervals, limited so that the curve does not change
 * direction. */
static double end_slope(double h0, double h1, double d0, double d1)
{
    double slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1);
    if (slope * d0 <= 0)
        return 0;
    if (d0 * d1 <= 0 && fabs(slope) > 3 * fabs(d0))
        return 3 * d0;
    return slope;
}

/* Slope at point i: the weighted harmonic mean of both sides. */
static double slope_at(const struct function *f, int i)
{
    const double *x = f->x, *y = f->y;
    int n = f->n;
    if (i == 0)
        return end_slope(x[1] - x[0], x[2] - x[1], (y[1] - y[0]) / (x[1] - x[0]),
                         (y[2] - y[1]) / (x[2] - x[1]));
    if (i == n - 1)
        return end_slope(x[n - 1] - x[n - 2], x[n - 2] - x[n - 3],
                         (y[n - 1] - y[n - 2]) / (x[n - 1] - x[n - 2]),
                         (y[n - 2] - y[n - 3]) / (x[n - 2] - x[n - 3]));
    double h0 = x[i] - x[i - 1], h1 = x[i + 1] - x[i];
    double d0 = (y[i] - y[i - 1]) / h0, d1 = (y[i + 1] - y[i]) / h1;
    if (d0 * d1 <= 0)
        return 0;
    double w0 = 2 * h1 + h0, w1 = h1 + 2 * h0;
    return (w0 + w1) / (w0 / d0 + w1 / d1);
}

/* Between points i and i + 1: c[0] + c[1] t + c[2] t^2 + c[3] t^3, t from the left one. */
static void piece(const struct function *f, int i, double c[4])
{
    double h = f->x[i + 1] - f->x[i], d = (f->y[i + 1] - f->y[i]) / h;
    double m0 = slope_at(f, i), m1 = slope_at(f, i + 1);
    c[0] = f->y[i];
    c[1] = m0;
    c[2] = (3 * d - 2 * m0 - m1) / h;
    c[3] = (m0 + m1 - 2 * d) / (h * h);
}

static double integrate_pchip(const struct function *f, double low, double high)
{
    double sum = 0;
    for (int i = 0; i + 1 < f->n; i++) {
        double from = fmax(low, f->x[i]), to = fmin(high, f->x[i + 1]);
        if (from >= to)
            continue;
        double ends[2] = {from - f->x[i], to - f->x[i]}, parts[2], c[4];
        piece(f, i, c);
        for (int e = 0; e < 2; e++) {
            double t = ends[e];
            parts[e] = t * (c[0] + t * (c[1] / 2 + t * (c[2] / 3 + t * c[3] / 4)));
        }
        sum += parts[1] - parts[0];
    }
    return sum;
}

/* x must not be beyond the points. */
static double value_at(const struct function *f, double x)
{
    double c[4];
    int i = 0;
    while (i + 2 < f->n && x >= f->x[i + 1])
        i++;
    const double t = x - f->x[i];
    piece(f, i, c);
    return c[0] + t * (c[1] + t * (c[2] + t * c[3]));
}

/* ---- cubic ---- */

enum { TERMS = 4 };

/* Solves a [4][4] x = b by elimination; the matrix is symmetric and positive definite. */
static void solve(double a[TERMS][TERMS], double *b)
{
    for (int k = 0; k < TERMS; k++)
        for (int i = k + 1; i < TERMS; i++) {
            double factor = a[i][k] / a[k][k];
            for (int j = k; j < TERMS; j++)
                a[i][j] -= factor * a[k][j];
            b[i] -= factor * b[k];
        }
    for (int k = TERMS - 1; k >= 0; k--) {
        for (int j = k + 1; j < TERMS; j++)
            b[k] -= a[k][j] * b[j];
        b[k] /= a[k][k];
    }
}

/* Legendre polynomials, nearly orthogonal over the points, so that the normal equations lose no
 * digits that matter. */
static void legendre(double t, double *p)
{
    p[0] = 1;
    p[1] = t;
    p[2] = (3 * t * t - 1) / 2;
    p[3] = (5 * t * t - 3) * t / 2;
}

/* Integrals of the four from -1 to t, up to constants. */
static void legendre_integrals(double t, double *p)
{
    p[0] = t;
    p[1] = t * t / 2;
    p[2] = (t * t - 1) * t / 2;
    p[3] = (5 * t * t - 6) * t * t / 8;
}

static double integrate_cubic(const struct function *f, double low, double high)
{
    double a[TERMS][TERMS] = {{0}}, b[TERMS] = {0}, p[TERMS], q[TERMS], sum = 0;
    double middle = (f->x[0] + f->x[f->n - 1]) / 2, half = (f->x[f->n - 1] - f->x[0]) / 2;
    for (int i = 0; i < f->n; i++) {
        legendre((f->x[i] - middle) / half, p);
        for (int j = 0; j < TERMS; j++) {
            b[j] += p[j] * f->y[i];
            for (int k = 0; k < TERMS; k++)
                a[j][k] += p[j] * p[k];
        }
    }
    solve(a, b);
    legendre_integrals((low - middle) / half, p);
    legendre_integrals((high - middle) / half, q);
    for (int j = 0; j < TERMS; j++)
        sum += b[j] * (q[j] - p[j]);
    return sum * half;
}

/* ---- both ---- */

typedef double (*integrate_fn)(const struct function *f, double low, double high);

static double mean_difference(integrate_fn integrate, const struct function *anchor,
                              const struct function *test, double low, double high)
{
    return (integrate(test, low, high) - integrate(anchor, low, high)) / (high - low);
}

static double per_cent(double log_ratio)
{
    return 100 * expm1(log_ratio);
}

static void logarithms(const lic_curve *curve, double *log_bpp)
{
    for (int i = 0; i < curve->n; i++)
        log_bpp[i] = log(curve->bpp[i]);
}

struct span {
    double low, high;
};

/* The span of quality that both curves have, or the window if both have all of it. */
static lic_status find_span(const lic_curve *a, const lic_curve *t, const double *window,
                            struct span *span, lic_error *err)
{
    double low = fmax(a->db[0], t->db[0]), high = fmin(a->db[a->n - 1], t->db[t->n - 1]);
    if (!(low < high))
        return lic_report_fail(err, LIC_ERR_ARGUMENT,
                               "the curves do not overlap: %.4f..%.4f dB and %.4f..%.4f dB",
                               a->db[0], a->db[a->n - 1], t->db[0], t->db[t->n - 1]);
    if (window && (window[0] < low || window[1] > high))
        return lic_report_fail(err, LIC_ERR_ARGUMENT,
                               "the curves overlap in %.4f..%.4f dB only, less than the window",
                               low, high);
    *span = window ? (struct span){window[0], window[1]} : (struct span){low, high};
    return LIC_OK;
}

/* The span of the logarithm of rate that both curves have. With a window, the curves count as if
 * they ended there. */
static struct span find_rates(const struct function *a, const struct function *t,
                              const double *window)
{
    if (!window)
        return (struct span){fmax(a->y[0], t->y[0]), fmin(a->y[a->n - 1], t->y[t->n - 1])};
    return (struct span){fmax(value_at(a, window[0]), value_at(t, window[0])),
                         fmin(value_at(a, window[1]), value_at(t, window[1]))};
}

/* Compares a point and a curve where the point is. */
static lic_status compare_point(const lic_curve *a, const lic_curve *t, lic_curve_difference *d,
                                lic_error *err)
{
    double log_bpp[LIC_CURVE_MAX_POINTS];
    const lic_curve *point = a->n == 1 ? a : t, *curve = a->n == 1 ? t : a;
    const double log_rate = log(point->bpp[0]), db = point->db[0], sign = point == t ? 1 : -1;
    const int last = curve->n - 1;
    logarithms(curve, log_bpp);
    const struct function rate = {curve->db, log_bpp, curve->n};
    const struct function quality = {log_bpp, curve->db, curve->n};
    *d = (lic_curve_difference){.low_db = db,
                                .high_db = db,
                                .low_bpp = point->bpp[0],
                                .high_bpp = point->bpp[0],
                                .overlap = 1,
                                .rate_pchip = NAN,
                                .db_pchip = NAN,
                                .rate_cubic = NAN,
                                .db_cubic = NAN,
                                .at_point = true};
    if (db >= curve->db[0] && db <= curve->db[last])
        d->rate_pchip = per_cent(sign * (log_rate - value_at(&rate, db)));
    if (log_rate >= log_bpp[0] && log_rate <= log_bpp[last])
        d->db_pchip = sign * (db - value_at(&quality, log_rate));
    if (isfinite(d->rate_pchip) || isfinite(d->db_pchip))
        return LIC_OK;
    return lic_report_fail(err, LIC_ERR_ARGUMENT,
                           "the point of %.4f bpp and %.4f dB lies beyond the curve", point->bpp[0],
                           db);
}

static double overlap_of(const lic_curve *a, const lic_curve *t)
{
    const double low = fmax(a->db[0], t->db[0]), high = fmin(a->db[a->n - 1], t->db[t->n - 1]);
    return (high - low) / fmin(a->db[a->n - 1] - a->db[0], t->db[t->n - 1] - t->db[0]);
}

lic_status lic_curve_compare(const lic_curve *a, const lic_curve *t, const double *window,
                             lic_curve_difference *d, lic_error *err)
{
    double log_a[LIC_CURVE_MAX_POINTS], log_t[LIC_CURVE_MAX_POINTS];
    if (a->n == 1 && t->n == 1)
        return lic_report_fail(err, LIC_ERR_ARGUMENT, "is a point, and so is the other one");
    if ((a->n == 1 || t->n == 1) && window)
        return lic_report_fail(err, LIC_ERR_ARGUMENT,
                               "--window is for two curves, not for a point");
    if (a->n == 1 || t->n == 1)
        return compare_point(a, t, d, err);
    logarithms(a, log_a);
    logarithms(t, log_t);
    const struct function rate_a = {a->db, log_a, a->n}, rate_t = {t->db, log_t, t->n};
    const struct function db_a = {log_a, a->db, a->n}, db_t = {log_t, t->db, t->n};
    struct span db = {0, 0};
    const lic_status status = find_span(a, t, window, &db, err);
    if (status != LIC_OK)
        return status;
    const struct span rate = find_rates(&rate_a, &rate_t, window);
    *d = (lic_curve_difference){.low_db = db.low,
                                .high_db = db.high,
                                .low_bpp = exp(rate.low),
                                .high_bpp = exp(rate.high),
                                .overlap = overlap_of(a, t),
                                .rate_cubic = NAN,
                                .db_pchip = NAN,
                                .db_cubic = NAN};
    const bool cubic = a->n >= LIC_CURVE_MIN_POINTS && t->n >= LIC_CURVE_MIN_POINTS;
    d->rate_pchip = per_cent(mean_difference(integrate_pchip, &rate_a, &rate_t, db.low, db.high));
    if (cubic)
        d->rate_cubic =
            per_cent(mean_difference(integrate_cubic, &rate_a, &rate_t, db.low, db.high));
    if (rate.low < rate.high) {
        d->db_pchip = mean_difference(integrate_pchip, &db_a, &db_t, rate.low, rate.high);
        if (cubic)
            d->db_cubic = mean_difference(integrate_cubic, &db_a, &db_t, rate.low, rate.high);
    }
    return LIC_OK;
}
