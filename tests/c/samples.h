/* One object of each type, for tests that call every function. */

#ifndef CANDLE_TEST_SAMPLES_H
#define CANDLE_TEST_SAMPLES_H

#include "dlpack_types.h"
#include "harness.h"

/* Each type of handles, and the word in its functions' names. */
#define TYPES(X)                                                                                   \
    X(CandleTensor, tensor)                                                                        \
    X(CandleGenerator, generator)                                                                  \
    X(CandleError, error)                                                                          \
    X(CandleTensorMap, tensor_map)                                                                 \
    X(CandleModule, module)                                                                        \
    X(CandleOptimizer, optimizer)                                                                  \
    X(CandleProfile, profile)                                                                      \
    X(CandleGraph, graph)

static CandleTensor *sample_CandleTensor(void) MAYBE_UNUSED;
static CandleTensor *sample_CandleTensor(void) {
    static const float values[4] = {1.0F, 2.0F, 3.0F, 4.0F};
    static const int64_t shape[2] = {2, 2};
    return floats(values, shape, 2);
}

static CandleGenerator *sample_CandleGenerator(void) MAYBE_UNUSED;
static CandleGenerator *sample_CandleGenerator(void) {
    CandleGenerator *out = NULL;
    CHECK_OK(candle_generator_new(1, &out, &error));
    return out;
}

static CandleError *sample_CandleError(void) MAYBE_UNUSED;
static CandleError *sample_CandleError(void) {
    CandleError *out = NULL;
    CHECK_EQUAL(candle_device_check(0, 0, &out), CANDLE_ERROR_DEVICE);
    return out;
}

static CandleTensorMap *sample_CandleTensorMap(void) MAYBE_UNUSED;
static CandleTensorMap *sample_CandleTensorMap(void) {
    CandleTensorMap *out = NULL;
    CHECK_OK(candle_tensor_map_new(&out, &error));
    return out;
}

static CandleModule *sample_CandleModule(void) MAYBE_UNUSED;
static CandleModule *sample_CandleModule(void) {
    CandleModule *out = NULL;
    CHECK_OK(candle_linear_new(2, 2, 1, CANDLE_DTYPE_NONE, CANDLE_DEVICE_CPU, 0, NULL, &out, &error));
    return out;
}

static CandleOptimizer *sample_CandleOptimizer(void) MAYBE_UNUSED;
static CandleOptimizer *sample_CandleOptimizer(void) {
    CandleOptimizer *out = NULL;
    CHECK_OK(candle_sgd_new(NULL, 0, NULL, &out, &error));
    return out;
}

static CandleProfile *sample_CandleProfile(void) MAYBE_UNUSED;
static CandleProfile *sample_CandleProfile(void) {
    CandleProfile *out = NULL;
    CHECK_OK(candle_profiler_start(NULL, &error));
    CHECK_OK(candle_profiler_stop(&out, &error));
    return out;
}

static CandleGraph *sample_CandleGraph(void) MAYBE_UNUSED;
static CandleGraph *sample_CandleGraph(void) {
    CandleGraph *out = NULL;
    CHECK_OK(candle_graph_new(&out, &error));
    return out;
}

/* Frees what a call has written, and clears the room for the next one. */
#define CLEAR(type, room) clear_##type((room), sizeof(room) / sizeof((room)[0]))
#define CLEARS(type, name)                                                                         \
    static void clear_##type(type **room, size_t len) MAYBE_UNUSED;                                \
    static void clear_##type(type **room, size_t len) {                                            \
        size_t at;                                                                                 \
        for (at = 0; at < len; at++) {                                                             \
            candle_##name##_free(room[at]);                                                        \
            room[at] = NULL;                                                                       \
        }                                                                                          \
    }
TYPES(CLEARS)

/* The same for tensors that were given away, which free themselves. */
#define CLEAR_MANAGED(room)                                                                        \
    do {                                                                                           \
        if ((room)[0] != NULL) (room)[0]->deleter((room)[0]);                                      \
        (room)[0] = NULL;                                                                          \
    } while (0)

#endif /* CANDLE_TEST_SAMPLES_H */
