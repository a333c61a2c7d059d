// Dropout's masks: drawn anew, forwards and backwards, from the trial's seed, the step, the layer and the element.
#pragma once
#include "job.h"
#include "vectors.h"

namespace {

// Dropout's masks, as training/counter.py draws them.
INLINE uint64_t mixed_word(uint64_t state, uint64_t word) {
    state += word * 0xBF58476D1CE4E5B9ull + 0x9E3779B97F4A7C15ull;
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9ull;
    state = (state ^ (state >> 27)) * 0x94D049BB133111EBull;
    return state ^ (state >> 31);
}
INLINE void dropout_key(int64_t seed, int64_t step, int64_t layer, uint32_t* key) {
    const uint64_t words[4] = {(uint64_t)seed, 2, (uint64_t)step, (uint64_t)layer};  // 2: seeds.DROPOUT
    uint64_t state = 0x9E3779B97F4A7C15ull;
    for (uint64_t word : words) state = mixed_word(state, word);
    state >>= 1;
    key[0] = (uint32_t)state;
    key[1] = (uint32_t)(state >> 31) | 1u;
}
inline void spread_indices(uint32_t* to, long count) {
    for (long i = 0; i < count; i++) {
        uint32_t index = (uint32_t)i + 1u;
        index = (index ^ (index >> 16)) * 0x85EBCA6Bu;
        index = (index ^ (index >> 16)) * 0xC2B2AE35u;
        to[i] = index ^ (index >> 16);
    }
}

// One layer's mask in one step.
template <class T> struct DropoutMask {
    const uint32_t* spread_index;  // room for a vector beyond the last
    long width;
    uint32_t flip, factor;
    int32_t threshold;
    T scale;  // 1 / (1 - p)

    DropoutMask(const Op& op, int64_t seed, int64_t step, const uint32_t* spread_index)
        : spread_index(spread_index), width(op.out), threshold((int32_t)op.threshold), scale((T)-op.a) {
        uint32_t key[2];
        dropout_key(seed, step, op.which, key);
        flip = key[0] + (uint32_t)((uint64_t)op.use * 0x9E3779B9ull), factor = key[1];
    }

    // What the elements from this row and column on are multiplied with: 0, or the scale. Beyond the width it is either.
    INLINE_MEMBER Vector<T> factors(long row, long column) const {
        typedef uint32_t Words __attribute__((vector_size(4 * LANES<T>), aligned(4), may_alias));
        typedef int32_t Signed __attribute__((vector_size(4 * LANES<T>), aligned(4), may_alias));
        Words bits = (*(const Words*)(spread_index + row * width + column) ^ flip) * factor;
        bits = (bits ^ (Words)((Signed)bits >> 16)) * 0x2C1B3C6Du;
        Signed kept = ((Signed)bits >> 1) > threshold;
        return __builtin_convertvector(kept, typename IndexOf<T>::I) ? spread(scale) : Vector<T>{};
    }

    // to = x times the factors; x may be where it goes.
    void apply(const T* x, T* to, long rows, long stride) const {
        for (long row = 0; row < rows; row++)
            for (long i = 0; i < stride; i += LANES<T>) {
                long at = row * stride + i;
                store(to + at, load(x + at) * factors(row, i));
            }
    }
};

}  // namespace
