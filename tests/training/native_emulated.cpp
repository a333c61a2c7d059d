// Runs one call of a kernel that was compiled for another processor, under an emulator: a request comes on standard
// input, what the call changed goes to standard output. See test_native_arm.py for the other side.
#include <stdio.h>
#include <stdlib.h>

#include "job.h"

extern "C" const Kernel kernel_plain;

static void read_all(void* to, size_t count) {
    if (fread(to, 1, count, stdin) != count) exit(2);
}

// A block of memory: its length, then its bytes; a negative length stands for a null pointer.
struct Block {
    char* bytes;
    int64_t count;
};
static Block read_block() {
    Block block{nullptr, 0};
    read_all(&block.count, sizeof block.count);
    if (block.count < 0) return block;
    block.bytes = (char*)aligned_alloc(64, ((size_t)block.count + 127) / 64 * 64);
    read_all(block.bytes, (size_t)block.count);
    return block;
}

int main() {
    int64_t is_double, predicts;
    Job job;
    read_all(&is_double, 8), read_all(&predicts, 8), read_all(&job, sizeof job);
    Block blocks[18];
    for (Block& block : blocks) block = read_block();
    void** pointers[18] = {(void**)&job.ops, (void**)&job.parameters, &job.weights, &job.first_slot, &job.second_slot,
                           &job.average, &job.statistics, &job.average_statistics, (void**)&job.losses,
                           (void**)&job.probed, (void**)&job.recent, (void**)&job.inputs, (void**)&job.classes,
                           (void**)&job.numbers, (void**)&job.indices, (void**)&job.target_indices,
                           (void**)&job.class_weights, (void**)&job.rates};
    for (int i = 0; i < 18; i++) *pointers[i] = blocks[i].bytes;
    size_t needed = (size_t)kernel_plain.workspace_bytes(&job, is_double);
    job.workspace = calloc(1, needed + 64);
    job.workspace = (void*)(((uintptr_t)job.workspace + 63) / 64 * 64);
    if (predicts) {
        int64_t count, width = job.ops[job.op_count - 1].out;
        read_all(&count, 8);
        size_t bytes = (size_t)(count * width * (is_double ? 8 : 4));
        void* outputs = malloc(bytes);
        kernel_plain.predict(&job, is_double, job.weights, job.statistics, job.inputs, job.indices, count, outputs);
        fwrite(outputs, 1, bytes, stdout);
        return 0;
    }
    kernel_plain.train(&job, is_double);
    fwrite(&job, sizeof job, 1, stdout);
    for (int i = 2; i < 11; i++)
        if (blocks[i].bytes) fwrite(blocks[i].bytes, 1, (size_t)blocks[i].count, stdout);
}
