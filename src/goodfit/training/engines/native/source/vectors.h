// Vectors as wide as this instruction set has them, by the compilers' own vector types: one source for all of them.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#if defined(__AVX512F__) || defined(__aarch64__)
#define TILE_ROWS 8  // 32 registers
#else
#define TILE_ROWS 6  // 16 registers
#endif
#define INLINE static inline __attribute__((always_inline))
#define INLINE_MEMBER inline __attribute__((always_inline))

namespace {

typedef float Floats __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef double Doubles __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));

template <class T> struct Of;
template <> struct Of<float> { typedef Floats V; };
template <> struct Of<double> { typedef Doubles V; };
template <class T> using Vector = typename Of<T>::V;
template <class T> constexpr int LANES = VECTOR_BYTES / sizeof(T);

constexpr long PAD = 16;  // every row of weights and activations is a multiple of this many numbers
INLINE long padded(long count) { return (count + PAD - 1) / PAD * PAD; }

template <class T> INLINE Vector<T> load(const T* at) { return *(const Vector<T>*)at; }
template <class T> INLINE void store(T* at, Vector<T> value) { *(Vector<T>*)at = value; }
template <class T> INLINE Vector<T> spread(T value) { return value - Vector<T>{}; }  // minus 0, so that -0 stays

INLINE float root(float x) { return __builtin_sqrtf(x); }
INLINE double root(double x) { return __builtin_sqrt(x); }
#if defined(__AVX512F__)
INLINE Floats root(Floats x) { return (Floats)_mm512_sqrt_ps((__m512)x); }
INLINE Doubles root(Doubles x) { return (Doubles)_mm512_sqrt_pd((__m512d)x); }
#elif defined(__AVX__)
INLINE Floats root(Floats x) { return (Floats)_mm256_sqrt_ps((__m256)x); }
INLINE Doubles root(Doubles x) { return (Doubles)_mm256_sqrt_pd((__m256d)x); }
#elif defined(__SSE2__)
INLINE Floats root(Floats x) { return (Floats)_mm_sqrt_ps((__m128)x); }
INLINE Doubles root(Doubles x) { return (Doubles)_mm_sqrt_pd((__m128d)x); }
#elif defined(__aarch64__)
INLINE Floats root(Floats x) { return (Floats)vsqrtq_f32((float32x4_t)x); }
INLINE Doubles root(Doubles x) { return (Doubles)vsqrtq_f64((float64x2_t)x); }
#else
INLINE Floats root(Floats x) { for (int i = 0; i < LANES<float>; i++) x[i] = root(x[i]); return x; }
INLINE Doubles root(Doubles x) { for (int i = 0; i < LANES<double>; i++) x[i] = root(x[i]); return x; }
#endif

// Which value where a condition holds on a lane; not-a-number fails every comparison, so it goes to the second.
INLINE float choose(bool when, float yes, float no) { return when ? yes : no; }
INLINE double choose(bool when, double yes, double no) { return when ? yes : no; }

template <class T> INLINE T sum_of_lanes(Vector<T> v) {
    T lanes[LANES<T>];
    memcpy(lanes, &v, sizeof v);
    for (int half = LANES<T> / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    return lanes[0];
}

// The sum of f(i) over a row, in as many lanes as there are.
template <class T> INLINE T sum_of(const T* x, long count) {
    Vector<T> sums{};
    long i = 0;
    for (; i + LANES<T> <= count; i += LANES<T>) sums += load(x + i);
    T sum = sum_of_lanes<T>(sums);
    for (; i < count; i++) sum += x[i];
    return sum;
}
template <class T> INLINE T sum_of_products(const T* x, const T* y, long count) {
    Vector<T> sums{};
    long i = 0;
    for (; i + LANES<T> <= count; i += LANES<T>) sums += load(x + i) * load(y + i);
    T sum = sum_of_lanes<T>(sums);
    for (; i < count; i++) sum += x[i] * y[i];
    return sum;
}

// One stage of a transposition: blocks of STEP lanes change places between two rows.
template <class V, class I, int N, int STEP> INLINE void exchange(V& upper, V& lower) {
    I first, second;
    for (int lane = 0; lane < N; lane++) {
        first[lane] = lane & STEP ? N + lane - STEP : lane;
        second[lane] = lane & STEP ? N + lane : lane + STEP;
    }
    V a = upper, b = lower;
#if defined(__clang__)
    for (int lane = 0; lane < N; lane++) {
        upper[lane] = first[lane] < N ? a[first[lane]] : b[first[lane] - N];
        lower[lane] = second[lane] < N ? a[second[lane]] : b[second[lane] - N];
    }
#else
    upper = __builtin_shuffle(a, b, first);
    lower = __builtin_shuffle(a, b, second);
#endif
}
template <class V, class I, int N, int STEP> INLINE void exchange_all(V* rows) {
    if constexpr (STEP < N) {
#pragma GCC unroll 16
        for (int i = 0; i < N; i++)
            if (!(i & STEP)) exchange<V, I, N, STEP>(rows[i], rows[i + STEP]);
        exchange_all<V, I, N, 2 * STEP>(rows);
    }
}
typedef int32_t Ints __attribute__((vector_size(VECTOR_BYTES)));
typedef int64_t Longs __attribute__((vector_size(VECTOR_BYTES)));
template <class T> struct IndexOf;
template <> struct IndexOf<float> { typedef Ints I; };
template <> struct IndexOf<double> { typedef Longs I; };

struct AsItIs {
    template <class V> INLINE_MEMBER V operator()(V value, long) const { return value; }
};

// to [columns][to_stride] = from [rows][from_stride] turned; both counts are multiples of the lanes. What is stored at
// `to + at` is finish(value, at).
template <class T, class F = AsItIs>
void transpose(const T* from, long from_stride, long rows, long columns, T* to, long to_stride, F finish = F()) {
    constexpr int N = LANES<T>;
    for (long r = 0; r < rows; r += N)
        for (long c = 0; c < columns; c += N) {
            Vector<T> block[N];
#pragma GCC unroll 16
            for (int i = 0; i < N; i++) block[i] = load(from + (r + i) * from_stride + c);
            exchange_all<Vector<T>, typename IndexOf<T>::I, N, 1>(block);
#pragma GCC unroll 16
            for (int i = 0; i < N; i++) {
                long at = (c + i) * to_stride + r;
                store(to + at, finish(block[i], at));
            }
        }
}

}  // namespace
