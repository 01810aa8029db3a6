/* attention_impl.h - the kernel of attention (strict.h), a part of strict_impl.h. What is done for
 * each row, a norm or a softmax, is done for 16 side by side: their sums, roots and quotients are
 * lanes of one vector. */

enum { MAX_TOKENS = 64 };

/* `scale` divided by max(|x|, 1e-6) for up to 16 rows x of d; the sum under the root is taken in 16
 * lanes, then by halves. */
static v16 cosine_factors(const float *x, size_t pitch, int rows, int d, float scale)
{
    v16 sums[LIC_LANES];
    for (int r = 0; r < LIC_LANES; r++) {
        v16 sum = v16_set(0.0f);
        for (int c = 0; r < rows && c < d; c += LIC_LANES) {
            const v16 a = load_tail(x + (size_t)r * pitch + c, d - c);
            sum = v16_fma(a, a, sum);
        }
        sums[r] = sum;
    }
    const v16 norm = v16_sqrt(v16_sum_each(sums));
    return v16_div(v16_set(scale), v16_max(norm, v16_set(1e-6f)));
}

/* Sixteen keys from the j-th on, to columns of `keys`, [d][nk]: the right side of the score
 * product. */
static void turn_keys(const lic_attention *a, int j, float *keys)
{
    const float *k = a->k + (size_t)j * a->kv_pitch;
    const v16 one = v16_set(1.0f);
    const v16 factors = a->cosine ? cosine_factors(k, a->kv_pitch, LIC_LANES, a->d, 1.0f) : one;
    for (int c = 0; c < a->d; c += LIC_LANES) {
        const int n = a->d - c < LIC_LANES ? a->d - c : LIC_LANES;
        v16 block[LIC_LANES];
        UNROLL for (int i = 0; i < LIC_LANES; i++) block[i] =
            load_tail(k + (size_t)i * a->kv_pitch + c, n);
        v16_transpose(block);
        float *to = keys + (size_t)c * (size_t)a->nk + j;
        UNROLL for (int i = 0; i < LIC_LANES; i++)
        {
            if (i < n)
                v16_store(to + (size_t)i * (size_t)a->nk,
                          a->cosine ? v16_mul(block[i], factors) : block[i]);
        }
    }
}

/* Up to 16 queries from the i-th on, to rows of `queries`, [nq][d]. */
static void scale_queries(const lic_attention *a, int i, float *queries)
{
    const int rows = a->nq - i < LIC_LANES ? a->nq - i : LIC_LANES;
    const float *q = a->q + (size_t)i * a->q_pitch;
    float factors[LIC_LANES];
    v16_store(factors, a->cosine ? cosine_factors(q, a->q_pitch, rows, a->d, a->scale)
                                 : v16_set(1.0f / sqrt1((float)a->d)));
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < a->d; c += LIC_LANES)
            store_tail(
                queries + (size_t)(i + r) * (size_t)a->d + c,
                v16_mul(load_tail(q + (size_t)r * a->q_pitch + c, a->d - c), v16_set(factors[r])),
                a->d - c);
}

/* Scores of one query, with bias and mask; the greatest in each lane. */
static v16 biased(float *s, const float *bias, const float *mask, int nk)
{
    v16 top = v16_set(-3.0e38f);
    for (int j = 0; j < nk; j += LIC_LANES) {
        v16 a = v16_load(s + j);
        if (bias)
            a = v16_add(a, v16_load(bias + j));
        if (mask)
            a = v16_add(a, v16_load(mask + j));
        v16_store(s + j, a);
        top = v16_max(top, a);
    }
    return top;
}

/* Scores of up to 16 queries to probabilities. s, bias and mask [rows][nk] */
static void softmax(float *s, const float *bias, const float *mask, int rows, int nk)
{
    v16 of_rows[LIC_LANES];
    float tops[LIC_LANES], factors[LIC_LANES];
    for (int r = 0; r < LIC_LANES; r++)
        of_rows[r] = r < rows ? biased(s + r * nk, bias ? bias + r * nk : NULL,
                                       mask ? mask + r * nk : NULL, nk)
                              : v16_set(0.0f);
    v16_store(tops, v16_hmax_each(of_rows));
    for (int r = 0; r < LIC_LANES; r++) {
        const v16 top = v16_set(tops[r]);
        v16 sum = v16_set(0.0f);
        for (int j = r * nk; r < rows && j < (r + 1) * nk; j += LIC_LANES) {
            const v16 e = v16_exp(v16_sub(v16_load(s + j), top));
            v16_store(s + j, e);
            sum = v16_add(sum, e);
        }
        of_rows[r] = sum;
    }
    v16_store(factors, v16_div(v16_set(1.0f), v16_sum_each(of_rows)));
    for (int r = 0; r < rows; r++)
        for (int j = r * nk; j < (r + 1) * nk; j += LIC_LANES)
            v16_store(s + j, v16_mul(v16_load(s + j), v16_set(factors[r])));
}

static void attention(const lic_attention *a)
{
    const size_t d = (size_t)a->d, nk = (size_t)a->nk;
    float *scores = a->scratch, *keys = scores + MAX_TOKENS * nk, *queries = keys + d * nk;
    const float *in[MAX_TOKENS];
    float *out[MAX_TOKENS];
    for (int j = 0; j < a->nk; j += LIC_LANES)
        turn_keys(a, j, keys);
    for (int i = 0; i < a->nq; i += LIC_LANES)
        scale_queries(a, i, queries);
    for (int i = 0; i < a->nq; i++) {
        in[i] = queries + (size_t)i * d;
        out[i] = scores + (size_t)i * nk;
    }
    lic_gemm product = {.in = in,
                        .out = out,
                        .w = keys,
                        .w_pitch = nk,
                        .panel_pitch = LIC_PANEL,
                        .rows = a->nq,
                        .taps = 1,
                        .k = a->d,
                        .n = a->nk};
    gemm(&product);
    for (int i = 0; i < a->nq; i += LIC_LANES) {
        const size_t at = (size_t)i * nk;
        softmax(scores + at, a->bias ? a->bias + at : NULL, a->mask ? a->mask + at : NULL,
                a->nq - i < LIC_LANES ? a->nq - i : LIC_LANES, a->nk);
    }
    for (int i = 0; i < a->nq; i++) {
        in[i] = scores + (size_t)i * nk;
        out[i] = a->out + (size_t)i * a->out_pitch;
    }
    product.w = a->v;
    product.w_pitch = a->kv_pitch;
    product.k = a->nk;
    product.n = a->d;
    gemm(&product);
}
