/* Handles that are checked: what is told, what is counted, and that nothing is harmed. */

#include "samples.h"

#include <pthread.h>

/* The message of a call with a handle that is wrong. */
#define CHECK_TOLD(call, message)                                                                  \
    do {                                                                                           \
        CandleError *error = NULL;                                                                 \
        size_t before_ = candle_ffi_misuses();                                                     \
        CHECK_EQUAL((call), CANDLE_ERROR_INVALID_HANDLE);                                          \
        CHECK_TEXT(candle_error_message(error), (message));                                        \
        CHECK_EQUAL(candle_ffi_misuses(), before_ + 1);                                            \
        candle_error_free(error);                                                                  \
    } while (0)

static void test_the_level_is_decided_once(void) {
    CHECK_ERROR(candle_ffi_set_checks(3, &error), CANDLE_ERROR_INVALID_ARGUMENT, "3");
    CHECK_ERROR(candle_ffi_set_checks(-1, &error), CANDLE_ERROR_INVALID_ARGUMENT, "-1");
    CHECK_ERROR(candle_ffi_set_checks(0, &error), CANDLE_ERROR_INVALID_ARGUMENT, "cannot change");
    CHECK_OK(candle_ffi_set_checks(1, &error));
    CHECK_EQUAL(candle_ffi_checks(), 1);
}

static void test_a_use_after_the_free_is_told(void) {
    CandleTensor *tensor = sample_CandleTensor(), *out = NULL;
    candle_tensor_free(tensor);
    CHECK_TOLD(candle_tensor_exp(tensor, &out, &error), "exp: `input` is a CandleTensor that was freed");
    CHECK_TOLD(candle_tensor_exp_(tensor, &error), "exp_: `input` is a CandleTensor that was freed");
    CHECK_EQUAL(candle_tensor_rank(tensor), 0);
    CHECK(out == NULL);
}

static void test_a_handle_stays_freed_when_its_memory_is_used_again(void) {
    enum { MANY = 2000 };
    CandleTensor *freed = sample_CandleTensor(), *out = NULL;
    CandleTensor **others = malloc(MANY * sizeof *others);
    size_t at;
    candle_tensor_free(freed);
    for (at = 0; at < MANY; at++) others[at] = sample_CandleTensor();
    CHECK_TOLD(candle_tensor_exp(freed, &out, &error), "exp: `input` is a CandleTensor that was freed");
    candle_tensor_free(freed);
    for (at = 0; at < MANY; at++) {
        CHECK(others[at] != freed);
        CHECK_EQUAL(candle_tensor_rank(others[at]), 2);
        candle_tensor_free(others[at]);
    }
    free(others);
}

static void test_a_second_free_does_nothing_and_is_counted(void) {
    CandleTensor *tensor = sample_CandleTensor(), *other = sample_CandleTensor();
    size_t before = candle_ffi_misuses();
    candle_tensor_free(tensor);
    CHECK_EQUAL(candle_ffi_misuses(), before);
    candle_tensor_free(tensor);
    candle_tensor_free(tensor);
    CHECK_EQUAL(candle_ffi_misuses(), before + 2);
    CHECK_EQUAL(candle_ffi_live_handles(CANDLE_HANDLE_TENSOR), 1);
    candle_tensor_free(NULL);
    CHECK_EQUAL(candle_ffi_misuses(), before + 2);
    candle_tensor_free(other);
}

static void test_another_type_is_told_by_name(void) {
    CandleGenerator *generator = sample_CandleGenerator();
    CandleTensor *wrong = (CandleTensor *)(void *)generator, *out = NULL;
    CHECK_TOLD(candle_tensor_exp(wrong, &out, &error), "exp: `input` is a CandleGenerator, not a CandleTensor");
    candle_tensor_free(wrong);
    CHECK_EQUAL(candle_ffi_live_handles(CANDLE_HANDLE_GENERATOR), 1);
    candle_generator_free(generator);
    CHECK_TOLD(candle_tensor_exp(wrong, &out, &error),
               "exp: `input` is a CandleGenerator that was freed, not a CandleTensor");
}

