/*
 * A program of version 1 of the ABI. It is compiled against the header beside it and run with today's
 * library; neither is ever changed. It passes every kind of thing across the border: handles, arrays,
 * options, indices, callbacks, names, errors and files.
 */

#include "candle_ffi.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, const CandleError *error) {
    printf("%s: %s\n", what, error ? candle_error_message(error) : "failed");
    exit(EXIT_FAILURE);
}

#define TRY(call)                                                                                  \
    do {                                                                                           \
        CandleError *error = NULL;                                                                 \
        if ((call) != CANDLE_OK) fail(#call, error);                                               \
    } while (0)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) fail(#condition, NULL);                                                  \
    } while (0)

static CandleTensor *floats(const float *values, int64_t rows, int64_t columns) {
    CandleTensor *tensor = NULL;
    int64_t shape[2];
    shape[0] = rows;
    shape[1] = columns;
    TRY(candle_tensor_from_data(values, (size_t)(rows * columns) * sizeof *values, shape, 2, NULL,
                                CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, &tensor, &error));
    return tensor;
}

/* The library is no older than the header, and knows its constants by their names. */
static void versions(void) {
    CHECK(candle_ffi_abi_version() >= CANDLE_FFI_ABI_VERSION);
    CHECK(strcmp(CANDLE_FFI_VERSION, "0.1.0") == 0);
    CHECK(candle_ffi_version()[0] != '\0');
    CHECK(strcmp(candle_status_name(CANDLE_ERROR_SHAPE), "CANDLE_ERROR_SHAPE") == 0);
    CHECK(strcmp(candle_dtype_name(CANDLE_DTYPE_BFLOAT16), "bfloat16") == 0);
}

/* Rows 1 and 0 of the last column, by a slice that is a struct. */
static void indices(void) {
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    CandleIndex index[2] = {CANDLE_INDEX_INIT, CANDLE_INDEX_INIT};
    CandleTensor *tensor = floats(values, 3, 2), *part = NULL;
    float read[2] = {0, 0};
    index[0].kind = CANDLE_INDEX_SLICE;
    index[0].has_start = 1;
    index[0].start = 0;
    index[0].has_stop = 1;
    index[0].stop = -1;
    index[1].kind = CANDLE_INDEX_INTEGER;
    index[1].start = -1;
    TRY(candle_tensor_get_item(tensor, index, 2, &part, &error));
    CHECK(candle_tensor_rank(part) == 1);
    TRY(candle_tensor_copy_to(part, read, sizeof read, &error));
    CHECK(read[0] == 2 && read[1] == 4);
    candle_tensor_free(part);
    candle_tensor_free(tensor);
}

/* An error tells its operation and the shapes. */
static void errors(void) {
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    CandleTensor *tensor = floats(values, 2, 3), *product = NULL;
    CandleError *error = NULL;
    int64_t shape[2] = {0, 0};
    CHECK(candle_tensor_matmul(tensor, tensor, &product, &error) == CANDLE_ERROR_SHAPE);
    CHECK(product == NULL && candle_error_code(error) == CANDLE_ERROR_SHAPE);
    CHECK(strcmp(candle_error_operation(error), "matmul") == 0);
    CHECK(candle_error_num_shapes(error) == 2 && candle_error_shape(error, 0, shape, 2) == 2);
    CHECK(shape[0] == 2 && shape[1] == 3);
    candle_error_free(error);
    candle_tensor_free(tensor);
}

/* A hook doubles the gradient, and its data are freed once. */
static CandleStatus twice(void *user_data, const CandleTensor *gradient, CandleTensor **replacement) {
    ++*(int *)user_data;
    return candle_tensor_add(gradient, gradient, replacement, NULL);
}

static void forget(void *user_data) { *(int *)user_data += 100; }

static void hooks(void) {
    static const float values[2] = {3, 4};
    CandleTensor *tensor = floats(values, 1, 2), *square = NULL, *sum = NULL, *gradient = NULL;
    float read[2] = {0, 0};
    uint64_t id = 0;
    int calls = 0;
    TRY(candle_tensor_set_requires_grad(tensor, 1, &error));
    TRY(candle_tensor_register_hook(tensor, twice, &calls, forget, &id, &error));
    TRY(candle_tensor_square(tensor, &square, &error));
    TRY(candle_tensor_sum(square, NULL, 0, 0, CANDLE_DTYPE_NONE, &sum, &error));
    TRY(candle_tensor_backward(sum, NULL, 0, 0, &error));
    TRY(candle_tensor_grad(tensor, &gradient, &error));
    TRY(candle_tensor_copy_to(gradient, read, sizeof read, &error));
    CHECK(read[0] == 12 && read[1] == 16);
    TRY(candle_tensor_remove_hook(tensor, id, &error));
    CHECK(calls == 101);
    candle_tensor_free(gradient);
    candle_tensor_free(sum);
    candle_tensor_free(square);
    candle_tensor_free(tensor);
}

