/* A test harness of one header: checks that go on after a failure, and a count at the end. */

#ifndef CANDLE_TEST_HARNESS_H
#define CANDLE_TEST_HARNESS_H

#include "candle_ffi.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not every test uses every part. */
#if defined(__GNUC__)
#define MAYBE_UNUSED __attribute__((unused))
#else
#define MAYBE_UNUSED
#endif

static int failures MAYBE_UNUSED = 0;
static int tests MAYBE_UNUSED = 0;

#define FAIL(...)                                                                                  \
    (failures++, printf("%s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n"))

/* Evaluates its argument once, like a function. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) FAIL("failed: %s", #condition);                                          \
    } while (0)

#define CHECK_EQUAL(actual, expected)                                                              \
    do {                                                                                           \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected);                \
        if (actual_ != expected_)                                                                  \
            FAIL("%s is %lld, expected %lld", #actual, actual_, expected_);                        \
    } while (0)

#define CHECK_NEAR(actual, expected, tolerance)                                                    \
    do {                                                                                           \
        double actual_ = (actual), expected_ = (expected);                                         \
        if (!(fabs(actual_ - expected_) <= (tolerance)))                                           \
            FAIL("%s is %.9g, expected %.9g", #actual, actual_, expected_);                        \
    } while (0)

#define CHECK_TEXT(actual, expected)                                                               \
    do {                                                                                           \
        const char *actual_ = (actual);                                                            \
        if (strcmp(actual_, (expected)) != 0)                                                      \
            FAIL("%s is \"%s\", expected \"%s\"", #actual, actual_, (expected));                   \
    } while (0)

/* Calls with `&error` in the arguments: succeeds, or tells why not. */
#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        CandleError *error = NULL;                                                                 \
        CandleStatus status_ = (call);                                                             \
        if (status_ != CANDLE_OK)                                                                  \
            FAIL("%s: %s: %s", #call, candle_status_name(status_), candle_error_message(error));   \
        candle_error_free(error);                                                                  \
    } while (0)

/* Calls with `&error` in the arguments: fails with a code and a message that has a word. */
#define CHECK_ERROR(call, code, word)                                                              \
    do {                                                                                           \
        CandleError *error = NULL;                                                                 \
        CandleStatus status_ = (call);                                                             \
        CHECK_EQUAL(status_, code);                                                                \
        CHECK_EQUAL(candle_error_code(error), code);                                               \
        if (strstr(candle_error_message(error), (word)) == NULL)                                   \
            FAIL("\"%s\" does not have \"%s\"", candle_error_message(error), (word));              \
        candle_error_free(error);                                                                  \
    } while (0)

#define RUN(test) (tests++, test())

/* Ends a test: handles that were made must have been freed. */
static int finish(void) MAYBE_UNUSED;
static int finish(void) {
    CHECK_EQUAL(candle_ffi_live_handles(CANDLE_HANDLE_ALL), 0);
    printf("%d tests, %d failures\n", tests, failures);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
#define FINISH() finish()

/* A float32 tensor of the given sizes on the CPU. */
static CandleTensor *floats(const float *values, const int64_t *shape, size_t rank) MAYBE_UNUSED;
static CandleTensor *floats(const float *values, const int64_t *shape, size_t rank) {
    CandleTensor *out = NULL;
    size_t count = 1, dim;
    for (dim = 0; dim < rank; dim++) count *= (size_t)shape[dim];
    CHECK_OK(candle_tensor_from_data(values, count * sizeof *values, shape, rank, NULL,
                                     CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, &out, &error));
    return out;
}

/* The only element of a tensor, which is freed. */
static double take_item(CandleTensor *tensor) MAYBE_UNUSED;
static double take_item(CandleTensor *tensor) {
    double value = NAN;
    CHECK_OK(candle_tensor_item_double(tensor, &value, &error));
    candle_tensor_free(tensor);
    return value;
}

#endif /* CANDLE_TEST_HARNESS_H */
