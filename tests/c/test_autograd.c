/* Gradients: backward, grad, recording. */

#include "samples.h"

/* The gradient of a tensor as a number; NaN when there is none. */
static double grad_of(const CandleTensor *tensor) {
    CandleTensor *grad = NULL;
    CHECK_OK(candle_tensor_grad(tensor, &grad, &error));
    return grad == NULL ? NAN : take_item(grad);
}

/* A leaf of rank 0 that requires a gradient. */
static CandleTensor *leaf(float value) {
    CandleTensor *tensor = floats(&value, NULL, 0);
    CHECK_OK(candle_tensor_set_requires_grad(tensor, 1, &error));
    return tensor;
}

static void test_backward_adds_to_the_leaves(void) {
    CandleTensor *x = leaf(3.0F), *square = NULL;
    int round;
    CHECK(candle_tensor_requires_grad(x) && candle_tensor_is_leaf(x));
    for (round = 1; round <= 2; round++) {
        char name[4];
        CHECK_OK(candle_tensor_mul(x, x, &square, &error));
        CHECK(!candle_tensor_is_leaf(square));
        CHECK_EQUAL(candle_tensor_grad_fn_name(square, name, sizeof name), 3);
        CHECK_TEXT(name, "mul");
        CHECK_OK(candle_tensor_backward(square, NULL, 0, 0, &error));
        candle_tensor_free(square);
        CHECK_NEAR(grad_of(x), 6.0 * round, 0.0);
    }
    CHECK_OK(candle_tensor_set_grad(x, NULL, &error));
    CHECK(isnan(grad_of(x)));
    candle_tensor_free(x);
}

static void test_a_second_backward_needs_the_graph(void) {
    CandleTensor *x = leaf(2.0F), *y = NULL;
    CHECK_OK(candle_tensor_mul(x, x, &y, &error));
    CHECK_OK(candle_tensor_backward(y, NULL, 1, 0, &error));
    CHECK_OK(candle_tensor_backward(y, NULL, 0, 0, &error));
    CHECK_ERROR(candle_tensor_backward(y, NULL, 0, 0, &error), CANDLE_ERROR_GRAPH, "backward");
    CHECK_NEAR(grad_of(x), 8.0, 0.0);
    candle_tensor_free(y);
    candle_tensor_free(x);
}

static void test_gradients_of_gradients(void) {
    CandleTensor *x = leaf(2.0F), *unused = leaf(1.0F), *square = NULL, *cube = NULL;
    CandleTensor *first[2] = {NULL, NULL}, *second[1] = {NULL};
    const CandleTensor *inputs[2], *outputs[1];
    CHECK_OK(candle_tensor_mul(x, x, &square, &error));
    CHECK_OK(candle_tensor_mul(square, x, &cube, &error));
    inputs[0] = x;
    inputs[1] = unused;
    outputs[0] = cube;
    CHECK_ERROR(candle_grad(outputs, 1, inputs, 2, NULL, 1, 1, 0, first, &error), CANDLE_ERROR_GRAPH, "");
    CHECK_OK(candle_grad(outputs, 1, inputs, 2, NULL, 1, 1, 1, first, &error));
    CHECK(first[1] == NULL);
    outputs[0] = first[0];
    CHECK_OK(candle_grad(outputs, 1, inputs, 1, NULL, 0, 0, 0, second, &error));
    CHECK_NEAR(take_item(second[0]), 12.0, 0.0);
    CHECK_NEAR(take_item(first[0]), 12.0, 0.0);
    CHECK(isnan(grad_of(x)));
    candle_tensor_free(cube);
    candle_tensor_free(square);
    candle_tensor_free(unused);
    candle_tensor_free(x);
}

static void test_recording_is_a_stack(void) {
    CandleTensor *x = leaf(2.0F), *y = NULL;
    CHECK_OK(candle_grad_mode_push(0, &error));
    CHECK_OK(candle_grad_mode_push(1, &error));
    CHECK(candle_grad_mode_is_enabled());
    CHECK_OK(candle_grad_mode_pop(&error));
    CHECK(!candle_grad_mode_is_enabled());
    CHECK_OK(candle_tensor_mul(x, x, &y, &error));
    CHECK(!candle_tensor_requires_grad(y));
    CHECK_OK(candle_grad_mode_pop(&error));
    CHECK(candle_grad_mode_is_enabled());
    CHECK_ERROR(candle_grad_mode_pop(&error), CANDLE_ERROR_INVALID_ARGUMENT, "push");
    CHECK_ERROR(candle_tensor_backward(y, NULL, 0, 0, &error), CANDLE_ERROR_GRAPH, "");
    candle_tensor_free(y);
    candle_tensor_free(x);
}

static void test_integers_have_no_gradients(void) {
    const int64_t value = 1;
    CandleTensor *tensor = NULL;
    CHECK_OK(candle_tensor_from_data(&value, 8, NULL, 0, NULL, CANDLE_DTYPE_INT64, CANDLE_DEVICE_CPU, 0,
                                     &tensor, &error));
    CHECK_ERROR(candle_tensor_set_requires_grad(tensor, 1, &error), CANDLE_ERROR_DTYPE, "int64");
    candle_tensor_free(tensor);
}

static void test_a_changed_value_is_noticed(void) {
    CandleTensor *x = leaf(2.0F), *y = NULL, *z = NULL;
    CHECK_OK(candle_tensor_exp(x, &y, &error));
    CHECK_OK(candle_tensor_mul(y, y, &z, &error));
    CHECK_OK(candle_tensor_zero_(y, &error));
    CHECK_ERROR(candle_tensor_backward(z, NULL, 0, 0, &error), CANDLE_ERROR_MODIFIED_IN_PLACE, "in place");
    candle_tensor_free(z);
    candle_tensor_free(y);
    candle_tensor_free(x);
}

int main(void) {
    RUN(test_backward_adds_to_the_leaves);
    RUN(test_a_second_backward_needs_the_graph);
    RUN(test_gradients_of_gradients);
    RUN(test_recording_is_a_stack);
    RUN(test_integers_have_no_gradients);
    RUN(test_a_changed_value_is_noticed);
    return FINISH();
}
