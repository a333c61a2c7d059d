// One instruction set's code: this file is compiled once for each, with its flags and its name.
// Nothing of the C++ library is used: its inline functions, compiled for a wider set, could take the place of others'.
#include "trial.h"

namespace {

int64_t workspace_bytes(const Job* job, int64_t is_double) {
    return is_double ? Training<double>(*(Job*)job, nullptr).bytes() : Training<float>(*(Job*)job, nullptr).bytes();
}

void train(Job* job, int64_t is_double) {
    if (is_double) Training<double>(*job, job->workspace).train();
    else Training<float>(*job, job->workspace).train();
}

void predict(const Job* job, int64_t is_double, const void* weights, const void* statistics, const void* inputs,
             const int64_t* indices, int64_t count, void* outputs) {
    if (is_double)
        Training<double>(*(Job*)job, job->workspace)
            .predict((const double*)weights, (const double*)statistics, (const double*)inputs, indices, count, (double*)outputs);
    else
        Training<float>(*(Job*)job, job->workspace)
            .predict((const float*)weights, (const float*)statistics, (const float*)inputs, indices, count, (float*)outputs);
}

}  // namespace

#define NAME_OF(set) #set
#define TEXT_OF(set) NAME_OF(set)
#define JOINED(a, b) a##b
#define KERNEL_OF(set) JOINED(kernel_, set)
extern "C" __attribute__((visibility("hidden"))) const Kernel KERNEL_OF(INSTRUCTION_SET) = {
    TEXT_OF(INSTRUCTION_SET), workspace_bytes, train, predict};
