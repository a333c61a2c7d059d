// Exponential and its kin over vectors. In float they are polynomials (within 2 units of the last place of the result,
// or 1.5e-7 for erf); in double they are the C library's.
#pragma once
#include "vectors.h"

namespace {

INLINE Floats exponential(Floats x) {
    // exp(x) = 2^n exp(r); below -86.6 the smallest normal numbers, so that no lane is subnormal.
    x = x > 88.3f ? spread(88.3f) : x;
    x = x < -86.6f ? spread(-86.6f) : x;
    Floats shifted = x * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23: rounds to the nearest whole number
    Floats n = shifted - 12582912.0f;
    Floats r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    // Coefficients: Cephes, expf (Moshier).
    Floats y = r * 1.9875691500e-4f + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * (r * r) + r + 1.0f;
    return (Floats)((Ints)y + ((Ints)shifted << 23));
}
INLINE Doubles exponential(Doubles x) {
    for (int i = 0; i < LANES<double>; i++) x[i] = exp(x[i]);
    return x;
}

INLINE Floats magnitude(Floats x) { return x < 0 ? -x : x; }
INLINE Doubles magnitude(Doubles x) { return x < 0 ? -x : x; }

INLINE Floats hyperbolic_tangent(Floats x) {
    Floats size = magnitude(x), z = x * x;
    // Coefficients: Cephes, tanhf (Moshier); far from zero by the exponential.
    Floats near = z * -5.70498872745e-3f + 2.06390887954e-2f;
    near = near * z + -5.37397155531e-2f;
    near = near * z + 1.33314422036e-1f;
    near = near * z + -3.33332819422e-1f;
    near = near * z * x + x;
    Floats far = 1.0f - 2.0f / (exponential(size + size) + 1.0f);
    return size > 0.625f ? (x < 0 ? -far : far) : near;
}
INLINE Doubles hyperbolic_tangent(Doubles x) {
    for (int i = 0; i < LANES<double>; i++) x[i] = tanh(x[i]);
    return x;
}

INLINE Floats error_function(Floats x) {
    // Abramowitz and Stegun 7.1.26.
    Floats size = magnitude(x), t = 1.0f / (size * 0.3275911f + 1.0f);
    Floats y = t * 1.061405429f + -1.453152027f;
    y = y * t + 1.421413741f;
    y = y * t + -0.284496736f;
    y = y * t + 0.254829592f;
    y = 1.0f - y * t * exponential(-size * size);
    return x < 0 ? -y : y;
}
INLINE Doubles error_function(Doubles x) {
    for (int i = 0; i < LANES<double>; i++) x[i] = erf(x[i]);
    return x;
}

template <class V> INLINE V sigmoid(V x) { return 1 / (exponential(-x) + 1); }

INLINE Floats logarithm(Floats x) {
    for (int i = 0; i < LANES<float>; i++) x[i] = logf(x[i]);
    return x;
}
INLINE Doubles logarithm(Doubles x) {
    for (int i = 0; i < LANES<double>; i++) x[i] = log(x[i]);
    return x;
}
INLINE Floats logarithm_of_one_more(Floats x) {
    for (int i = 0; i < LANES<float>; i++) x[i] = log1pf(x[i]);
    return x;
}
INLINE Doubles logarithm_of_one_more(Doubles x) {
    for (int i = 0; i < LANES<double>; i++) x[i] = log1p(x[i]);
    return x;
}

}  // namespace
