/*
 * A program that loads another library in the place of the one that it is linked with:
 *
 *     backend OTHER THIRD NOTHING TEXT STRANGER OLDER LACKING
 *
 * OTHER and THIRD are copies of the library, the other files are none that can be loaded: one that is not there, a text,
 * a library of something else, a candle_ffi with an older interface, one in which a function is missing.
 */

#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <dlfcn.h>

static const char *other, *third, *nothing, *words, *stranger, *older, *lacking;
/* The other library's own function, which no other answers. */
static size_t (*live_in_other)(int32_t);

static CandleTensor *number(double value) {
    CandleTensor *made = NULL;
    CHECK_OK(candle_tensor_from_double(value, &made, &error));
    return made;
}

static void test_what_cannot_be_loaded_is_told_and_changes_nothing(void) {
    CHECK_ERROR(candle_backend_load(nothing, &error), CANDLE_ERROR_IO, nothing);
    CHECK_ERROR(candle_backend_load(words, &error), CANDLE_ERROR_IO, words);
    CHECK_ERROR(candle_backend_load(NULL, &error), CANDLE_ERROR_IO, "cuda");
    CHECK_ERROR(candle_backend_load(stranger, &error), CANDLE_ERROR_UNSUPPORTED, "no library of candle_ffi");
    CHECK_ERROR(candle_backend_load(older, &error), CANDLE_ERROR_UNSUPPORTED, "older");
    CHECK_ERROR(candle_backend_load(lacking, &error), CANDLE_ERROR_UNSUPPORTED, "no function candle_");
    CHECK_EQUAL(candle_backend_load(nothing, NULL), CANDLE_ERROR_IO);
    CHECK_NEAR(take_item(number(2.5)), 2.5, 0);
}

static void test_handles_that_are_alive_are_in_the_way(void) {
    CandleTensor *alive = number(1.5);
    CHECK_ERROR(candle_backend_load(other, &error), CANDLE_ERROR_BUSY, "1 handle");
    CHECK_NEAR(take_item(alive), 1.5, 0);
}

static void test_calls_go_to_the_other(void) {
    CandleTensor *mine = number(1), *sum = NULL;
    void *file = dlopen(other, RTLD_NOW | RTLD_LOCAL);
    CHECK(file != NULL);
    if (file == NULL) exit(EXIT_FAILURE);
    *(void **)&live_in_other = dlsym(file, "candle_ffi_live_handles");
    CHECK_EQUAL(live_in_other(CANDLE_HANDLE_ALL), 0);
    candle_tensor_free(mine);

    CHECK_OK(candle_backend_load(other, &error));
    mine = number(2);
    CHECK_EQUAL(live_in_other(CANDLE_HANDLE_TENSOR), 1);
    CHECK_EQUAL(candle_ffi_live_handles(CANDLE_HANDLE_TENSOR), 1);
    CHECK_OK(candle_tensor_add(mine, mine, &sum, &error));
    CHECK_EQUAL(live_in_other(CANDLE_HANDLE_TENSOR), 2);
    CHECK_NEAR(take_item(sum), 4, 0);
    candle_tensor_free(mine);
    CHECK_EQUAL(live_in_other(CANDLE_HANDLE_ALL), 0);
    CHECK(strstr(candle_ffi_build_info(), "candle_ffi") != NULL);
    CHECK_EQUAL(candle_device_count(CANDLE_DEVICE_CPU), 1);
}

static void test_errors_are_of_the_other(void) {
    CandleError *error = NULL;
    CandleTensor *out = NULL;
    CHECK_EQUAL(candle_tensor_exp(NULL, &out, &error), CANDLE_ERROR_NULL_POINTER);
    CHECK_EQUAL(live_in_other(CANDLE_HANDLE_ERROR), 1);
    CHECK_TEXT(candle_error_operation(error), "exp");
    candle_error_free(error);
    CHECK_EQUAL(live_in_other(CANDLE_HANDLE_ERROR), 0);
}

/* One linear layer learns 2 x + 1. */
static void test_a_model_learns_in_the_other(void) {
    const float xs[] = {-1, 0, 1, 2}, ys[] = {-1, 1, 3, 5};
    const int64_t shape[] = {4, 1};
    CandleTensor *x = floats(xs, shape, 2), *y = floats(ys, shape, 2), *parameters[2] = {NULL, NULL};
    CandleModule *layer = NULL;
    CandleOptimizer *optimizer = NULL;
    double first = 0, last = 0;
    int step;
    CHECK_OK(candle_linear_new(1, 1, 1, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, NULL, &layer, &error));
    CHECK_OK(candle_module_get_parameter(layer, "weight", &parameters[0], &error));
    CHECK_OK(candle_module_get_parameter(layer, "bias", &parameters[1], &error));
    {
        CandleSgdOptions options = CANDLE_SGD_OPTIONS_INIT;
        options.lr = 0.1;
        CHECK_OK(candle_sgd_new((const CandleTensor *const *)parameters, 2, &options, &optimizer, &error));
    }
    CHECK(live_in_other(CANDLE_HANDLE_MODULE) == 1 && live_in_other(CANDLE_HANDLE_OPTIMIZER) == 1);
    for (step = 0; step < 60; step++) {
        CandleTensor *output = NULL, *loss = NULL;
        CHECK_OK(candle_module_forward(layer, x, &output, &error));
        CHECK_OK(candle_tensor_mse_loss(output, y, CANDLE_REDUCTION_MEAN, &loss, &error));
        CHECK_OK(candle_tensor_backward(loss, NULL, 0, 0, &error));
        CHECK_OK(candle_optimizer_step(optimizer, &error));
        CHECK_OK(candle_optimizer_zero_grad(optimizer, &error));
        candle_tensor_free(output);
        last = take_item(loss);
        if (step == 0) first = last;
    }
    CHECK(first > 10 * last && last < 0.1);
    candle_optimizer_free(optimizer);
    candle_module_free(layer);
    candle_tensor_free(parameters[0]);
    candle_tensor_free(parameters[1]);
    candle_tensor_free(x);
    candle_tensor_free(y);
    CHECK_EQUAL(live_in_other(CANDLE_HANDLE_ALL), 0);
}

static void test_a_choice_holds(void) {
    CandleTensor *alive = number(3);
    CHECK_OK(candle_backend_load(other, &error));
    CHECK_OK(candle_backend_load(NULL, &error));
    CHECK_ERROR(candle_backend_load(third, &error), CANDLE_ERROR_BUSY, other);
    CHECK_NEAR(take_item(alive), 3, 0);
    CHECK_ERROR(candle_backend_load(third, &error), CANDLE_ERROR_BUSY, "in use already");
    CHECK_EQUAL(live_in_other(CANDLE_HANDLE_ALL), 0);
}

int main(int count, char **words_given) {
    if (count != 8) return EXIT_FAILURE;
    other = words_given[1];
    third = words_given[2];
    nothing = words_given[3];
    words = words_given[4];
    stranger = words_given[5];
    older = words_given[6];
    lacking = words_given[7];
    RUN(test_what_cannot_be_loaded_is_told_and_changes_nothing);
    RUN(test_handles_that_are_alive_are_in_the_way);
    RUN(test_calls_go_to_the_other);
    RUN(test_errors_are_of_the_other);
    RUN(test_a_model_learns_in_the_other);
    RUN(test_a_choice_holds);
    return FINISH();
}
