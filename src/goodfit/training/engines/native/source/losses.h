// Mean losses and their gradients with respect to the outputs, [rows][stride] with `width` columns in use.
#pragma once
#include "functions.h"
#include "job.h"

namespace {

// Cross-entropy with label smoothing, class weights and ignored targets: (1 - s) plain + s uniform, as PyTorch has it.
// Works on outputs turned to [classes][samples], where a vector holds as many samples and nothing is summed across lanes.
template <class T>
T cross_entropy(const Job& job, const int64_t* samples, const T* outputs, T* gradient, long rows, long width, long stride,
                T* turned, T* per_sample) {
    typedef Vector<T> V;
    const T* weights = (const T*)job.class_weights;
    const long padded_rows = padded(rows);
    T *own = per_sample, *size = own + padded_rows, *losses = size + padded_rows, *targets_output = losses + padded_rows;
    T total = 0, all_weights = (T)width;
    if (weights) all_weights = sum_of(weights, width);
    for (long i = 0; i < padded_rows; i++) {
        int64_t target = i < rows ? job.classes[samples[i]] : job.ignored;
        bool counts = target != job.ignored;
        own[i] = counts ? (weights ? weights[target] : 1) : 0;
        size[i] = counts ? 1 : 0;
        targets_output[i] = counts ? outputs[i * stride + target] : 0;
        total += own[i];
    }
    const T smoothing = (T)job.smoothing, share = smoothing / (T)width;
    transpose(outputs, stride, padded_rows, stride, turned, padded_rows);
    for (long i = 0; i < padded_rows; i += LANES<T>) {
        V most = load(turned + i);
        for (long c = 1; c < width; c++) {
            V y = load(turned + c * padded_rows + i);
            most = y > most ? y : most;
        }
        V sum{}, weighted{};
        if (smoothing != 0)
            for (long c = 0; c < width; c++) {
                V y = load(turned + c * padded_rows + i) - most;
                weighted += weights ? y * weights[c] : y;
            }
        for (long c = 0; c < width; c++) {
            V e = exponential(load(turned + c * padded_rows + i) - most);
            sum += e;
            store(turned + c * padded_rows + i, e);
        }
        V log_sum = logarithm(sum), counts = load(size + i), weight = load(own + i);
        V loss = weight * (1 - smoothing) * (log_sum - (load(targets_output + i) - most));
        if (smoothing != 0) loss += counts * share * (log_sum * all_weights - weighted);
        store(losses + i, loss);
        // The gradient: softmax times all the weight on this sample, less what belongs to the target and to each class.
        V factor = (weight * (1 - smoothing) + counts * (share * all_weights)) / (sum * total);
        V even = counts * share / total;
        for (long c = 0; c < width; c++) {
            T* at = turned + c * padded_rows + i;
            V g = load(at) * factor;
            if (smoothing != 0) g -= weights ? even * weights[c] : even;
            store(at, g);
        }
    }
    for (long c = width; c < stride; c++) memset(turned + c * padded_rows, 0, sizeof(T) * padded_rows);
    transpose(turned, padded_rows, stride, padded_rows, gradient, stride);
    double loss = 0;
    for (long i = 0; i < rows; i++) {
        loss += size[i] != 0 ? losses[i] : 0;
        if (size[i] != 0) gradient[i * stride + job.classes[samples[i]]] -= own[i] * (1 - smoothing) / total;
        else memset(gradient + i * stride, 0, sizeof(T) * stride);
    }
    return (T)(loss / (double)total);
}

template <class T>
T elementwise_loss(const Job& job, const int64_t* samples, const T* outputs, T* gradient, long rows, long width,
                   long stride) {
    const T* numbers = (const T*)job.numbers;
    const T beta = (T)job.beta, share = (T)(1.0 / ((double)rows * (double)width));
    double sum = 0;
    for (long r = 0; r < rows; r++) {
        const T* target = numbers + samples[r] * job.target_width;
        for (long c = 0; c < width; c++) {
            T y = outputs[r * stride + c], apart = y - target[c], size = apart < 0 ? -apart : apart, loss, slope;
            T sign = apart > 0 ? (T)1 : apart < 0 ? (T)-1 : apart;
            switch (job.loss) {
                case SQUARED: loss = apart * apart, slope = 2 * apart; break;
                case ABSOLUTE: loss = size, slope = sign; break;
                case SMOOTH_ABSOLUTE:
                    loss = size < beta ? size * size / beta / 2 : size - beta / 2;
                    slope = size < beta ? apart / beta : sign;
                    break;
                case HUBER:
                    loss = size <= beta ? size * size / 2 : beta * (size - beta / 2);
                    slope = size <= beta ? apart : beta * sign;
                    break;
                default: {  // BINARY_CROSS_ENTROPY of logits: max(y, 0) - y t + log(1 + e^-|y|)
                    T e = sizeof(T) == 4 ? (T)expf(y < 0 ? y : -y) : (T)exp(y < 0 ? y : -y);
                    loss = (y > 0 ? y : 0) - y * target[c] + (sizeof(T) == 4 ? (T)log1pf(e) : (T)log1p(e));
                    slope = (y < 0 ? e / (1 + e) : 1 / (1 + e)) - target[c];
                    if (y != y) loss = slope = y;
                }
            }
            sum += loss;
            gradient[r * stride + c] = slope * share;
        }
        for (long c = width; c < stride; c++) gradient[r * stride + c] = 0;
    }
    return (T)(sum / ((double)rows * (double)width));
}

}  // namespace