static void test_what_is_no_handle_is_told(void) {
    CandleTensor *out = NULL;
    int on_the_stack = 1;
    char *in_the_heap = calloc(64, 1);
    const char in_text[] = "a text";
    size_t at;
    void *pointers[7];
    pointers[0] = &on_the_stack;
    pointers[1] = in_the_heap;
    pointers[2] = in_the_heap + 1;
    pointers[3] = (void *)(uintptr_t)in_text;
    pointers[4] = (void *)(uintptr_t)1;
    pointers[5] = (void *)(uintptr_t)0xdeadbeef;
    pointers[6] = (void *)UINTPTR_MAX;
    for (at = 0; at < 7; at++) {
        CandleTensor *const wrong = pointers[at];
        CHECK_ERROR(candle_tensor_exp(wrong, &out, &error), CANDLE_ERROR_INVALID_HANDLE,
                    "not a handle of this library");
        CHECK_EQUAL(candle_tensor_dtype(wrong), CANDLE_DTYPE_NONE);
        candle_tensor_free(wrong);
        candle_module_free(pointers[at]);
    }
    free(in_the_heap);
}

static void test_one_wrong_handle_in_a_list_is_told(void) {
    CandleTensor *first = sample_CandleTensor(), *second = sample_CandleTensor(), *out = NULL;
    const CandleTensor *list[3];
    list[0] = first, list[1] = second, list[2] = first;
    candle_tensor_free(second);
    CHECK_TOLD(candle_tensor_cat(list, 3, 0, &out, &error), "cat: `tensors` is a CandleTensor that was freed");
    list[1] = first;
    CHECK_OK(candle_tensor_cat(list, 3, 0, &out, &error));
    candle_tensor_free(out);
    candle_tensor_free(first);
}

static void test_a_handle_may_be_given_twice(void) {
    CandleTensor *tensor = sample_CandleTensor(), *out = NULL;
    CHECK_OK(candle_tensor_add_(tensor, tensor, &error));
    CHECK_OK(candle_tensor_add(tensor, tensor, &out, &error));
    candle_tensor_free(out);
    candle_tensor_free(tensor);
}

static void test_an_error_can_be_misused_too(void) {
    CandleError *error = sample_CandleError();
    candle_error_free(error);
    CHECK_TEXT(candle_error_message(error), "");
    CHECK_EQUAL(candle_error_code(error), CANDLE_OK);
    candle_error_free(error);
}

/* A hook that frees what it was lent, and one that gives back what is no tensor. */
static CandleStatus hook_that_frees(void *user_data, const CandleTensor *gradient, CandleTensor **replacement) {
    CandleTensor *out = NULL;
    (void)user_data, (void)replacement;
    candle_tensor_free((CandleTensor *)(uintptr_t)gradient);
    CHECK_ERROR(candle_tensor_exp(gradient, &out, &error), CANDLE_ERROR_INVALID_HANDLE, "freed");
    return CANDLE_OK;
}

static CandleStatus hook_of_garbage(void *user_data, const CandleTensor *gradient, CandleTensor **replacement) {
    (void)gradient;
    *replacement = user_data;
    return CANDLE_OK;
}

static CandleTensor *leaf(void) {
    CandleTensor *tensor = sample_CandleTensor();
    CHECK_OK(candle_tensor_set_requires_grad(tensor, 1, &error));
    return tensor;
}

