/* fuzz: what the drivers share. Each has a LLVMFuzzerTestOneInput, which libFuzzer calls with bytes
 * of its own making; what does not hold ends the program, and libFuzzer keeps the bytes. */
#ifndef WATCHBOT_FUZZ_H
#define WATCHBOT_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

static inline _Noreturn void fuzz_fail(const char *file, int line, const char *condition) {
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

#endif
