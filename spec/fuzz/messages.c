/* messages.c: SNS envelopes, jobs, saved messages; see readers/messages.lua. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lua_State *L;
    if (!L) L = reader_open("spec/fuzz/readers/messages.lua");
    reader_run(L, data, size);
    return 0;
}
