/* arguments.c: words of the command line: options, URLs, ARNs, dates; see readers/arguments.lua. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lua_State *L;
    if (!L) L = reader_open("spec/fuzz/readers/arguments.lua");
    reader_run(L, data, size);
    return 0;
}
