/* What can be known to be wrong, for tests that give it to every function, with checks on. */

#ifndef CANDLE_TEST_MISUSE_H
#define CANDLE_TEST_MISUSE_H

#include "samples.h"

#define EACH(at, values) for (at = 0; at < sizeof(values) / sizeof((values)[0]); at++)

#define BAD_HANDLES bad_CandleTensor

/* Handles that are right, some for what is changed; where results would go; and what is wrong, of each type. */
#define DECLARE(type, name)                                                                        \
    static type *good_##type;                                                                      \
    static type *own_##type[2];                                                                    \
    static type *out_##type[4] MAYBE_UNUSED;                                                       \
    static type *bad_##type[10];
TYPES(DECLARE)

static const char NOT_UTF8[] MAYBE_UNUSED = "\xff\xfe";
static const char *not_utf8[1] MAYBE_UNUSED = {"\xff\xfe"};
static const char *texts[1] MAYBE_UNUSED = {"sample"};
static const int32_t bad_numbers[] MAYBE_UNUSED = {-7, 99, INT32_MAX, INT32_MIN};
static const char *const bad_digits[] MAYBE_UNUSED = {"-7", "99", "2147483647", "-2147483648"};
#define BAD_NUMBERS bad_numbers

/* Sizes that no structure has: none, torn, too large, absurd. */
static const size_t BAD_SIZES[] = {0, 1, 7, 12, SIZE_MAX, SIZE_MAX - 7, 1};
static size_t bad_size(size_t at, size_t known) MAYBE_UNUSED;
static size_t bad_size(size_t at, size_t known) {
    return at + 1 < sizeof BAD_SIZES / sizeof BAD_SIZES[0] ? BAD_SIZES[at] : known + 8;
}

/* Room for arguments that are right: small numbers, and pointers. */
static union {
    int64_t align;
    char bytes[64];
} room_of_numbers, room_of_pointers;
static char *const room_numbers MAYBE_UNUSED = room_of_numbers.bytes;
static char *const room_pointer MAYBE_UNUSED = room_of_pointers.bytes;

static CandleStatus hook(void *user_data, const CandleTensor *gradient, CandleTensor **replacement) {
    (void)user_data, (void)gradient, (void)replacement;
    return CANDLE_OK;
}
static CandleStatus closure(void *user_data, double *loss) {
    (void)user_data;
    *loss = 0.0;
    return CANDLE_OK;
}
static const CandleHookCallback good_CandleHookCallback MAYBE_UNUSED = hook;
static const CandleLossCallback good_CandleLossCallback MAYBE_UNUSED = closure;
static const CandleFreeCallback good_CandleFreeCallback MAYBE_UNUSED = NULL;

static size_t at MAYBE_UNUSED;
static CandleError *told;
static unsigned long long refusals;

/* A call was refused with a code, its error says a word, and nothing was written. */
static void refused(int line, CandleStatus status, CandleStatus code, const char *word) MAYBE_UNUSED;
static void refused(int line, CandleStatus status, CandleStatus code, const char *word) {
    size_t slot;
    refusals++;
    if (status != code || candle_error_code(told) != code)
        FAIL("line %d: %s instead of %s: %s", line, candle_status_name(status),
             candle_status_name(code), candle_error_message(told));
    else if (word != NULL && strstr(candle_error_message(told), word) == NULL)
        FAIL("line %d: \"%s\" does not say %s", line, candle_error_message(told), word);
    candle_error_free(told);
    told = NULL;
#define UNTOUCHED(type, name)                                                                      \
    for (slot = 0; slot < 4; slot++)                                                               \
        if (out_##type[slot] != NULL) FAIL("line %d: a " #type " was written", line);
    TYPES(UNTOUCHED)
    for (slot = 0; slot < sizeof room_of_pointers.bytes; slot++)
        if (room_pointer[slot] != 0) FAIL("line %d: a pointer was written", line);
}

/* A live handle that is not of a type. */
static void *another(const char *type) {
    return strcmp(type, "CandleTensor") == 0 ? (void *)good_CandleGenerator : good_CandleTensor;
}

static void begin(void) {
    static int64_t in_static_memory[4];
    CandleGenerator *freed;
    int64_t *in_the_heap = calloc(4, sizeof *in_the_heap);
    size_t slot;
    CHECK_OK(candle_ffi_set_checks(1, &error));
    CHECK_EQUAL(candle_ffi_checks(), 1);
    for (slot = 0; slot < 4; slot++) ((int64_t *)(void *)room_numbers)[slot] = 1;
    good_CandleTensor = sample_CandleTensor();
    good_CandleGenerator = sample_CandleGenerator();
    freed = sample_CandleGenerator();
    candle_generator_free(freed);
#define FILL(type, name)                                                                           \
    if (good_##type == NULL) good_##type = sample_##type();                                        \
    own_##type[0] = sample_##type();                                                               \
    own_##type[1] = sample_##type();                                                               \
    bad_##type[0] = sample_##type();                                                               \
    candle_##name##_free(bad_##type[0]);                                                           \
    bad_##type[1] = (type *)((uintptr_t)(void *)good_##type + 8);                                  \
    bad_##type[2] = (type *)(void *)freed;                                                         \
    bad_##type[3] = (type *)(void *)another(#type);                                                \
    bad_##type[4] = (type *)(void *)in_static_memory;                                              \
    bad_##type[5] = (type *)(void *)in_the_heap;                                                   \
    bad_##type[6] = (type *)(void *)((char *)in_the_heap + 1);                                     \
    bad_##type[7] = (type *)(void *)&slot;                                                         \
    bad_##type[8] = (type *)(uintptr_t)1;                                                          \
    bad_##type[9] = (type *)UINTPTR_MAX;
    TYPES(FILL)
    free(in_the_heap);
}

static int end(void) {
#define FREE(type, name)                                                                           \
    candle_##name##_free(good_##type);                                                             \
    candle_##name##_free(own_##type[0]);                                                           \
    candle_##name##_free(own_##type[1]);
    TYPES(FREE)
    CHECK(refusals > 4000);
    return FINISH();
}

#endif /* CANDLE_TEST_MISUSE_H */
