// One trial on its way: many steps in one call, everything it touches in one block of memory that stays in the cache.
#pragma once
#include "layers.h"
#include "losses.h"
#include "products.h"
#include "updates.h"

namespace {

constexpr long EVALUATED_ROWS = 64;  // samples whose outputs are computed at once, at least
constexpr long MOST_WINDOW = 64;

template <class T> class Training {
    typedef Vector<T> V;

    Job& job;
    const long rows;  // that fit into the blocks
    long first_trained;
    T *weights, *first_slot, *second_slot, *gradient, *turned, *turned_back, *before, *turned_outputs, *per_sample, *panel;
    T *there, *here;      // gradients with respect to an op's output and to its input
    uint32_t* spread_index;
    T** blocks;           // [op_count + 1]: the input of each op, then the output of the last
    T** kept;             // [op_count]: a norm's means and scales
    char *begin, *end;

    template <class U> U* take(long count) {
        U* at = (U*)end;
        end += (sizeof(U) * (size_t)count + 63) / 64 * 64;
        return at;
    }

    long width(long place) const { return place == 0 ? job.width : job.ops[place - 1].out; }
    long stride(long place) const { return padded(width(place)); }
    const Parameter* parameter(int64_t offset) const {
        for (long i = 0; i < job.parameter_count; i++)
            if (job.parameters[i].offset == offset) return job.parameters + i;
        return nullptr;
    }
    bool trains(int64_t offset) const {
        const Parameter* p = offset < 0 ? nullptr : parameter(offset);
        return p && p->trained;
    }
    T* at(T* base, int64_t offset) const { return offset < 0 ? nullptr : base + offset; }

  public:
    // With a null workspace it only counts its bytes, and nothing may be called.
    Training(Job& job, void* workspace)
        : job(job), rows(padded(job.batch > EVALUATED_ROWS ? job.batch : EVALUATED_ROWS)), begin((char*)workspace),
          end((char*)workspace) {
        weights = (T*)job.weights, first_slot = (T*)job.first_slot, second_slot = (T*)job.second_slot;
        blocks = take<T*>(job.op_count + 1);
        kept = take<T*>(job.op_count);
        long widest = stride(0), deepest = padded(job.batch), turned_count = 0, spread_count = 0;
        for (long i = 0; i <= job.op_count; i++) {
            T* block = take<T>(rows * stride(i));
            if (workspace) blocks[i] = block;
            if (stride(i) > widest) widest = stride(i);
        }
        first_trained = job.op_count;
        for (long i = job.op_count - 1; i >= 0; i--) {
            const Op& op = job.ops[i];
            if (trains(op.weight) || trains(op.bias)) first_trained = i;
            long count = 0;
            if (op.kind == DROPOUT && rows * op.out + PAD > spread_count) spread_count = rows * op.out + PAD;
            if (op.kind == BATCH_NORM) count = 2 * stride(i);
            if (op.kind == LAYER_NORM) count = 2 * rows;
            T* block = take<T>(count);
            if (workspace) kept[i] = block;
            if (op.kind == LINEAR) {
                long needed = turns_samples(i) ? padded(job.batch) * stride(i + 1) : stride(i) * stride(i + 1);
                if (needed > turned_count) turned_count = needed;
            }
        }
        there = take<T>(rows * widest), here = take<T>(rows * widest);
        turned = take<T>(turned_count), turned_back = take<T>(padded(job.batch) * widest);
        gradient = take<T>(job.weight_count), before = take<T>(job.probe_every ? job.weight_count : 0);
        turned_outputs = take<T>(rows * stride(job.op_count)), per_sample = take<T>(4 * rows);
        if (widest > deepest) deepest = widest;
        panel = take<T>(deepest * 2 * LANES<T>);
        spread_index = take<uint32_t>(spread_count);
        if (workspace && spread_count && !spread_index[0]) spread_indices(spread_index, spread_count);  // once: it has no 0
    }

    int64_t bytes() const { return end - begin; }

    void train() {
        job.end = REACHED;
        double* probed = job.probed;
        for (job.steps_done = 0; job.steps_done < job.steps;) {
            long s = job.steps_done, step = job.first_step + s;
            gather((const T*)job.inputs, job.indices + s * job.batch, job.batch);
            forward(step, true, (T*)job.statistics, job.batch, weights);
            const int64_t* samples = (job.target_indices ? job.target_indices : job.indices) + s * job.batch;
            long last = job.op_count;
            T loss = job.loss == CROSS_ENTROPY
                         ? cross_entropy<T>(job, samples, blocks[last], there, job.batch, width(last), stride(last),
                                            turned_outputs, per_sample)
                         : elementwise_loss<T>(job, samples, blocks[last], there, job.batch, width(last), stride(last));
            job.losses[s] = (double)loss;
            note((double)loss);
            if (!isfinite((double)loss)) { job.end = NOT_FINITE; return; }
            if ((double)loss > job.limit && has_exploded()) { job.end = EXPLODED; return; }
            bool is_probed = job.probe_every > 0 && step % job.probe_every == 0;
            bool at_once = !is_probed && !(job.clip < INFINITY);
            Step<T> rule = step_of<T>(job, job.rates[s], job.updates);
            backward(at_once, rule, step);
            if (!at_once) {
                update_all(rule, is_probed ? probed : nullptr);
                if (is_probed) probed += 1 + job.ratio_count;
            }
            job.updates++;
            if (job.ema_decay >= 0) average(step);
            job.steps_done++;
            if ((step + 1) % job.steps_per_pass == 0) {
                bool reached = job.pass_steps > 0 && job.pass_sum / (double)job.pass_steps <= job.goal;
                job.pass_sum = 0, job.pass_steps = 0;
                if (reached) { job.end = PASS_AT_GOAL; return; }
            }
        }
    }

    void predict(const T* with_weights, const T* statistics, const T* inputs, const int64_t* indices, long count, T* outputs) {
        long out = width(job.op_count), out_stride = stride(job.op_count);
        for (long done = 0; done < count; done += rows) {
            long some = count - done < rows ? count - done : rows;
            gather(inputs, indices + done, some);
            forward(0, false, (T*)statistics, some, (T*)with_weights);
            for (long r = 0; r < some; r++)
                memcpy(outputs + (done + r) * out, blocks[job.op_count] + r * out_stride, sizeof(T) * out);
        }
    }

  private:
    void gather(const T* inputs, const int64_t* indices, long count) {
        if (job.zero_inputs) return;  // the block is zero from the beginning
        for (long r = 0; r < count; r++)
            memcpy(blocks[0] + r * stride(0), inputs + indices[r] * job.width, sizeof(T) * job.width);
    }

    void forward(long step, bool training, T* statistics, long count, T* w) {
        for (long i = 0; i < job.op_count; i++) {
            const Op& op = job.ops[i];
            const T* x = blocks[i];
            T* y = blocks[i + 1];
            long in = stride(i), out = stride(i + 1);
            switch (op.kind) {
                case LINEAR:
                    if (drops_too(i)) {
                        y = blocks[++i + 1];
                        if (training)
                            product<T>(count, out, op.in, x, in, 1, w + op.weight, out, panel,
                                       PutWithDropout<T>(y, out, at(w, op.bias), mask(i, step)));
                        else
                            product<T>(count, out, op.in, x, in, 1, w + op.weight, out, panel,
                                       PutWithBias<T, true>(y, out, at(w, op.bias)));
                    } else if (op.relu)
                        product<T>(count, out, op.in, x, in, 1, w + op.weight, out, panel,
                                   PutWithBias<T, true>(y, out, at(w, op.bias)));
                    else
                        product<T>(count, out, op.in, x, in, 1, w + op.weight, out, panel,
                                   PutWithBias<T, false>(y, out, at(w, op.bias)));
                    break;
                case ACTIVATION: activation(op).forward_all(x, y, count * out); break;
                case DROPOUT:
                    if (training) mask(i, step).apply(x, y, count, out);
                    else memcpy(y, x, sizeof(T) * count * out);
                    break;
                case BATCH_NORM: {
                    BatchNorm<T> norm{at(w, op.weight), at(w, op.bias), statistics + op.mean, statistics + op.var, (T)op.a, (T)op.b};
                    if (training) norm.train(x, y, count, out, kept[i], kept[i] + out);
                    else norm.evaluate(x, y, count, out, norm.running_mean, norm.running_var);
                    break;
                }
                case LAYER_NORM:
                    LayerNorm<T>{at(w, op.weight), at(w, op.bias), (T)op.a, op.out}.forward(x, y, count, out, kept[i], kept[i] + rows);
            }
        }
    }

    static ActivationOf<T> activation(const Op& op) { return ActivationOf<T>{op.which, (T)op.a, (T)op.b}; }
    DropoutMask<T> mask(long i, long step) const { return DropoutMask<T>(job.ops[i], job.seed, step, spread_index); }
    bool relu_before(long i) const { return i > 0 && job.ops[i - 1].kind == LINEAR && job.ops[i - 1].relu; }
    // Whether an op is a linear layer with a ReLU and a dropout after it, all done in the same breath.
    bool drops_too(long i) const {
        return i >= 0 && relu_before(i + 1) && i + 1 < job.op_count && job.ops[i + 1].kind == DROPOUT;
    }
    // Whether the way back through a linear layer turns the samples' gradients and not its weights: where those are fewer,
    // and not much of a vector of samples is padding.
    bool turns_samples(long i) const {
        long samples = padded(job.batch);
        return 4 * samples <= stride(i) && 8 * (samples - job.batch) <= samples;
    }

    // From `there`, the gradient with respect to a linear layer's output, to that with respect to its input.
    template <class F> void back_through(long i, F finish) {
        const Op& op = job.ops[i];
        const long count = job.batch, in = stride(i), out = stride(i + 1), samples = padded(count);
        if (turns_samples(i)) {
            transpose(there, out, samples, out, turned, samples);
            product<T>(op.in, samples, op.out, weights + op.weight, out, 1, turned, samples, panel,
                       Put<T>(turned_back, samples));
            memset(turned_back + op.in * samples, 0, sizeof(T) * (in - op.in) * samples);
            transpose(turned_back, samples, in, samples, here, in, finish);
        } else {
            transpose(weights + op.weight, out, in, out, turned, in);
            product<T>(count, in, op.out, there, out, 1, turned, in, panel, PutFinished<T, F>(here, in, finish));
        }
    }

    // From `there`, the gradient with respect to the outputs, to that of every weight; `at_once` also updates it.
    void backward(bool at_once, const Step<T>& rule, long step) {
        const long count = job.batch;
        if (relu_before(job.op_count)) only_alive(there, blocks[job.op_count], there, count * stride(job.op_count), 1);
        for (long i = job.op_count - 1; i >= first_trained; i--) {
            const Op& op = job.ops[i];
            const T *x = blocks[i], *y = blocks[i + 1];
            long in = stride(i), out = stride(i + 1);
            bool goes_on = i > first_trained;
            T *weight_gradient = trains(op.weight) ? gradient + op.weight : nullptr,
              *bias_gradient = trains(op.bias) ? gradient + op.bias : nullptr;
            switch (op.kind) {
                case LINEAR:
                    if (goes_on) {
                        if (drops_too(i - 2)) back_through(i, WhereAlive<T>{x, (T)-job.ops[i - 1].a});
                        else if (relu_before(i)) back_through(i, WhereAlive<T>{x, 1});
                        else back_through(i, AsItIs());
                    }
                    if (bias_gradient) column_sums(there, count, out, bias_gradient);
                    if (!weight_gradient) break;
                    if (at_once)
                        with_form(rule.rule, [&](auto constant) {
                            product<T>(op.in, out, count, x, 1, in, there, out, panel,
                                       Update<T, decltype(constant)::form>{weights + op.weight, at(first_slot, op.weight),
                                                                           at(second_slot, op.weight), out, rule});
                        });
                    else product<T>(op.in, out, count, x, 1, in, there, out, panel, Put<T>(weight_gradient, out));
                    break;
                case ACTIVATION: activation(op).backward_all(x, y, there, here, count * out); break;
                case DROPOUT:
                    if (drops_too(i - 1)) only_alive(there, y, here, count * out, (T)-op.a);
                    else mask(i, step).apply(there, here, count, out);
                    break;
                case BATCH_NORM:
                    BatchNorm<T>{at(weights, op.weight), nullptr, nullptr, nullptr, 0, 0}.backward(
                        x, there, here, count, out, kept[i], kept[i] + out, weight_gradient, bias_gradient);
                    break;
                case LAYER_NORM:
                    LayerNorm<T>{at(weights, op.weight), nullptr, 0, op.out}.backward(
                        x, there, here, count, out, kept[i], kept[i] + rows, weight_gradient, bias_gradient);
            }
            if (at_once) {
                if (bias_gradient) update_range(rule, op.bias, out);
                if (weight_gradient && op.kind != LINEAR) update_range(rule, op.weight, out);
            }
            if (op.kind == LINEAR && drops_too(i - 2)) i--;  // what has been done
            else if (op.kind != LINEAR && relu_before(i) && !drops_too(i - 1) && goes_on) only_alive(here, x, here, count * in, 1);
            T* other = there;
            there = here, here = other;
        }
    }

    void update_range(const Step<T>& rule, long offset, long count) {
        ::update_range<T>(rule, weights + offset, at(first_slot, offset), at(second_slot, offset), gradient + offset, count);
    }

    static void only_alive(const T* g, const T* unit, T* to, long count, T scale) {
        const WhereAlive<T> alive{unit, scale};
        for (long i = 0; i < count; i += LANES<T>) store(to + i, alive(load(g + i), i));
    }

    static void column_sums(const T* g, long count, long stride, T* to) {
        for (long c = 0; c < stride; c += LANES<T>) {
            V even{}, odd{};
            long r = 0;
            for (; r + 2 <= count; r += 2) even += load(g + r * stride + c), odd += load(g + (r + 1) * stride + c);
            if (r < count) even += load(g + r * stride + c);
            store(to + c, even + odd);
        }
    }

    // The 2-norm of a block, of its difference to another where one is given.
    double norm_of(const Parameter& p, const T* values, const T* other) const {
        double sum = 0;
        for (long r = 0; r < p.rows; r++) {
            const T* row = values + p.offset + r * p.stride;
            if (!other) sum += (double)sum_of_products(row, row, p.columns);
            else
                for (long c = 0; c < p.columns; c++) {
                    double apart = (double)row[c] - (double)other[p.offset + r * p.stride + c];
                    sum += apart * apart;
                }
        }
        return sqrt(sum);
    }

    // The update when all gradients lie ready: clipped, and told to `probed` where that is given.
    void update_all(const Step<T>& rule, double* probed) {
        double squares = 0;
        for (long i = 0; i < job.parameter_count; i++)
            if (job.parameters[i].trained) {
                double norm = norm_of(job.parameters[i], gradient, nullptr);
                squares += norm * norm;
            }
        T norm = (T)sqrt(squares);
        if (job.clip < INFINITY) {
            T factor = (T)job.clip / (norm + (T)1e-6);  // 1e-6: torch.nn.utils.clip_grad_norm_'s
            if (!(factor > 1))
                for (long i = 0; i < job.weight_count; i += LANES<T>) store(gradient + i, load(gradient + i) * factor);
        }
        if (probed) {
            probed[0] = (double)norm;
            memcpy(before, weights, sizeof(T) * job.weight_count);
        }
        for (long i = 0; i < job.parameter_count; i++) {
            const Parameter& p = job.parameters[i];
            if (p.trained) update_range(rule, p.offset, p.rows * p.stride);
            if (probed && p.ratio >= 0)
                probed[1 + p.ratio] = norm_of(p, weights, before) / norm_of(p, before, nullptr);
        }
    }

    // The Polyak average; training/averaging.py has the rule.
    void average(long step) {
        double decay = (1.0 + (double)step) / (10.0 + (double)step);
        if (job.ema_decay < decay) decay = job.ema_decay;
        move((T*)job.average, weights, job.weight_count, (T)(1 - decay));
        move((T*)job.average_statistics, (const T*)job.statistics, job.statistic_count, (T)(1 - decay));
    }
    static void move(T* to, const T* from, long count, T share) {
        for (long i = 0; i < count; i += LANES<T>) {
            V a = load(to + i), b = load(from + i);
            store(to + i, share < (T)0.5 ? a + (b - a) * share : b - (b - a) * (1 - share));
        }
    }

    void note(double loss) {
        if (job.recent_count == job.window) memmove(job.recent, job.recent + 1, sizeof(double) * (job.window - 1));
        else job.recent_count++;
        job.recent[job.recent_count - 1] = loss;
        job.pass_sum += loss;
        job.pass_steps++;
    }

    // Whether the median of the last losses lies above the limit; fewer than the window are no evidence.
    bool has_exploded() const {
        if (job.recent_count < job.window) return false;
        double sorted[MOST_WINDOW];
        long n = 0;
        for (; n < job.window; n++) {
            long i = n;
            for (; i > 0 && sorted[i - 1] > job.recent[n]; i--) sorted[i] = sorted[i - 1];
            sorted[i] = job.recent[n];
        }
        return (n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2) > job.limit;
    }
};

}  // namespace
