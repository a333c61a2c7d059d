// Matrix products held in registers a tile at a time; what is done with a finished tile is the caller's `Sink`.
#pragma once
#include "dropout.h"
#include "vectors.h"

namespace {

// One tile: ROWS rows of a times NB vectors of b's columns.
template <class T, int ROWS, int NB, class S>
INLINE void tile(long depth, const T* a, long row_step, long depth_step, const T* b, long b_stride, S& sink, long row,
                 long column) {
    typedef Vector<T> V;
    V sums[ROWS][NB] = {};
    for (int m = 0; m < ROWS; m++) sink.foresee(row + m, column, NB);
    for (long k = 0; k < depth; k++) {
        V right[NB];
#pragma GCC unroll 4
        for (int n = 0; n < NB; n++) right[n] = load(b + k * b_stride + n * LANES<T>);
#pragma GCC unroll 16
        for (int m = 0; m < ROWS; m++) {
            V left = spread<T>(a[m * row_step + k * depth_step]);
#pragma GCC unroll 4
            for (int n = 0; n < NB; n++) sums[m][n] += left * right[n];
        }
    }
#pragma GCC unroll 16
    for (int m = 0; m < ROWS; m++)
#pragma GCC unroll 4
        for (int n = 0; n < NB; n++) sink.take(row + m, column + n * LANES<T>, sums[m][n]);
}

template <class T, int NB, class S>
INLINE void strip(long rows, long depth, const T* a, long row_step, long depth_step, const T* b, long b_stride, S& sink,
                  long column) {
    long m = 0;
    for (; m + TILE_ROWS <= rows; m += TILE_ROWS)
        tile<T, TILE_ROWS, NB>(depth, a + m * row_step, row_step, depth_step, b, b_stride, sink, m, column);
    for (; m + 2 <= rows; m += 2)
        tile<T, 2, NB>(depth, a + m * row_step, row_step, depth_step, b, b_stride, sink, m, column);
    for (; m < rows; m++)
        tile<T, 1, NB>(depth, a + m * row_step, row_step, depth_step, b, b_stride, sink, m, column);
}

constexpr long LEAST_ROWS_PACKED = 32;        // below it copying a strip of b costs more than it gains
constexpr long MOST_BYTES_UNPACKED = 1 << 15;  // b within the first cache needs no copying

// sink(m, n) = sum over k of a[m * row_step + k * depth_step] * b[k][n]; columns are a multiple of PAD.
// `panel` has room for [depth][2 * LANES]: strips of a large b are copied there, since its rows, a power of two apart,
// would all fall on the same few lines of the cache.
template <class T, class S>
void product(long rows, long columns, long depth, const T* a, long row_step, long depth_step, const T* b, long b_stride,
             T* panel, S sink) {
    long n = 0;
    const bool packs = rows >= LEAST_ROWS_PACKED && depth * b_stride * (long)sizeof(T) > MOST_BYTES_UNPACKED;
    for (; n + 2 * LANES<T> <= columns; n += 2 * LANES<T>) {
        if (!packs) {
            strip<T, 2>(rows, depth, a, row_step, depth_step, b + n, b_stride, sink, n);
            continue;
        }
        for (long k = 0; k < depth; k++) {
            store(panel + k * 2 * LANES<T>, load(b + k * b_stride + n));
            store(panel + k * 2 * LANES<T> + LANES<T>, load(b + k * b_stride + n + LANES<T>));
        }
        strip<T, 2>(rows, depth, a, row_step, depth_step, panel, 2 * LANES<T>, sink, n);
    }
    for (; n < columns; n += LANES<T>)
        strip<T, 1>(rows, depth, a, row_step, depth_step, b + n, b_stride, sink, n);
}

// Sinks.

struct Sink {
    // Called before a tile is computed: what its end will need from far away can be fetched meanwhile.
    INLINE_MEMBER void foresee(long, long, int) {}
};

template <class T> struct Put : Sink {
    T* to;
    long stride;
    Put(T* to, long stride) : to(to), stride(stride) {}
    INLINE_MEMBER void take(long m, long n, Vector<T> value) { store(to + m * stride + n, value); }
};

template <class T, bool RELU_TOO> struct PutWithBias : Sink {
    T* to;
    long stride;
    const T* bias;
    PutWithBias(T* to, long stride, const T* bias) : to(to), stride(stride), bias(bias) {}
    INLINE_MEMBER void take(long m, long n, Vector<T> value) {
        if (bias) value += load(bias + n);
        if (RELU_TOO) value = value < 0 ? Vector<T>{} : value;  // not-a-number stays
        store(to + m * stride + n, value);
    }
};

// With the bias, a ReLU and dropout after it.
template <class T> struct PutWithDropout : Sink {
    T* to;
    long stride;
    const T* bias;
    DropoutMask<T> mask;
    PutWithDropout(T* to, long stride, const T* bias, DropoutMask<T> mask)
        : to(to), stride(stride), bias(bias), mask(mask) {}
    INLINE_MEMBER void take(long m, long n, Vector<T> value) {
        if (bias) value += load(bias + n);
        value = value < 0 ? Vector<T>{} : value;  // not-a-number stays
        store(to + m * stride + n, value * mask.factors(m, n));
    }
};

// A gradient where the unit that it belongs to is above zero: the way back through a ReLU, and through a dropout after
// it, which leaves no unit above zero that it drops.
template <class T> struct WhereAlive {
    const T* unit;
    T scale;  // the dropout's 1 / (1 - p), or 1
    INLINE_MEMBER Vector<T> operator()(Vector<T> value, long at) const {
        return load(unit + at) > 0 ? value * scale : Vector<T>{};
    }
};

template <class T, class F> struct PutFinished : Sink {
    T* to;
    long stride;
    F finish;
    PutFinished(T* to, long stride, F finish) : to(to), stride(stride), finish(finish) {}
    INLINE_MEMBER void take(long m, long n, Vector<T> value) {
        store(to + m * stride + n, finish(value, m * stride + n));
    }
};

}  // namespace
