/* Layers made one by one: shapes, training and evaluation, buffers, state, bad arguments. */

#include "samples.h"

static const int64_t one = 1, two = 2, three = 3;

static CandleGenerator *seeded(uint64_t seed) {
    CandleGenerator *out = NULL;
    CHECK_OK(candle_generator_new(seed, &out, &error));
    return out;
}

/* Values from a normal distribution. */
static CandleTensor *normal(const int64_t *shape, size_t rank) {
    CandleTensor *out = NULL;
    CandleGenerator *generator = seeded(7);
    CHECK_OK(candle_tensor_randn(shape, rank, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, generator, &out, &error));
    candle_generator_free(generator);
    return out;
}

static CandleModule *conv2d(int64_t in_channels, int64_t out_channels, int64_t kernel, const int64_t *padding,
                            const CandleGenerator *generator) {
    CandleModule *out = NULL;
    CHECK_OK(candle_conv2d_new(in_channels, out_channels, &kernel, 1, &one, 1, padding, 1, &one, 1, 1, 1,
                               CANDLE_PADDING_MODE_ZEROS, CANDLE_DTYPE_NONE, CANDLE_DEVICE_CPU, 0, generator, &out,
                               &error));
    return out;
}

static CandleModule *batch_norm2d(int64_t features) {
    const double momentum = 0.5;
    CandleModule *out = NULL;
    CHECK_OK(candle_batch_norm2d_new(features, 1e-5, &momentum, 1, 1, 1, CANDLE_DTYPE_NONE, CANDLE_DEVICE_CPU, 0, &out,
                                     &error));
    return out;
}

static void push(CandleModule *model, CandleModule *layer) {
    CHECK_OK(candle_sequential_push(model, layer, &error));
    candle_module_free(layer);
}

/* Convolution, batch norm, ReLU, pooling, flattening, linear: [n, 1, 8, 8] to [n, 5]. */
static CandleModule *network(uint64_t seed) {
    const int64_t same = CANDLE_PADDING_SAME, none = 0;
    CandleGenerator *generator = seeded(seed);
    CandleModule *model = NULL, *layer = NULL;
    CHECK_OK(candle_sequential_new(&model, &error));
    push(model, conv2d(1, 3, 3, &same, generator));
    push(model, batch_norm2d(3));
    CHECK_OK(candle_relu_new(&layer, &error));
    push(model, layer);
    CHECK_OK(candle_max_pool2d_new(&two, 1, NULL, 0, &none, 1, &one, 1, 0, 0, &layer, &error));
    push(model, layer);
    CHECK_OK(candle_flatten_new(1, -1, &layer, &error));
    push(model, layer);
    CHECK_OK(candle_linear_new(48, 5, 1, CANDLE_DTYPE_NONE, CANDLE_DEVICE_CPU, 0, generator, &layer, &error));
    push(model, layer);
    candle_generator_free(generator);
    return model;
}

static CandleTensor *forward(const CandleModule *module, const CandleTensor *input) {
    CandleTensor *out = NULL;
    CHECK_OK(candle_module_forward(module, input, &out, &error));
    return out;
}

/* The largest difference of two tensors, which are freed. */
static double take_difference(CandleTensor *a, CandleTensor *b) {
    CandleTensor *difference = NULL, *size = NULL, *largest = NULL;
    CHECK_OK(candle_tensor_sub(a, b, &difference, &error));
    CHECK_OK(candle_tensor_abs(difference, &size, &error));
    CHECK_OK(candle_tensor_max(size, &largest, &error));
    candle_tensor_free(a);
    candle_tensor_free(b);
    candle_tensor_free(difference);
    candle_tensor_free(size);
    return take_item(largest);
}

static CandleTensor *buffer(const CandleModule *module, const char *name) {
    CandleTensor *out = NULL;
    CHECK_OK(candle_module_get_buffer(module, name, &out, &error));
    return out;
}

static void test_training_and_evaluation_differ(void) {
    const int64_t shape[4] = {4, 1, 8, 8};
    CandleModule *model = network(1);
    CandleTensor *input = normal(shape, 4), *trained, *again;
    CHECK_OK(candle_module_set_training(model, 1, &error));
    CHECK(take_difference(forward(model, input), forward(model, input)) == 0.0);
    trained = forward(model, input);
    CHECK_OK(candle_module_set_training(model, 0, &error));
    CHECK(take_difference(trained, forward(model, input)) > 1e-4);
    CHECK(take_difference(forward(model, input), forward(model, input)) == 0.0);
    again = forward(model, input);
    CHECK_EQUAL(candle_tensor_rank(again), 2);
    CHECK_EQUAL(candle_tensor_num_elements(again), 20);
    candle_tensor_free(again);
    candle_tensor_free(input);
    candle_module_free(model);
}

