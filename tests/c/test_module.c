/* Modules and optimizers: layers, parameters, training, state, files. */

#include "samples.h"

static CandleModule *linear(int64_t in, int64_t out_features) {
    CandleModule *out = NULL;
    CandleGenerator *generator = sample_CandleGenerator();
    CHECK_OK(candle_linear_new(in, out_features, 1, CANDLE_DTYPE_NONE, CANDLE_DEVICE_CPU, 0, generator, &out, &error));
    candle_generator_free(generator);
    return out;
}

static void test_parameters_have_names(void) {
    CandleModule *module = NULL;
    CandleTensor *parameters[4] = {NULL, NULL, NULL, NULL}, *weight = NULL;
    char name[16];
    size_t count = 0, at;
    CHECK_OK(candle_simple_nn_new(2, 10, 1, CANDLE_DTYPE_NONE, CANDLE_DEVICE_CPU, 0, NULL, &module, &error));
    CHECK_TEXT(candle_module_name(module), "SimpleNN");
    CHECK_EQUAL(candle_module_num_parameters(module), 4);
    CHECK_EQUAL(candle_module_parameter_name(module, 0, name, sizeof name), 10);
    CHECK_TEXT(name, "fc1.weight");
    CHECK_EQUAL(candle_module_parameter_name(module, 3, name, 5), 8);
    CHECK_TEXT(name, "fc2.");
    CHECK_EQUAL(candle_module_parameter_name(module, 4, NULL, 0), 0);
    CHECK_OK(candle_module_parameters(module, parameters, 4, &count, &error));
    CHECK_EQUAL(count, 4);
    for (at = 0; at < count; at++) {
        CHECK(candle_tensor_requires_grad(parameters[at]));
        candle_tensor_free(parameters[at]);
    }
    CHECK_OK(candle_module_get_parameter(module, "fc1.weight", &weight, &error));
    CHECK_EQUAL(candle_tensor_num_elements(weight), 20);
    CHECK_ERROR(candle_module_set_parameter(module, "fc2.weight", weight, &error), CANDLE_ERROR_SHAPE, "[10, 2]");
    candle_tensor_free(weight);
    weight = NULL;
    CHECK_ERROR(candle_module_get_parameter(module, "fc3.weight", &weight, &error), CANDLE_ERROR_INVALID_ARGUMENT,
                "fc3.weight");
    candle_module_free(module);
}

static void test_a_sequence_of_layers(void) {
    CandleModule *sequence = NULL, *first = linear(2, 3), *relu = NULL, *dropout = NULL;
    CandleTensor *input = sample_CandleTensor(), *a = NULL, *b = NULL;
    float one[6], two[6];
    char name[16];
    CHECK_OK(candle_sequential_new(&sequence, &error));
    CHECK_OK(candle_relu_new(&relu, &error));
    CHECK_OK(candle_dropout_new(0.5, NULL, &dropout, &error));
    CHECK_OK(candle_sequential_push(sequence, first, &error));
    CHECK_OK(candle_sequential_push(sequence, relu, &error));
    CHECK_OK(candle_sequential_push(sequence, dropout, &error));
    CHECK_ERROR(candle_sequential_push(sequence, sequence, &error), CANDLE_ERROR_INVALID_ARGUMENT, "itself");
    CHECK_ERROR(candle_sequential_push(first, relu, &error), CANDLE_ERROR_INVALID_ARGUMENT, "Linear");
    candle_module_free(first);
    candle_module_free(relu);
    candle_module_free(dropout);
    candle_module_parameter_name(sequence, 0, name, sizeof name);
    CHECK_TEXT(name, "0.weight");
    CHECK_OK(candle_module_set_training(sequence, 0, &error));
    CHECK_OK(candle_module_forward(sequence, input, &a, &error));
    CHECK_OK(candle_module_forward(sequence, input, &b, &error));
    CHECK_OK(candle_tensor_copy_to(a, one, sizeof one, &error));
    CHECK_OK(candle_tensor_copy_to(b, two, sizeof two, &error));
    CHECK(memcmp(one, two, sizeof one) == 0);
    candle_tensor_free(a);
    candle_tensor_free(b);
    candle_tensor_free(input);
    candle_module_free(sequence);
}

