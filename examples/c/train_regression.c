/* Learns y = 2*x1 + 3*x2 from 100 random points with a small network. */

#include <candle_ffi.h>
#include <stdio.h>
#include <stdlib.h>

enum { POINTS = 100, EPOCHS = 100 };

static void fail(const char *what, CandleError *error) {
    fprintf(stderr, "%s: %s: %s\n", what, candle_status_name(candle_error_code(error)),
            candle_error_message(error));
    exit(EXIT_FAILURE);
}

/* Calls a function with `&error` in its arguments, and ends the program when it fails. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        CandleError *error = NULL;                                                                 \
        if ((call) != CANDLE_OK) fail(#call, error);                                               \
    } while (0)

/* The inputs, uniform in [0, 1), and their targets. */
static void make_points(CandleTensor **inputs, CandleTensor **targets) {
    const int64_t input_shape[2] = {POINTS, 2}, target_shape[2] = {POINTS, 1};
    float x[POINTS][2], y[POINTS];
    size_t at;
    CandleGenerator *generator = NULL;
    TRY(candle_generator_new(0, &generator, &error));
    TRY(candle_tensor_rand(input_shape, 2, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, generator,
                           inputs, &error));
    TRY(candle_tensor_copy_to(*inputs, x, sizeof x, &error));
    for (at = 0; at < POINTS; at++) y[at] = 2.0F * x[at][0] + 3.0F * x[at][1];
    TRY(candle_tensor_from_data(y, sizeof y, target_shape, 2, NULL, CANDLE_DTYPE_FLOAT32,
                                CANDLE_DEVICE_CPU, 0, targets, &error));
    candle_generator_free(generator);
}

/* Two inputs, ten hidden units, one output; the same initial weights on every run. */
static CandleModule *make_model(void) {
    CandleModule *model = NULL;
    CandleGenerator *generator = NULL;
    TRY(candle_generator_new(0, &generator, &error));
    TRY(candle_simple_nn_new(2, 10, 1, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, generator, &model,
                             &error));
    candle_generator_free(generator);
    return model;
}

static CandleOptimizer *make_optimizer(const CandleModule *model) {
    CandleTensor *params[4];
    CandleOptimizer *optimizer = NULL;
    CandleSgdOptions options = CANDLE_SGD_OPTIONS_INIT;
    size_t count = 0, at;
    options.lr = 0.1;
    options.momentum = 0.9;
    TRY(candle_module_parameters(model, params, 4, &count, &error));
    TRY(candle_sgd_new((const CandleTensor *const *)params, count, &options, &optimizer, &error));
    for (at = 0; at < count; at++) candle_tensor_free(params[at]);
    return optimizer;
}

/* One step; gives the loss before it. */
static double train_step(const CandleModule *model, CandleOptimizer *optimizer,
                         const CandleTensor *inputs, const CandleTensor *targets) {
    CandleTensor *outputs = NULL, *loss = NULL;
    double value = 0.0;
    TRY(candle_module_forward(model, inputs, &outputs, &error));
    TRY(candle_tensor_mse_loss(outputs, targets, CANDLE_REDUCTION_MEAN, &loss, &error));
    TRY(candle_optimizer_zero_grad(optimizer, &error));
    TRY(candle_tensor_backward(loss, NULL, 0, 0, &error));
    TRY(candle_optimizer_step(optimizer, &error));
    TRY(candle_tensor_item_double(loss, &value, &error));
    candle_tensor_free(loss);
    candle_tensor_free(outputs);
    return value;
}

static double predict(const CandleModule *model, float x1, float x2) {
    const int64_t shape[2] = {1, 2};
    float point[2];
    CandleTensor *input = NULL, *output = NULL;
    double value = 0.0;
    point[0] = x1;
    point[1] = x2;
    TRY(candle_grad_mode_push(0, &error));
    TRY(candle_tensor_from_data(point, sizeof point, shape, 2, NULL, CANDLE_DTYPE_FLOAT32,
                                CANDLE_DEVICE_CPU, 0, &input, &error));
    TRY(candle_module_forward(model, input, &output, &error));
    TRY(candle_tensor_item_double(output, &value, &error));
    TRY(candle_grad_mode_pop(&error));
    candle_tensor_free(output);
    candle_tensor_free(input);
    return value;
}

int main(void) {
    CandleTensor *inputs = NULL, *targets = NULL;
    CandleModule *model;
    CandleOptimizer *optimizer;
    int epoch;

    make_points(&inputs, &targets);
    model = make_model();
    optimizer = make_optimizer(model);
    for (epoch = 1; epoch <= EPOCHS; epoch++) {
        double loss = train_step(model, optimizer, inputs, targets);
        if (epoch % 10 == 0) printf("epoch %3d  loss %.6f\n", epoch, loss);
    }
    printf("prediction for [0.5, 0.5]: %.3f (expected 2.5)\n", predict(model, 0.5F, 0.5F));

    candle_optimizer_free(optimizer);
    candle_module_free(model);
    candle_tensor_free(targets);
    candle_tensor_free(inputs);
    return EXIT_SUCCESS;
}
