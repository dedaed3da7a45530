/* answers.c: what AWS and its emulators answer: JSON, XML, errors, credentials; see
 * readers/answers.lua. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lua_State *L;
    if (!L) L = reader_open("spec/fuzz/readers/answers.lua");
    reader_run(L, data, size);
    return 0;
}