static void test_state_travels_through_a_file(void) {
    const char *path = "test_module.safetensors";
    CandleModule *module = NULL, *loaded = NULL, *other = linear(3, 3);
    CandleTensorMap *state = NULL;
    CandleTensor *input = sample_CandleTensor(), *a = NULL, *b = NULL;
    float one[2], two[2];
    CHECK_OK(candle_simple_nn_new(2, 4, 1, CANDLE_DTYPE_NONE, CANDLE_DEVICE_CPU, 0, NULL, &module, &error));
    CHECK_OK(candle_module_save(module, path, &error));
    CHECK_OK(candle_simple_nn_load(path, &loaded, &error));
    CHECK_OK(candle_module_forward(module, input, &a, &error));
    CHECK_OK(candle_module_forward(loaded, input, &b, &error));
    CHECK_OK(candle_tensor_copy_to(a, one, sizeof one, &error));
    CHECK_OK(candle_tensor_copy_to(b, two, sizeof two, &error));
    CHECK(memcmp(one, two, sizeof one) == 0);
    CHECK_OK(candle_module_state_dict(module, &state, &error));
    CHECK_EQUAL(candle_tensor_map_len(state), 4);
    CHECK_OK(candle_module_load_state_dict(loaded, state, 1, &error));
    CHECK_ERROR(candle_module_load_state_dict(other, state, 1, &error), CANDLE_ERROR_STATE_DICT, "fc1.weight");
    CHECK_OK(candle_module_load_state_dict(other, state, 0, &error));
    CHECK_ERROR(candle_module_load(other, path, 1, &error), CANDLE_ERROR_STATE_DICT, "missing");
    remove(path);
    CHECK_ERROR(candle_module_load(other, path, 1, &error), CANDLE_ERROR_IO, path);
    candle_tensor_map_free(state);
    candle_tensor_free(a);
    candle_tensor_free(b);
    candle_tensor_free(input);
    candle_module_free(module);
    candle_module_free(loaded);
    candle_module_free(other);
}

static void test_conversion_keeps_the_tensors(void) {
    CandleModule *module = linear(2, 2);
    CandleTensor *weight = NULL;
    CHECK_OK(candle_module_get_parameter(module, "weight", &weight, &error));
    CHECK_OK(candle_module_to(module, 0, 0, CANDLE_DTYPE_FLOAT64, &error));
    CHECK_EQUAL(candle_tensor_dtype(weight), CANDLE_DTYPE_FLOAT64);
    CHECK_ERROR(candle_module_to(module, 0, 0, CANDLE_DTYPE_INT64, &error), CANDLE_ERROR_DTYPE, "int64");
    candle_tensor_free(weight);
    candle_module_free(module);
}

