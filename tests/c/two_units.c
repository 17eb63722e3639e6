/* The header twice in one unit, and in two units of one program. */

#include "candle_ffi.h"
#include "candle_ffi.h"

const char *version_seen_by_another_unit(void);
const char *version_seen_by_another_unit(void) {
    return CANDLE_FFI_VERSION;
}
