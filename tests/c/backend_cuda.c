/*
 * A program that is linked with the library of the CPU and goes on with the one with CUDA:
 *
 *     backend_cuda OTHER
 *
 * The library with CUDA is in the folder `cuda` beside that of the CPU; OTHER is another one. There is a device.
 */

#include "harness.h"

static const char *other;

static CandleTensor *twos(CandleDeviceKind device) {
    const int64_t shape[] = {3, 3};
    CandleTensor *made = NULL;
    CHECK_OK(candle_tensor_full(shape, 2, 2.0, CANDLE_DTYPE_FLOAT32, device, 0, &made, &error));
    return made;
}

static CandleTensor *on_device(const void *data, size_t bytes, int64_t count, CandleDType dtype) {
    CandleTensor *made = NULL;
    CHECK_OK(candle_tensor_from_data(data, bytes, &count, 1, NULL, dtype, CANDLE_DEVICE_CUDA, 0, &made, &error));
    return made;
}

static void test_the_library_of_the_cpu_has_no_device(void) {
    const int64_t shape[] = {1};
    CandleTensor *out = NULL;
    CHECK_EQUAL(candle_device_count(CANDLE_DEVICE_CUDA), 0);
    CHECK_ERROR(candle_tensor_ones(shape, 1, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CUDA, 0, &out, &error),
                CANDLE_ERROR_DEVICE, "cuda");
}

static void test_too_late_is_told_and_changes_nothing(void) {
    CandleTensor *alive = twos(CANDLE_DEVICE_CPU), *sum = NULL;
    CHECK_ERROR(candle_backend_load(NULL, &error), CANDLE_ERROR_BUSY, "1 handle");
    CHECK_EQUAL(candle_device_count(CANDLE_DEVICE_CUDA), 0);
    CHECK_OK(candle_tensor_sum(alive, NULL, 0, 0, CANDLE_DTYPE_NONE, &sum, &error));
    CHECK_NEAR(take_item(sum), 18, 0);
    candle_tensor_free(alive);
}

static void test_a_gradient_is_computed_on_the_device(void) {
    CandleTensor *x, *product = NULL, *total = NULL, *gradient = NULL, *one = NULL;
    CHECK_OK(candle_backend_load(NULL, &error));
    CHECK(candle_device_count(CANDLE_DEVICE_CUDA) >= 1);
    x = twos(CANDLE_DEVICE_CUDA);
    CHECK_OK(candle_tensor_set_requires_grad(x, 1, &error));
    CHECK_OK(candle_tensor_matmul(x, x, &product, &error));
    CHECK_OK(candle_tensor_sum(product, NULL, 0, 0, CANDLE_DTYPE_NONE, &total, &error));
    CHECK_OK(candle_tensor_backward(total, NULL, 0, 0, &error));
    CHECK_OK(candle_tensor_grad(x, &gradient, &error));
    CHECK_EQUAL(candle_tensor_device(gradient), CANDLE_DEVICE_CUDA);
    CHECK_OK(candle_tensor_sum(gradient, NULL, 0, 0, CANDLE_DTYPE_NONE, &one, &error));
    /* Sums of rows and columns of twos. */
    CHECK_NEAR(take_item(one), 9 * 12, 1e-4);
    CHECK_NEAR(take_item(total), 9 * 12, 1e-4);
    candle_tensor_free(gradient);
    candle_tensor_free(product);
    candle_tensor_free(x);
}

static void test_what_a_kernel_finds_is_an_error_of_this_program(void) {
    const float numbers[] = {1, 2, 3};
    const int64_t wrong[] = {0, 7}, right[] = {2, 0};
    CandleTensor *x = on_device(numbers, sizeof numbers, 3, CANDLE_DTYPE_FLOAT32), *index, *out = NULL, *one = NULL;
    index = on_device(wrong, sizeof wrong, 2, CANDLE_DTYPE_INT64);
    CHECK_OK(candle_tensor_index_select(x, 0, index, &out, &error));
    CHECK_ERROR(candle_device_synchronize(CANDLE_DEVICE_CUDA, 0, &error), CANDLE_ERROR_INDEX, "7");
    candle_tensor_free(out);
    candle_tensor_free(index);
    index = on_device(right, sizeof right, 2, CANDLE_DTYPE_INT64);
    CHECK_OK(candle_tensor_index_select(x, 0, index, &out, &error));
    CHECK_OK(candle_tensor_sum(out, NULL, 0, 0, CANDLE_DTYPE_NONE, &one, &error));
    CHECK_NEAR(take_item(one), 4, 0);
    candle_tensor_free(out);
    candle_tensor_free(index);
    candle_tensor_free(x);
}

static void test_the_choice_holds(void) {
    CandleTensor *x = twos(CANDLE_DEVICE_CUDA), *sum = NULL;
    CHECK_OK(candle_backend_load(NULL, &error));
    CHECK_ERROR(candle_backend_load(other, &error), CANDLE_ERROR_BUSY, "in use already");
    CHECK_OK(candle_tensor_sum(x, NULL, 0, 0, CANDLE_DTYPE_NONE, &sum, &error));
    CHECK_NEAR(take_item(sum), 18, 0);
    candle_tensor_free(x);
}

int main(int count, char **words) {
    if (count != 2) return EXIT_FAILURE;
    other = words[1];
    RUN(test_the_library_of_the_cpu_has_no_device);
    RUN(test_too_late_is_told_and_changes_nothing);
    RUN(test_a_gradient_is_computed_on_the_device);
    RUN(test_what_a_kernel_finds_is_an_error_of_this_program);
    RUN(test_the_choice_holds);
    return FINISH();
}
