// What layers other than Linear do to [rows][stride] blocks, forwards and backwards. Padding goes along as it comes.
#pragma once
#include "dropout.h"
#include "functions.h"
#include "job.h"

namespace {

template <class T> struct ActivationOf {
    typedef Vector<T> V;
    int64_t which;
    T a, b;

    INLINE_MEMBER V forward(V x) const {
        V zero{};
        switch (which) {
            case RELU: return x < 0 ? zero : x;
            case LEAKY_RELU: return x > 0 ? x : x * a;
            case TANH: return hyperbolic_tangent(x);
            case SIGMOID: return sigmoid(x);
            case GELU: return x * (T)0.5 * (error_function(x * (T)M_SQRT1_2) + 1);
            case GELU_TANH: return x * (T)0.5 * (hyperbolic_tangent(inner(x)) + 1);
            case SILU: return x * sigmoid(x);
            case ELU: return x > 0 ? x : (exponential(x) - 1) * a;
            default: {  // SOFTPLUS
                V scaled = x * a;
                // log(1 + e^z) = max(z, 0) + log(1 + e^-|z|)
                V soft = ((scaled < 0 ? zero : scaled) + logarithm_of_one_more(exponential(-magnitude(scaled)))) / a;
                return scaled > b ? x : soft;
            }
        }
    }

    // The gradient with respect to x, from that to y.
    INLINE_MEMBER V backward(V x, V y, V g) const {
        V zero{};
        switch (which) {
            case RELU: return y > 0 ? g : zero;
            case LEAKY_RELU: return x > 0 ? g : g * a;
            case TANH: return g * (1 - y * y);
            case SIGMOID: return g * y * (1 - y);
            case GELU: {
                V bell = exponential(x * x * (T)-0.5) * (T)(M_2_SQRTPI * M_SQRT1_2 * 0.5);
                return g * ((error_function(x * (T)M_SQRT1_2) + 1) * (T)0.5 + x * bell);
            }
            case GELU_TANH: {
                V t = hyperbolic_tangent(inner(x));
                V slope = (x * x * (T)(3 * 0.044715) + 1) * (T)(M_2_SQRTPI * M_SQRT1_2);
                return g * ((t + 1) * (T)0.5 + x * (T)0.5 * (1 - t * t) * slope);
            }
            case SILU: {
                V s = sigmoid(x);
                return g * s * (x * (1 - s) + 1);
            }
            case ELU: return x > 0 ? g : g * (y + a);
            default: return x * a > b ? g : g * sigmoid(x * a);
        }
    }

    // sqrt(2 / pi) (x + 0.044715 x^3)
    INLINE_MEMBER V inner(V x) const { return (x + x * x * x * (T)0.044715) * (T)(M_2_SQRTPI * M_SQRT1_2); }

    void forward_all(const T* x, T* y, long count) const {
        for (long i = 0; i < count; i += LANES<T>) store(y + i, forward(load(x + i)));
    }
    void backward_all(const T* x, const T* y, const T* g, T* to, long count) const {
        for (long i = 0; i < count; i += LANES<T>) store(to + i, backward(load(x + i), load(y + i), load(g + i)));
    }
};

// BatchNorm over rows; `mean` and `scale` (1 / sd) of the batch are kept for the way back.
template <class T> struct BatchNorm {
    typedef Vector<T> V;
    const T *gamma, *beta;  // null: none
    T *running_mean, *running_var;
    T eps, momentum;

    void train(const T* x, T* y, long rows, long stride, T* mean, T* scale) const {
        for (long c = 0; c < stride; c += LANES<T>) {
            V sum{}, squares{};
            for (long r = 0; r < rows; r++) sum += load(x + r * stride + c);
            V center = sum / (T)rows;
            for (long r = 0; r < rows; r++) {
                V apart = load(x + r * stride + c) - center;
                squares += apart * apart;
            }
            V var = squares / (T)rows, inverse = 1 / root(var + eps);
            store(mean + c, center), store(scale + c, inverse);
            V old_mean = load(running_mean + c), old_var = load(running_var + c);
            store(running_mean + c, old_mean * (1 - momentum) + center * momentum);
            store(running_var + c, old_var * (1 - momentum) + squares / (T)(rows - 1) * momentum);
            put(x, y, rows, stride, c, center, inverse);
        }
    }
    void evaluate(const T* x, T* y, long rows, long stride, const T* mean, const T* var) const {
        for (long c = 0; c < stride; c += LANES<T>)
            put(x, y, rows, stride, c, load(mean + c), 1 / root(load(var + c) + eps));
    }
    void put(const T* x, T* y, long rows, long stride, long c, V center, V inverse) const {
        V times = gamma ? load(gamma + c) : spread((T)1), plus = beta ? load(beta + c) : V{};
        for (long r = 0; r < rows; r++)
            store(y + r * stride + c, (load(x + r * stride + c) - center) * inverse * times + plus);
    }
    void backward(const T* x, const T* g, T* to, long rows, long stride, const T* mean, const T* scale, T* gamma_gradient,
                  T* beta_gradient) const {
        for (long c = 0; c < stride; c += LANES<T>) {
            V center = load(mean + c), inverse = load(scale + c), sum{}, products{};
            for (long r = 0; r < rows; r++) {
                V there = load(g + r * stride + c);
                sum += there;
                products += there * ((load(x + r * stride + c) - center) * inverse);
            }
            if (gamma_gradient) store(gamma_gradient + c, products);
            if (beta_gradient) store(beta_gradient + c, sum);
            V times = (gamma ? load(gamma + c) : spread((T)1)) * inverse / (T)rows;
            for (long r = 0; r < rows; r++) {
                V normal = (load(x + r * stride + c) - center) * inverse;
                store(to + r * stride + c, (load(g + r * stride + c) * (T)rows - sum - normal * products) * times);
            }
        }
    }
};

// LayerNorm over a row's `width` numbers; `mean` and `scale` of each row are kept for the way back.
template <class T> struct LayerNorm {
    typedef Vector<T> V;
    const T *gamma, *beta;
    T eps;
    long width;

    void forward(const T* x, T* y, long rows, long stride, T* mean, T* scale) const {
        for (long r = 0; r < rows; r++) {
            const T* row = x + r * stride;
            T center = sum_of(row, width) / (T)width, squares = 0;
            for (long c = 0; c < width; c++) squares += (row[c] - center) * (row[c] - center);
            T inverse = 1 / root(squares / (T)width + eps);
            mean[r] = center, scale[r] = inverse;
            for (long c = 0; c < stride; c += LANES<T>) {
                V normal = (load(row + c) - center) * inverse;
                store(y + r * stride + c, (gamma ? normal * load(gamma + c) : normal) + (beta ? load(beta + c) : V{}));
            }
            for (long c = width; c < stride; c++) y[r * stride + c] = 0;
        }
    }
    void backward(const T* x, const T* g, T* to, long rows, long stride, const T* mean, const T* scale, T* gamma_gradient,
                  T* beta_gradient) const {
        if (gamma_gradient) memset(gamma_gradient, 0, sizeof(T) * stride);
        if (beta_gradient) memset(beta_gradient, 0, sizeof(T) * stride);
        for (long r = 0; r < rows; r++) {
            const T *row = x + r * stride, *there = g + r * stride;
            T center = mean[r], inverse = scale[r], sum = 0, products = 0;
            for (long c = 0; c < width; c++) {
                T normal = (row[c] - center) * inverse, inner = gamma ? there[c] * gamma[c] : there[c];
                sum += inner;
                products += inner * normal;
                if (gamma_gradient) gamma_gradient[c] += there[c] * normal;
                if (beta_gradient) beta_gradient[c] += there[c];
            }
            sum /= (T)width, products /= (T)width;
            for (long c = 0; c < width; c++) {
                T normal = (row[c] - center) * inverse, inner = gamma ? there[c] * gamma[c] : there[c];
                to[r * stride + c] = (inner - sum - normal * products) * inverse;
            }
            for (long c = width; c < stride; c++) to[r * stride + c] = 0;
        }
    }
};

}  // namespace
