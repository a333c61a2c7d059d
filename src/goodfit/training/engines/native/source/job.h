// What Python hands over: plain structs, mirrored field by field in layout.py. All offsets count elements.
#pragma once
#include <stdint.h>

enum Kind : int64_t { LINEAR, ACTIVATION, DROPOUT, BATCH_NORM, LAYER_NORM };
enum Activation : int64_t { RELU, LEAKY_RELU, TANH, SIGMOID, GELU, GELU_TANH, SILU, ELU, SOFTPLUS };
enum LossKind : int64_t { CROSS_ENTROPY, SQUARED, ABSOLUTE, SMOOTH_ABSOLUTE, HUBER, BINARY_CROSS_ENTROPY };
enum Rule : int64_t { SGD, ADAM, ADAMW, RMSPROP };
enum End : int64_t { REACHED, NOT_FINITE, EXPLODED, PASS_AT_GOAL };

struct Op {
    int64_t kind;
    int64_t in, out;       // widths
    int64_t weight, bias;  // in the weights: [in][padded out] and [padded out] for LINEAR; -1: none
    int64_t mean, var;     // BATCH_NORM: in the statistics
    int64_t which;         // ACTIVATION: an Activation; DROPOUT: the layer's number
    int64_t use;           // DROPOUT: how often its module was used before in the same pass
    int64_t threshold;     // DROPOUT
    int64_t relu;          // LINEAR: whether a ReLU follows, done in the same breath
    double a, b;           // eps and momentum; slope, alpha, beta and threshold; the scale of DROPOUT
};

struct Parameter {
    int64_t offset, rows, columns, stride;  // a [rows][stride] block, of which `columns` are used
    int64_t trained;                        // whether a gradient reaches it and it may change
    int64_t ratio;                          // its place among the update ratios; -1: none is wanted
};

struct Job {
    // The network.
    const Op* ops;
    int64_t op_count;
    const Parameter* parameters;
    int64_t parameter_count;
    int64_t weight_count, statistic_count;
    // The trial's state.
    void *weights, *first_slot, *second_slot, *average, *statistics, *average_statistics;
    int64_t updates;  // done so far, as Adam counts them
    int64_t seed;     // 64 bits of it
    // Data: inputs [samples][width]; targets are classes or [samples][target_width] numbers.
    const void* inputs;
    int64_t width;
    int64_t zero_inputs;
    const int64_t* classes;
    const void* numbers;
    int64_t target_width;
    const int64_t *indices, *target_indices;  // [steps][batch]
    int64_t batch, first_step, steps;
    // The loss.
    int64_t loss;
    double smoothing, beta;
    const void* class_weights;
    int64_t ignored;
    // The update.
    int64_t rule, nesterov;
    double momentum, beta1, beta2, eps, weight_decay;
    double clip;          // infinity: none
    double ema_decay;     // negative: no average
    const double* rates;  // [steps]
    // What is told.
    double* losses;  // [steps]
    int64_t probe_every, ratio_count;
    double* probed;  // [probed steps][1 + ratios]
    // When to end early.
    double limit;  // a loss above it is looked at
    int64_t window, recent_count;
    double* recent;  // [window], oldest first
    double pass_sum, goal;
    int64_t pass_steps, steps_per_pass;
    // The outcome.
    int64_t steps_done, end;
    void* workspace;
};

struct Kernel {
    const char* name;
    int64_t (*workspace_bytes)(const Job*, int64_t is_double);
    void (*train)(Job*, int64_t is_double);
    // Outputs in evaluation mode, [count][out]: `indices` choose rows of the job's inputs.
    void (*predict)(const Job*, int64_t is_double, const void* weights, const void* statistics, const void* inputs,
                    const int64_t* indices, int64_t count, void* outputs);
};