static void test_hooks_that_misuse_harm_nothing(void) {
    CandleTensor *tensor = leaf(), *sum = NULL, *gradient = NULL, *freed = sample_CandleTensor();
    uint64_t id = 0;
    candle_tensor_free(freed);
    CHECK_OK(candle_tensor_register_hook(tensor, hook_that_frees, NULL, NULL, &id, &error));
    CHECK_OK(candle_tensor_sum(tensor, NULL, 0, 0, CANDLE_DTYPE_NONE, &sum, &error));
    CHECK_OK(candle_tensor_backward(sum, NULL, 1, 0, &error));
    CHECK_OK(candle_tensor_grad(tensor, &gradient, &error));
    CHECK_EQUAL(candle_tensor_num_elements(gradient), 4);
    CHECK_OK(candle_tensor_remove_hook(tensor, id, &error));
    CHECK_OK(candle_tensor_register_hook(tensor, hook_of_garbage, freed, NULL, &id, &error));
    CHECK_ERROR(candle_tensor_backward(sum, NULL, 0, 0, &error), CANDLE_ERROR_INVALID_HANDLE, "replacement");
    candle_tensor_free(gradient);
    candle_tensor_free(sum);
    candle_tensor_free(tensor);
}

/* Threads that use tensors which others free: each use succeeds or tells of the free. */
enum { THREADS = 4, ROUNDS = 400, SLOTS = 32 };
static CandleTensor *slots[SLOTS];

static void *use_and_free(void *number) {
    unsigned long long state = 1 + (unsigned long long)(uintptr_t)number;
    int round, wrong = 0;
    for (round = 0; round < ROUNDS * SLOTS / THREADS; round++) {
        CandleTensor *tensor, *out = NULL;
        CandleStatus status;
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        tensor = slots[state >> 33 & (SLOTS - 1)];
        switch (state >> 60 & 3) {
        case 0:
            candle_tensor_free(tensor);
            break;
        case 1:
            status = candle_tensor_add_(tensor, tensor, NULL);
            wrong += status != CANDLE_OK && status != CANDLE_ERROR_BUSY && status != CANDLE_ERROR_INVALID_HANDLE;
            break;
        default:
            status = candle_tensor_exp(tensor, &out, NULL);
            wrong += status != CANDLE_OK && status != CANDLE_ERROR_BUSY && status != CANDLE_ERROR_INVALID_HANDLE;
            candle_tensor_free(out);
        }
    }
    return (void *)(uintptr_t)(unsigned)wrong;
}

static void test_frees_race_with_uses(void) {
    pthread_t threads[THREADS];
    int turn;
    size_t at;
    for (turn = 0; turn < 5; turn++) {
        for (at = 0; at < SLOTS; at++) slots[at] = sample_CandleTensor();
        for (at = 0; at < THREADS; at++)
            CHECK_EQUAL(pthread_create(&threads[at], NULL, use_and_free, (void *)(uintptr_t)(turn * THREADS + at)), 0);
        for (at = 0; at < THREADS; at++) {
            void *wrong = &threads;
            CHECK_EQUAL(pthread_join(threads[at], &wrong), 0);
            CHECK_EQUAL((uintptr_t)wrong, 0);
        }
        for (at = 0; at < SLOTS; at++) candle_tensor_free(slots[at]);
        CHECK_EQUAL(candle_ffi_live_handles(CANDLE_HANDLE_ALL), 0);
    }
}

int main(void) {
    CHECK_EQUAL(candle_ffi_misuses(), 0);
    CHECK_OK(candle_ffi_set_checks(1, &error));
    RUN(test_the_level_is_decided_once);
    RUN(test_a_use_after_the_free_is_told);
    RUN(test_a_handle_stays_freed_when_its_memory_is_used_again);
    RUN(test_a_second_free_does_nothing_and_is_counted);
    RUN(test_another_type_is_told_by_name);
    RUN(test_what_is_no_handle_is_told);
    RUN(test_one_wrong_handle_in_a_list_is_told);
    RUN(test_a_handle_may_be_given_twice);
    RUN(test_an_error_can_be_misused_too);
    RUN(test_hooks_that_misuse_harm_nothing);
    RUN(test_frees_race_with_uses);
    return FINISH();
}