static void test_running_statistics_follow_the_batches(void) {
    /* Two images of one channel: mean 2.5, variance 5/3 with n - 1. */
    static const float values[4] = {1.0F, 2.0F, 3.0F, 4.0F};
    static const int64_t shape[4] = {2, 1, 1, 2};
    CandleModule *module = batch_norm2d(1);
    CandleTensor *input = floats(values, shape, 4), *mean, *count;
    char name[32];
    CHECK_EQUAL(candle_module_num_buffers(module), 3);
    CHECK_EQUAL(candle_module_num_parameters(module), 2);
    CHECK_EQUAL(candle_module_buffer_name(module, 0, name, sizeof name), 12);
    CHECK_TEXT(name, "running_mean");
    CHECK_EQUAL(candle_module_buffer_name(module, 2, name, 8), 19);
    CHECK_TEXT(name, "num_bat");
    CHECK_EQUAL(candle_module_buffer_name(module, 3, NULL, 0), 0);
    mean = buffer(module, "running_mean");
    count = buffer(module, "num_batches_tracked");
    CHECK_EQUAL(candle_tensor_dtype(count), CANDLE_DTYPE_INT64);
    CHECK(!candle_tensor_requires_grad(mean));
    candle_tensor_free(forward(module, input));
    /* The handle is on the tensor that the module uses. */
    CHECK_NEAR(take_item(mean), 1.25, 1e-6);
    CHECK_NEAR(take_item(count), 1.0, 0.0);
    CHECK_NEAR(take_item(buffer(module, "running_var")), 0.5 + 0.5 * 5.0 / 3.0, 1e-6);
    CHECK_OK(candle_module_set_training(module, 0, &error));
    candle_tensor_free(forward(module, input));
    CHECK_NEAR(take_item(buffer(module, "running_mean")), 1.25, 1e-6);
    CHECK_OK(candle_module_to(module, 0, 0, CANDLE_DTYPE_FLOAT64, &error));
    mean = buffer(module, "running_mean");
    count = buffer(module, "num_batches_tracked");
    CHECK_EQUAL(candle_tensor_dtype(mean), CANDLE_DTYPE_FLOAT64);
    CHECK_EQUAL(candle_tensor_dtype(count), CANDLE_DTYPE_INT64);
    candle_tensor_free(mean);
    candle_tensor_free(count);
    mean = NULL;
    CHECK_ERROR(candle_module_get_buffer(module, "weight", &mean, &error), CANDLE_ERROR_INVALID_ARGUMENT, "buffer");
    candle_tensor_free(input);
    candle_module_free(module);
}

static void test_state_has_the_buffers(void) {
    static const char *const names[9] = {"0.weight",       "0.bias",        "1.weight",
                                         "1.bias",         "1.running_mean", "1.running_var",
                                         "1.num_batches_tracked", "5.weight", "5.bias"};
    const char *path = "test_layers.safetensors";
    const int64_t shape[4] = {4, 1, 8, 8};
    CandleModule *model = network(1), *other = network(2);
    CandleTensor *input = normal(shape, 4);
    CandleTensorMap *state = NULL;
    size_t at;
    candle_tensor_free(forward(model, input));
    CHECK_OK(candle_module_state_dict(model, &state, &error));
    CHECK_EQUAL(candle_tensor_map_len(state), 9);
    for (at = 0; at < 9; at++) {
        char name[32] = "";
        candle_tensor_map_name(state, at, name, sizeof name);
        CHECK_TEXT(name, names[at]);
    }
    candle_tensor_map_free(state);
    CHECK_OK(candle_module_set_training(model, 0, &error));
    CHECK_OK(candle_module_set_training(other, 0, &error));
    CHECK(take_difference(forward(model, input), forward(other, input)) > 1e-4);
    CHECK_OK(candle_module_save(model, path, &error));
    CHECK_OK(candle_module_load(other, path, 1, &error));
    remove(path);
    CHECK(take_difference(forward(model, input), forward(other, input)) == 0.0);
    CHECK_NEAR(take_item(buffer(other, "1.num_batches_tracked")), 1.0, 0.0);
    candle_tensor_free(input);
    candle_module_free(model);
    candle_module_free(other);
}

