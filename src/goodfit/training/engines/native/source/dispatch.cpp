// The library's face: chooses the widest instruction set that this processor has.
#include <stdlib.h>
#include <string.h>

#include "job.h"

#define VISIBLE extern "C" __attribute__((visibility("default")))
extern "C" {
extern const Kernel kernel_plain;
#if defined(WITH_AVX2)
extern const Kernel kernel_avx2;
#endif
#if defined(WITH_AVX512)
extern const Kernel kernel_avx512;
#endif
}

// Whether this processor (and its operating system) runs a set's code.
static bool runs(const char* set) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    if (!strcmp(set, "avx512"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
    if (!strcmp(set, "avx2")) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return !strcmp(set, "plain");
}

static const Kernel* all_kernels[] = {
#if defined(WITH_AVX512)
    &kernel_avx512,
#endif
#if defined(WITH_AVX2)
    &kernel_avx2,
#endif
    &kernel_plain,
};

// The kernel of this name, or null where it was not built or cannot run here; an empty name: the widest that can.
VISIBLE const Kernel* goodfit_kernel(const char* name) {
    for (const Kernel* kernel : all_kernels)
        if ((!*name || !strcmp(name, kernel->name)) && runs(kernel->name)) return kernel;
    return nullptr;
}

// What Python's mirror of the structs must agree with.
VISIBLE int64_t goodfit_struct_bytes(int64_t which) {
    return which == 0 ? sizeof(Op) : which == 1 ? sizeof(Parameter) : sizeof(Job);
}

VISIBLE const char* goodfit_source_digest() { return SOURCE_DIGEST; }
