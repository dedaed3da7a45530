/* profiles.c: the shared config and credentials files; see readers/profiles.lua. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lua_State *L;
    if (!L) L = reader_open("spec/fuzz/readers/profiles.lua");
    reader_run(L, data, size);
    return 0;
}
