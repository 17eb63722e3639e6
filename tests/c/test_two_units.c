/* A program of two units, each of which includes the header; see two_units.c. */

#include "harness.h"

const char *version_seen_by_another_unit(void);

static void test_both_units_see_one_version(void) {
    CHECK_TEXT(version_seen_by_another_unit(), candle_ffi_version());
}

int main(void) {
    RUN(test_both_units_see_one_version);
    return FINISH();
}