static CandleModule *make_model(void) {
    CandleModule *model = NULL, *first = NULL, *between = NULL, *last = NULL;
    CandleGenerator *generator = NULL;
    TRY(candle_generator_new(0, &generator, &error));
    TRY(candle_linear_new(2, 10, 1, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, generator, &first, &error));
    TRY(candle_relu_new(&between, &error));
    TRY(candle_linear_new(10, 1, 1, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, generator, &last, &error));
    TRY(candle_sequential_new(&model, &error));
    TRY(candle_sequential_push(model, first, &error));
    TRY(candle_sequential_push(model, between, &error));
    TRY(candle_sequential_push(model, last, &error));
    candle_module_free(first);
    candle_module_free(between);
    candle_module_free(last);
    candle_generator_free(generator);
    return model;
}

static double loss_of(const CandleModule *model, const CandleTensor *x, const CandleTensor *y, int backward) {
    CandleTensor *output = NULL, *loss = NULL;
    double value = 0;
    TRY(candle_module_forward(model, x, &output, &error));
    TRY(candle_tensor_mse_loss(output, y, CANDLE_REDUCTION_MEAN, &loss, &error));
    TRY(candle_tensor_item_double(loss, &value, &error));
    if (backward) TRY(candle_tensor_backward(loss, NULL, 0, 0, &error));
    candle_tensor_free(output);
    candle_tensor_free(loss);
    return value;
}

static void step(CandleOptimizer *optimizer, const CandleModule *model, const CandleTensor *x, const CandleTensor *y) {
    TRY(candle_optimizer_zero_grad(optimizer, &error));
    loss_of(model, x, y, 1);
    TRY(candle_optimizer_step(optimizer, &error));
}

/* What the defaults of an option are for a struct of the size of its first member. */
static void defaults(const CandleTensor *const *params, size_t count) {
    CandleSgdOptions options = CANDLE_SGD_OPTIONS_INIT, none = CANDLE_SGD_OPTIONS_INIT;
    CandleOptimizer *optimizer = NULL;
    double value = 0;
    options.momentum = 0.5;
    options.struct_size = sizeof options.struct_size;
    TRY(candle_sgd_new(params, count, &options, &optimizer, &error));
    TRY(candle_optimizer_get_option(optimizer, 0, "momentum", &value, &error));
    CHECK(value == none.momentum);
    candle_optimizer_free(optimizer);
}

/* Two optimizers with options of this version lower the loss; the model comes back from a file. */
static void training(const char *path) {
    enum { POINTS = 64, PARAMETERS = 4 };
    float x[POINTS][2], y[POINTS];
    double before, after, read;
    size_t at, count = 0;
    CandleTensor *inputs, *targets, *params[PARAMETERS];
    CandleModule *model = make_model(), *other = make_model();
    CandleOptimizer *optimizer = NULL;
    CandleSgdOptions sgd = CANDLE_SGD_OPTIONS_INIT;
    CandleAdamwOptions adamw = CANDLE_ADAMW_OPTIONS_INIT;
    for (at = 0; at < POINTS; at++) {
        x[at][0] = (float)(at % 8) / 8;
        x[at][1] = (float)(at / 8) / 8;
        y[at] = 2 * x[at][0] + 3 * x[at][1];
    }
    inputs = floats(&x[0][0], POINTS, 2);
    targets = floats(y, POINTS, 1);
    TRY(candle_module_parameters(model, params, PARAMETERS, &count, &error));
    CHECK(count == PARAMETERS);
    defaults((const CandleTensor *const *)params, count);

    before = loss_of(model, inputs, targets, 0);
    sgd.lr = 0.05;
    sgd.momentum = 0.9;
    TRY(candle_sgd_new((const CandleTensor *const *)params, count, &sgd, &optimizer, &error));
    TRY(candle_optimizer_get_option(optimizer, 0, "momentum", &read, &error));
    CHECK(read == 0.9);
    for (at = 0; at < 50; at++) step(optimizer, model, inputs, targets);
    candle_optimizer_free(optimizer);
    adamw.lr = 0.01;
    TRY(candle_adamw_new((const CandleTensor *const *)params, count, &adamw, &optimizer, &error));
    for (at = 0; at < 50; at++) step(optimizer, model, inputs, targets);
    candle_optimizer_free(optimizer);
    after = loss_of(model, inputs, targets, 0);
    CHECK(after < before / 20);

    TRY(candle_module_save(model, path, &error));
    TRY(candle_module_load(other, path, 1, &error));
    CHECK(loss_of(other, inputs, targets, 0) == after);

    for (at = 0; at < count; at++) candle_tensor_free(params[at]);
    candle_tensor_free(inputs);
    candle_tensor_free(targets);
    candle_module_free(model);
    candle_module_free(other);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    versions();
    indices();
    errors();
    hooks();
    training(arguments[1]);
    CHECK(candle_ffi_live_handles(CANDLE_HANDLE_ALL) == 0);
    printf("as in version %d\n", CANDLE_FFI_ABI_VERSION);
    return EXIT_SUCCESS;
}
