// torch.optim's update rules, for a single number and for a vector of them alike.
#pragma once
#include "job.h"
#include "vectors.h"

namespace {

template <class T> struct Step {
    int rule;  // a Rule, see `form_of`
    T rate, momentum, decay, beta1_rest, beta2, beta2_rest, eps;
    T shrink;      // AdamW: 1 - rate * decay
    // Adam: p - rate / (1 - beta1^t) * m / (sqrt(v) / c + eps), where c = sqrt(1 - beta2^t), with one division less:
    T size;   // rate / (1 - beta1^t) * c
    T floor;  // eps * c
};

enum Form { PLAIN, MOMENTUM, NESTEROV, ADAM_FORM, ADAMW_FORM, RMSPROP_PLAIN, RMSPROP_MOMENTUM, FORMS };

INLINE int form_of(const Job& job) {
    switch (job.rule) {
        case SGD: return job.momentum == 0 ? PLAIN : job.nesterov ? NESTEROV : MOMENTUM;
        case ADAM: return ADAM_FORM;
        case ADAMW: return ADAMW_FORM;
        default: return job.momentum == 0 ? RMSPROP_PLAIN : RMSPROP_MOMENTUM;
    }
}

template <class T> Step<T> step_of(const Job& job, double rate, int64_t updates) {
    Step<T> s;
    s.rule = form_of(job);
    s.rate = (T)rate, s.momentum = (T)job.momentum, s.decay = (T)job.weight_decay, s.eps = (T)job.eps;
    s.beta1_rest = (T)(1 - job.beta1), s.beta2 = (T)job.beta2, s.beta2_rest = (T)(1 - job.beta2);
    s.shrink = (T)(1 - rate * job.weight_decay);
    s.size = s.floor = 0;
    if (job.rule == ADAM || job.rule == ADAMW) {
        const double correction = sqrt(1 - pow(job.beta2, (double)(updates + 1)));
        s.size = (T)(rate / (1 - pow(job.beta1, (double)(updates + 1))) * correction);
        s.floor = (T)(job.eps * correction);
    }
    return s;
}

// p: weight; m, v: slots; g: gradient. RMSprop keeps its square average in m and its momentum in v.
template <int FORM, class T, class X> INLINE void update(const Step<T>& s, X& p, X& m, X& v, X g) {
    if (FORM == ADAMW_FORM) p = p * s.shrink;
    else g = g + p * s.decay;
    if (FORM == PLAIN) p = p - g * s.rate;
    if (FORM == MOMENTUM || FORM == NESTEROV) {
        m = m * s.momentum + g;
        p = p - (FORM == NESTEROV ? g + m * s.momentum : m) * s.rate;
    }
    if (FORM == ADAM_FORM || FORM == ADAMW_FORM) {
        m = m + (g - m) * s.beta1_rest;
        v = v * s.beta2 + g * g * s.beta2_rest;
        p = p - m / (root(v) + s.floor) * s.size;
    }
    if (FORM == RMSPROP_PLAIN || FORM == RMSPROP_MOMENTUM) {
        m = m * s.beta2 + g * g * s.beta2_rest;
        X moved = g / (root(m) + s.eps);
        if (FORM == RMSPROP_MOMENTUM) moved = v = v * s.momentum + moved;
        p = p - moved * s.rate;
    }
}

constexpr bool uses_first(int form) { return form != PLAIN; }
constexpr bool uses_second(int form) { return form == ADAM_FORM || form == ADAMW_FORM || form == RMSPROP_MOMENTUM; }

// A sink that updates the weights with the finished tile of their gradient, which is then never written anywhere.
template <class T, int FORM> struct Update {
    T *p, *m, *v;
    long stride;
    Step<T> s;
    INLINE_MEMBER void foresee(long row, long column, int vectors) {
        long at = row * stride + column;
        for (int n = 0; n < vectors; n++, at += LANES<T>) {
            __builtin_prefetch(p + at, 1);
            if (uses_first(FORM)) __builtin_prefetch(m + at, 1);
            if (uses_second(FORM)) __builtin_prefetch(v + at, 1);
        }
    }
    INLINE_MEMBER void take(long row, long column, Vector<T> g) {
        typedef Vector<T> V;
        long at = row * stride + column;
        V weight = load(p + at), first{}, second{};
        if (uses_first(FORM)) first = load(m + at);
        if (uses_second(FORM)) second = load(v + at);
        update<FORM, T, V>(s, weight, first, second, g);
        store(p + at, weight);
        if (uses_first(FORM)) store(m + at, first);
        if (uses_second(FORM)) store(v + at, second);
    }
};

// Calls the function with the rule as a compile-time constant.
template <int FORM> struct Constant { static constexpr int form = FORM; };
template <class F> INLINE void with_form(int form, F function) {
    switch (form) {
        case PLAIN: return function(Constant<PLAIN>());
        case MOMENTUM: return function(Constant<MOMENTUM>());
        case NESTEROV: return function(Constant<NESTEROV>());
        case ADAM_FORM: return function(Constant<ADAM_FORM>());
        case ADAMW_FORM: return function(Constant<ADAMW_FORM>());
        case RMSPROP_PLAIN: return function(Constant<RMSPROP_PLAIN>());
        default: return function(Constant<RMSPROP_MOMENTUM>());
    }
}

// A whole range of weights, a multiple of PAD long.
template <class T> void update_range(const Step<T>& s, T* p, T* m, T* v, const T* g, long count) {
    with_form(s.rule, [&](auto constant) {
        Update<T, decltype(constant)::form> sink{p, m, v, 0, s};
        for (long i = 0; i < count; i += LANES<T>) sink.take(0, i, load(g + i));
    });
}

}  // namespace
