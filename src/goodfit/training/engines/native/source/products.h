// Matrix products held in registers a tile at a time; what is done with a finished tile is the caller's `Sink`.
#pragma once
#include "vectors.h"

namespace {

// One tile: ROWS rows of a times NB vectors of b's columns.
template <class T, int ROWS, int NB, class Sink>
INLINE void tile(long depth, const T* a, long row_step, long depth_step, const T* b, long b_stride, Sink& sink, long row,
                 long column) {
    typedef Vector<T> V;
    V sums[ROWS][NB] = {};
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

template <class T, int NB, class Sink>
INLINE void strip(long rows, long depth, const T* a, long row_step, long depth_step, const T* b, long b_stride, Sink& sink,
                  long column) {
    long m = 0;
    for (; m + TILE_ROWS <= rows; m += TILE_ROWS)
        tile<T, TILE_ROWS, NB>(depth, a + m * row_step, row_step, depth_step, b, b_stride, sink, m, column);
    for (; m + 2 <= rows; m += 2)
        tile<T, 2, NB>(depth, a + m * row_step, row_step, depth_step, b, b_stride, sink, m, column);
    for (; m < rows; m++)
        tile<T, 1, NB>(depth, a + m * row_step, row_step, depth_step, b, b_stride, sink, m, column);
}

// sink(m, n) = sum over k of a[m * row_step + k * depth_step] * b[k][n]; columns are a multiple of PAD.
template <class T, class Sink>
void product(long rows, long columns, long depth, const T* a, long row_step, long depth_step, const T* b, long b_stride,
             Sink sink) {
    long n = 0;
    for (; n + 2 * LANES<T> <= columns; n += 2 * LANES<T>)
        strip<T, 2>(rows, depth, a, row_step, depth_step, b + n, b_stride, sink, n);
    for (; n < columns; n += LANES<T>)
        strip<T, 1>(rows, depth, a, row_step, depth_step, b + n, b_stride, sink, n);
}

// Sinks.

template <class T> struct Put {
    T* to;
    long stride;
    INLINE_MEMBER void take(long m, long n, Vector<T> value) { store(to + m * stride + n, value); }
};

template <class T, bool RELU_TOO> struct PutWithBias {
    T* to;
    long stride;
    const T* bias;
    INLINE_MEMBER void take(long m, long n, Vector<T> value) {
        if (bias) value += load(bias + n);
        if (RELU_TOO) value = value < 0 ? Vector<T>{} : value;  // not-a-number stays
        store(to + m * stride + n, value);
    }
};

// Puts a gradient where the unit that it belongs to was above zero.
template <class T> struct PutWhereAlive {
    T* to;
    long stride;
    const T* unit;
    INLINE_MEMBER void take(long m, long n, Vector<T> value) {
        Vector<T> y = load(unit + m * stride + n);
        store(to + m * stride + n, y > 0 ? value : Vector<T>{});
    }
};

}  // namespace
