/* Threads: shared objects are read by many, changed ones belong to one, and misuse is told. */

#include "samples.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 200 };

static CandleTensor *shared;
static int wrong[THREADS], busy[THREADS];

static void *read_shared(void *argument) {
    int *bad = argument;
    int round;
    for (round = 0; round < ROUNDS; round++) {
        CandleTensor *sum = NULL;
        double value = 0;
        if (candle_tensor_sum(shared, NULL, 0, 0, CANDLE_DTYPE_NONE, &sum, NULL) != CANDLE_OK ||
            candle_tensor_item_double(sum, &value, NULL) != CANDLE_OK || value != 10.0)
            *bad += 1;
        candle_tensor_free(sum);
    }
    return NULL;
}

static void *change_shared(void *argument) {
    int *refused = argument;
    int round;
    CandleTensor *zero = NULL;
    candle_tensor_from_double(0.0, &zero, NULL);
    for (round = 0; round < ROUNDS; round++) {
        CandleStatus status = candle_tensor_add_(shared, zero, NULL);
        if (status == CANDLE_ERROR_BUSY) *refused += 1;
        else if (status != CANDLE_OK) wrong[0] += 1;
    }
    candle_tensor_free(zero);
    return NULL;
}

static void *recording_is_on(void *argument) {
    *(int *)argument = candle_grad_mode_is_enabled();
    return NULL;
}

static void run(void *(*body)(void *), int *results) {
    pthread_t threads[THREADS];
    int at;
    for (at = 0; at < THREADS; at++) CHECK_EQUAL(pthread_create(&threads[at], NULL, body, &results[at]), 0);
    for (at = 0; at < THREADS; at++) CHECK_EQUAL(pthread_join(threads[at], NULL), 0);
}

static void test_many_readers(void) {
    int at;
    shared = sample_CandleTensor();
    memset(wrong, 0, sizeof wrong);
    run(read_shared, wrong);
    for (at = 0; at < THREADS; at++) CHECK_EQUAL(wrong[at], 0);
    candle_tensor_free(shared);
}

static void test_concurrent_changes_are_done_or_refused(void) {
    CandleTensor *sum = NULL;
    shared = sample_CandleTensor();
    memset(wrong, 0, sizeof wrong);
    memset(busy, 0, sizeof busy);
    run(change_shared, busy);
    CHECK_EQUAL(wrong[0], 0);
    CHECK_EQUAL(candle_tensor_version(shared), THREADS * ROUNDS - busy[0] - busy[1] - busy[2] - busy[3]);
    CHECK_OK(candle_tensor_sum(shared, NULL, 0, 0, CANDLE_DTYPE_NONE, &sum, &error));
    CHECK_NEAR(take_item(sum), 10.0, 0.0);
    candle_tensor_free(shared);
}

static void test_recording_is_of_each_thread(void) {
    int at;
    CHECK_OK(candle_grad_mode_push(0, &error));
    run(recording_is_on, wrong);
    for (at = 0; at < THREADS; at++) CHECK_EQUAL(wrong[at], 1);
    CHECK_OK(candle_grad_mode_pop(&error));
}

int main(void) {
    RUN(test_many_readers);
    RUN(test_concurrent_changes_are_done_or_refused);
    RUN(test_recording_is_of_each_thread);
    return FINISH();
}