static void test_every_parameter_gets_a_gradient(void) {
    const int64_t shape[4] = {4, 1, 8, 8};
    CandleModule *model = network(1);
    CandleTensor *params[6] = {NULL}, *input = normal(shape, 4), *output, *square = NULL, *loss = NULL;
    size_t count = 0, at;
    output = forward(model, input);
    CHECK_OK(candle_tensor_mul(output, output, &square, &error));
    CHECK_OK(candle_tensor_sum(square, NULL, 0, 0, CANDLE_DTYPE_NONE, &loss, &error));
    CHECK_OK(candle_tensor_backward(loss, NULL, 0, 0, &error));
    CHECK_OK(candle_module_parameters(model, params, 6, &count, &error));
    CHECK_EQUAL(count, 6);
    for (at = 0; at < count; at++) {
        CandleTensor *grad = NULL;
        CHECK_OK(candle_tensor_grad(params[at], &grad, &error));
        CHECK(grad != NULL);
        candle_tensor_free(grad);
        candle_tensor_free(params[at]);
    }
    candle_tensor_free(loss);
    candle_tensor_free(square);
    candle_tensor_free(output);
    candle_tensor_free(input);
    candle_module_free(model);
}

static void test_several_inputs_and_results(void) {
    const int64_t shape[3] = {5, 2, 4}, none = 0;
    CandleModule *lstm = NULL, *pool = NULL, *relu = NULL;
    CandleTensor *input = normal(shape, 3), *results[3] = {NULL, NULL, NULL}, *outputs[3] = {NULL, NULL, NULL};
    const CandleTensor *inputs[3] = {NULL, NULL, NULL};
    size_t count = 0, at;
    inputs[0] = input;
    CHECK_OK(candle_lstm_new(4, 3, 1, 1, 0, 0.0, 0, 0, CANDLE_DTYPE_NONE, CANDLE_DEVICE_CPU, 0, NULL, &lstm, &error));
    CHECK_TEXT(candle_module_name(lstm), "LSTM");
    CHECK_OK(candle_module_forward_many(lstm, inputs, 1, results, 3, &count, &error));
    CHECK_EQUAL(count, 3);
    CHECK_EQUAL(candle_tensor_num_elements(results[0]), 30);
    CHECK_EQUAL(candle_tensor_num_elements(results[2]), 6);
    /* Zeros are what the states are when they are not given. */
    for (at = 1; at < 3; at++) CHECK_OK(candle_tensor_zero_(results[at], &error));
    inputs[1] = results[1];
    inputs[2] = results[2];
    CHECK_OK(candle_module_forward_many(lstm, inputs, 3, outputs, 3, &count, &error));
    CHECK(take_difference(results[0], outputs[0]) == 0.0);
    for (at = 1; at < 3; at++) {
        candle_tensor_free(results[at]);
        candle_tensor_free(outputs[at]);
    }
    CHECK_ERROR(candle_module_forward_many(lstm, inputs, 1, results, 1, &count, &error),
                CANDLE_ERROR_BUFFER_TOO_SMALL, "3");
    CHECK_EQUAL(count, 3);
    candle_module_free(lstm);

    CHECK_OK(candle_max_pool2d_new(&two, 1, NULL, 0, &none, 1, &one, 1, 1, 0, &pool, &error));
    CHECK_OK(candle_module_forward_many(pool, inputs, 1, results, 2, &count, &error));
    CHECK_EQUAL(count, 2);
    CHECK_EQUAL(candle_tensor_dtype(results[1]), CANDLE_DTYPE_INT64);
    candle_tensor_free(results[0]);
    candle_tensor_free(results[1]);
    candle_module_free(pool);

    CHECK_OK(candle_relu_new(&relu, &error));
    CHECK_OK(candle_module_forward_many(relu, inputs, 1, results, 1, &count, &error));
    CHECK_EQUAL(count, 1);
    candle_tensor_free(results[0]);
    inputs[1] = input;
    CHECK_ERROR(candle_module_forward_many(relu, inputs, 2, results, 1, &count, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "ReLU takes one input");
    inputs[0] = NULL;
    CHECK_ERROR(candle_module_forward_many(relu, inputs, 1, results, 1, &count, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "one input");
    candle_module_free(relu);
    candle_tensor_free(input);
}

static void test_wrong_shapes_are_named(void) {
    const int64_t flat[2] = {4, 8}, image[4] = {4, 2, 2, 2}, single[4] = {1, 3, 1, 1}, none = 0;
    CandleTensor *vectors = normal(flat, 2), *images = normal(image, 4), *pixel = normal(single, 4), *out = NULL;
    CandleModule *conv = conv2d(2, 3, 3, &none, NULL), *norm = batch_norm2d(3), *layer = NULL;
    CHECK_ERROR(candle_module_forward(conv, vectors, &out, &error), CANDLE_ERROR_SHAPE, "[4, 8]");
    CHECK_ERROR(candle_module_forward(conv, images, &out, &error), CANDLE_ERROR_SHAPE, "[3, 3]");
    CHECK_ERROR(candle_module_forward(norm, images, &out, &error), CANDLE_ERROR_SHAPE, "[4, 2, 2, 2]");
    CHECK_ERROR(candle_module_forward(norm, pixel, &out, &error), CANDLE_ERROR_SHAPE, "[1, 3, 1, 1]");
    CHECK_ERROR(candle_module_forward(norm, vectors, &out, &error), CANDLE_ERROR_SHAPE, "[4, 8]");
    CHECK_ERROR(candle_conv2d_new(3, 4, &three, 1, &one, 1, &none, 1, &one, 1, 2, 1, CANDLE_PADDING_MODE_ZEROS,
                                  CANDLE_DTYPE_NONE, CANDLE_DEVICE_CPU, 0, NULL, &layer, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "groups");
    CHECK_ERROR(candle_conv2d_new(3, 4, &three, 1, &one, 1, &none, 1, &one, 1, 1, 1, 99, CANDLE_DTYPE_NONE,
                                  CANDLE_DEVICE_CPU, 0, NULL, &layer, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "padding_mode");
    CHECK(out == NULL && layer == NULL);
    candle_tensor_free(vectors);
    candle_tensor_free(images);
    candle_tensor_free(pixel);
    candle_module_free(conv);
    candle_module_free(norm);
}

static void test_the_same_seed_gives_the_same_weights(void) {
    const int64_t shape[4] = {2, 1, 8, 8};
    CandleModule *model = network(5), *same = network(5), *other = network(6);
    CandleTensor *input = normal(shape, 4);
    CHECK(take_difference(forward(model, input), forward(same, input)) == 0.0);
    CHECK(take_difference(forward(model, input), forward(other, input)) > 1e-4);
    candle_tensor_free(input);
    candle_module_free(model);
    candle_module_free(same);
    candle_module_free(other);
}

static void test_lists_and_dicts_name_what_is_in_them(void) {
    CandleModule *dict = NULL, *list = NULL, *layer = batch_norm2d(2);
    CandleTensor *input = sample_CandleTensor(), *out = NULL;
    char name[32];
    CHECK_OK(candle_module_dict_new(&dict, &error));
    CHECK_OK(candle_module_list_new(&list, &error));
    CHECK_OK(candle_module_list_push(list, layer, &error));
    CHECK_OK(candle_module_list_push(list, layer, &error));
    CHECK_OK(candle_module_dict_insert(dict, "norms", list, &error));
    candle_module_parameter_name(dict, 3, name, sizeof name);
    CHECK_TEXT(name, "norms.1.bias");
    CHECK_OK(candle_module_dict_insert(dict, "norms", layer, &error));
    CHECK_EQUAL(candle_module_num_parameters(dict), 2);
    CHECK_ERROR(candle_module_dict_insert(dict, "a.b", layer, &error), CANDLE_ERROR_INVALID_ARGUMENT, "dot");
    CHECK_ERROR(candle_module_dict_insert(dict, "", layer, &error), CANDLE_ERROR_INVALID_ARGUMENT, "empty");
    CHECK_ERROR(candle_module_dict_insert(dict, "x", dict, &error), CANDLE_ERROR_INVALID_ARGUMENT, "itself");
    CHECK_ERROR(candle_module_list_push(dict, layer, &error), CANDLE_ERROR_INVALID_ARGUMENT, "no ModuleList");
    CHECK_ERROR(candle_sequential_push(list, layer, &error), CANDLE_ERROR_INVALID_ARGUMENT, "no Sequential");
    CHECK_ERROR(candle_module_forward(dict, input, &out, &error), CANDLE_ERROR_UNSUPPORTED, "ModuleDict");
    candle_tensor_free(input);
    candle_module_free(layer);
    candle_module_free(list);
    candle_module_free(dict);
}

int main(void) {
    RUN(test_training_and_evaluation_differ);
    RUN(test_running_statistics_follow_the_batches);
    RUN(test_state_has_the_buffers);
    RUN(test_every_parameter_gets_a_gradient);
    RUN(test_several_inputs_and_results);
    RUN(test_wrong_shapes_are_named);
    RUN(test_the_same_seed_gives_the_same_weights);
    RUN(test_lists_and_dicts_name_what_is_in_them);
    return FINISH();
}