static void test_an_optimizer_descends(void) {
    CandleModule *module = linear(2, 1);
    CandleTensor *params[2] = {NULL, NULL}, *known[2] = {NULL, NULL}, *input = sample_CandleTensor();
    CandleOptimizer *optimizer = NULL;
    CandleSgdOptions options = CANDLE_SGD_OPTIONS_INIT;
    const char *names[2] = {"lr", "momentum"};
    const double values[2] = {0.01, 0.5}, wrong[2] = {0.02, -1.0};
    CandleTensor *buffer = NULL;
    double value = 0, before = 0, after = 0;
    size_t count = 0;
    int step;
    CHECK_OK(candle_module_parameters(module, params, 2, &count, &error));
    options.lr = 0.05;
    options.momentum = 0.9;
    CHECK_OK(candle_sgd_new((const CandleTensor *const *)params, 2, &options, &optimizer, &error));
    CHECK_TEXT(candle_optimizer_name(optimizer), "SGD");
    CHECK_EQUAL(candle_optimizer_num_groups(optimizer), 1);
    CHECK_OK(candle_optimizer_get_option(optimizer, 0, "momentum", &value, &error));
    CHECK_NEAR(value, 0.9, 0.0);
    CHECK_OK(candle_optimizer_set_options(optimizer, 0, names, values, 2, &error));
    CHECK_ERROR(candle_optimizer_set_options(optimizer, 0, names, wrong, 2, &error), CANDLE_ERROR_INVALID_ARGUMENT,
                "momentum");
    CHECK_OK(candle_optimizer_get_option(optimizer, 0, "lr", &value, &error));
    CHECK_NEAR(value, 0.01, 0.0);
    CHECK_OK(candle_optimizer_get_state(optimizer, 0, 0, "momentum_buffer", &buffer, &error));
    CHECK(buffer == NULL);
    for (step = 0; step < 20; step++) {
        CandleTensor *output = NULL, *target = NULL, *loss = NULL;
        CHECK_OK(candle_module_forward(module, input, &output, &error));
        CHECK_OK(candle_tensor_ones_like(output, CANDLE_DTYPE_NONE, &target, &error));
        CHECK_OK(candle_tensor_mse_loss(output, target, CANDLE_REDUCTION_MEAN, &loss, &error));
        CHECK_OK(candle_optimizer_zero_grad(optimizer, &error));
        CHECK_OK(candle_tensor_backward(loss, NULL, 0, 0, &error));
        CHECK_OK(candle_optimizer_step(optimizer, &error));
        after = take_item(loss);
        if (step == 0) before = after;
        candle_tensor_free(output);
        candle_tensor_free(target);
    }
    CHECK(after < before / 2);
    CHECK_OK(candle_optimizer_get_state(optimizer, 0, 0, "momentum_buffer", &buffer, &error));
    CHECK_EQUAL(candle_tensor_num_elements(buffer), 2);
    CHECK_OK(candle_optimizer_set_state(optimizer, 0, 0, "momentum_buffer", NULL, &error));
    CHECK_ERROR(candle_optimizer_add_param_group(optimizer, (const CandleTensor *const *)params, 1, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "more than once");
    CHECK_OK(candle_optimizer_params(optimizer, 0, known, 2, &count, &error));
    CHECK_EQUAL(count, 2);
    candle_tensor_free(known[0]);
    candle_tensor_free(known[1]);
    candle_tensor_free(buffer);
    candle_optimizer_free(optimizer);
    candle_tensor_free(params[0]);
    candle_tensor_free(params[1]);
    candle_tensor_free(input);
    candle_module_free(module);
}

static void test_a_shorter_structure_means_defaults(void) {
    CandleOptimizer *optimizer = NULL;
    CandleSgdOptions options = CANDLE_SGD_OPTIONS_INIT;
    CandleTensor *tensor = sample_CandleTensor();
    const CandleTensor *params[1];
    double value = 0;
    params[0] = tensor;
    options.lr = 0.25;
    options.momentum = 0.75;
    options.struct_size = sizeof(size_t) + sizeof(double);
    CHECK_OK(candle_sgd_new(params, 1, &options, &optimizer, &error));
    CHECK_OK(candle_optimizer_get_option(optimizer, 0, "lr", &value, &error));
    CHECK_NEAR(value, 0.25, 0.0);
    CHECK_OK(candle_optimizer_get_option(optimizer, 0, "momentum", &value, &error));
    CHECK_NEAR(value, 0.0, 0.0);
    candle_optimizer_free(optimizer);
    optimizer = NULL;
    options.struct_size = sizeof options + 8;
    CHECK_ERROR(candle_sgd_new(params, 1, &options, &optimizer, &error), CANDLE_ERROR_INVALID_ARGUMENT, "struct_size");
    candle_tensor_free(tensor);
}

int main(void) {
    RUN(test_parameters_have_names);
    RUN(test_a_sequence_of_layers);
    RUN(test_state_travels_through_a_file);
    RUN(test_conversion_keeps_the_tensors);
    RUN(test_an_optimizer_descends);
    RUN(test_a_shorter_structure_means_defaults);
    return FINISH();
}
