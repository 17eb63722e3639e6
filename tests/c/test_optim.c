/* Optimizers: each descends, and has options and a state by name; LBFGS and its closure; clipping. */

#include "samples.h"

#define LONGEST 32

/* A float32 leaf of two numbers that requires a gradient. */
static CandleTensor *parameter(float first, float second) {
    float values[2];
    const int64_t shape[1] = {2};
    CandleTensor *tensor;
    values[0] = first;
    values[1] = second;
    tensor = floats(values, shape, 1);
    CHECK_OK(candle_tensor_set_requires_grad(tensor, 1, &error));
    return tensor;
}

/* The sum of squares, and its gradient. */
static double descend(CandleTensor *x) {
    CandleTensor *square = NULL, *sum = NULL;
    CHECK_OK(candle_tensor_square(x, &square, &error));
    CHECK_OK(candle_tensor_sum(square, NULL, 0, 0, CANDLE_DTYPE_NONE, &sum, &error));
    CHECK_OK(candle_tensor_backward(sum, NULL, 0, 0, &error));
    candle_tensor_free(square);
    return take_item(sum);
}

static void read_two(const CandleTensor *tensor, float *values) {
    CHECK_OK(candle_tensor_copy_to(tensor, values, 2 * sizeof *values, &error));
}

static double option(const CandleOptimizer *optimizer, const char *name) {
    double value = NAN;
    CHECK_OK(candle_optimizer_get_option(optimizer, 0, name, &value, &error));
    return value;
}

/* Both have the same options with the same values, and there is a rate. */
static void same_options(const CandleOptimizer *one, const CandleOptimizer *two) {
    char name[LONGEST], other[LONGEST];
    size_t index;
    int has_rate = 0;
    for (index = 0; candle_optimizer_option_name(one, index, name, sizeof name) != 0; index++) {
        CHECK_EQUAL(candle_optimizer_option_name(two, index, other, sizeof other), strlen(name));
        CHECK_TEXT(other, name);
        CHECK_NEAR(option(two, name), option(one, name), 0.0);
        has_rate = has_rate || strcmp(name, "lr") == 0;
    }
    CHECK(has_rate);
    CHECK_EQUAL(candle_optimizer_option_name(two, index, NULL, 0), 0);
}

/* Steps lower the loss; what is remembered can be read, cleared and written. */
static void steps(CandleOptimizer *optimizer, CandleTensor *x) {
    static const char *const names[2] = {"lr", "maximize"};
    static const double values[2] = {0.02, 0.0}, wrong[2] = {-1.0, 0.0};
    char name[LONGEST];
    double before = 0.0, after = 0.0;
    size_t index;
    int step;
    CHECK_OK(candle_optimizer_set_options(optimizer, 0, names, values, 2, &error));
    CHECK_ERROR(candle_optimizer_set_options(optimizer, 0, names, wrong, 2, &error), CANDLE_ERROR_INVALID_ARGUMENT,
                "lr");
    CHECK_NEAR(option(optimizer, "lr"), 0.02, 0.0);
    for (step = 0; step < 10; step++) {
        CHECK_OK(candle_optimizer_zero_grad(optimizer, &error));
        after = descend(x);
        if (step == 0) before = after;
        CHECK_OK(candle_optimizer_step(optimizer, &error));
    }
    if (!(after < before)) FAIL("%s does not descend: %g, then %g", candle_optimizer_name(optimizer), before, after);
    for (index = 0; candle_optimizer_state_name(optimizer, index, name, sizeof name) != 0; index++) {
        CandleTensor *state = NULL, *again = NULL;
        CHECK_OK(candle_optimizer_get_state(optimizer, 0, 0, name, &state, &error));
        if (state != NULL) {
            CHECK(candle_tensor_num_elements(state) == 1 || candle_tensor_num_elements(state) == 2);
            if (strcmp(name, "step") == 0) {
                double count = 0.0;
                CHECK_OK(candle_tensor_item_double(state, &count, &error));
                CHECK_NEAR(count, 10.0, 0.0);
            }
            CHECK_OK(candle_optimizer_set_state(optimizer, 0, 0, name, NULL, &error));
            CHECK_OK(candle_optimizer_set_state(optimizer, 0, 0, name, state, &error));
            CHECK_OK(candle_optimizer_get_state(optimizer, 0, 0, name, &again, &error));
            CHECK_EQUAL(candle_tensor_num_elements(again), candle_tensor_num_elements(state));
        }
        candle_tensor_free(state);
        candle_tensor_free(again);
    }
    CHECK_ERROR(candle_optimizer_get_option(optimizer, 0, "speed", &before, &error), CANDLE_ERROR_INVALID_ARGUMENT,
                "speed");
    CHECK_OK(candle_optimizer_step(optimizer, &error));
}

/* The initialiser of the header says what the library does by itself. */
#define TEST(name, TITLE, TYPE, NAME)                                                              \
    static void test_##name(void) {                                                                \
        TYPE options = NAME##_OPTIONS_INIT;                                                        \
        CandleOptimizer *given = NULL, *plain = NULL;                                              \
        CandleTensor *x = parameter(1.0F, -2.0F);                                                  \
        const CandleTensor *params[1];                                                             \
        params[0] = x;                                                                             \
        CHECK_OK(candle_##name##_new(params, 1, &options, &given, &error));                        \
        CHECK_OK(candle_##name##_new(params, 1, NULL, &plain, &error));                            \
        CHECK_TEXT(candle_optimizer_name(given), TITLE);                                           \
        same_options(given, plain);                                                                \
        candle_optimizer_free(plain);                                                              \
        steps(given, x);                                                                           \
        candle_optimizer_free(given);                                                              \
        given = NULL;                                                                              \
        options.lr = 0.5;                                                                          \
        options.maximize = 1;                                                                      \
        CHECK_OK(candle_##name##_new(params, 1, &options, &given, &error));                        \
        CHECK_NEAR(option(given, "lr"), 0.5, 0.0);                                                 \
        CHECK_NEAR(option(given, "maximize"), 1.0, 0.0);                                           \
        candle_optimizer_free(given);                                                              \
        given = NULL;                                                                              \
        options.lr = -0.5;                                                                         \
        CHECK_ERROR(candle_##name##_new(params, 1, &options, &given, &error),                      \
                    CANDLE_ERROR_INVALID_ARGUMENT, "lr must not be negative");                     \
        CHECK(given == NULL);                                                                      \
        candle_tensor_free(x);                                                                     \
    }

TEST(sgd, "SGD", CandleSgdOptions, CANDLE_SGD)
TEST(adam, "Adam", CandleAdamOptions, CANDLE_ADAM)
TEST(adamw, "AdamW", CandleAdamwOptions, CANDLE_ADAMW)
TEST(adamax, "Adamax", CandleAdamaxOptions, CANDLE_ADAMAX)
TEST(nadam, "NAdam", CandleNadamOptions, CANDLE_NADAM)
TEST(radam, "RAdam", CandleRadamOptions, CANDLE_RADAM)
TEST(rmsprop, "RMSprop", CandleRmspropOptions, CANDLE_RMSPROP)
TEST(adagrad, "Adagrad", CandleAdagradOptions, CANDLE_ADAGRAD)
TEST(adadelta, "Adadelta", CandleAdadeltaOptions, CANDLE_ADADELTA)
TEST(asgd, "ASGD", CandleAsgdOptions, CANDLE_ASGD)
TEST(rprop, "Rprop", CandleRpropOptions, CANDLE_RPROP)
TEST(lion, "Lion", CandleLionOptions, CANDLE_LION)

static void test_adam_takes_its_first_step_whole(void) {
    CandleOptimizer *optimizer = NULL;
    CandleAdamOptions options = CANDLE_ADAM_OPTIONS_INIT;
    CandleTensor *x = parameter(1.0F, -2.0F);
    const CandleTensor *params[1];
    float values[2];
    params[0] = x;
    options.lr = 0.125;
    options.amsgrad = 1;
    CHECK_OK(candle_adam_new(params, 1, &options, &optimizer, &error));
    descend(x);
    CHECK_OK(candle_optimizer_step(optimizer, &error));
    read_two(x, values);
    CHECK_NEAR(values[0], 0.875, 1e-6);
    CHECK_NEAR(values[1], -1.875, 1e-6);
    candle_optimizer_free(optimizer);
    candle_tensor_free(x);
}

/* What a closure works with. */
typedef struct {
    CandleOptimizer *optimizer;
    CandleTensor *x;
    int calls;
    int fails_at;
} Problem;

static CandleStatus loss_of(void *user_data, double *loss) {
    Problem *problem = user_data;
    if (++problem->calls == problem->fails_at) return 7;
    /* The optimizer may be used while its step is under way. */
    CHECK_OK(candle_optimizer_zero_grad(problem->optimizer, &error));
    *loss = descend(problem->x);
    return CANDLE_OK;
}

static CandleStatus nested(void *user_data, double *loss) {
    Problem *problem = user_data;
    return candle_lbfgs_step(problem->optimizer, loss_of, user_data, loss, NULL);
}

static void test_lbfgs(void) {
    CandleLbfgsOptions options = CANDLE_LBFGS_OPTIONS_INIT;
    CandleOptimizer *plain = NULL, *sgd = sample_CandleOptimizer();
    CandleTensor *state = NULL;
    const CandleTensor *params[1];
    Problem problem = {NULL, NULL, 0, 0};
    float values[2];
    double loss = 0.0;
    problem.x = parameter(1.0F, -2.0F);
    params[0] = problem.x;
    CHECK_OK(candle_lbfgs_new(params, 1, NULL, &plain, &error));
    CHECK_OK(candle_lbfgs_new(params, 1, &options, &problem.optimizer, &error));
    CHECK_TEXT(candle_optimizer_name(plain), "LBFGS");
    same_options(problem.optimizer, plain);
    candle_optimizer_free(problem.optimizer);
    candle_optimizer_free(plain);
    options.line_search_fn = 1;
    CHECK_OK(candle_lbfgs_new(params, 1, &options, &problem.optimizer, &error));
    CHECK_ERROR(candle_optimizer_step(problem.optimizer, &error), CANDLE_ERROR_INVALID_ARGUMENT, "function");
    CHECK_ERROR(candle_lbfgs_step(sgd, loss_of, &problem, &loss, &error), CANDLE_ERROR_INVALID_ARGUMENT, "SGD");

    /* A failing callback ends the step, now or later, and the optimizer goes on afterwards. */
    problem.fails_at = 1;
    CHECK_ERROR(candle_lbfgs_step(problem.optimizer, loss_of, &problem, &loss, &error), CANDLE_ERROR_CALLBACK, "7");
    CHECK_EQUAL(problem.calls, 1);
    problem.fails_at = 3;
    CHECK_ERROR(candle_lbfgs_step(problem.optimizer, loss_of, &problem, &loss, &error), CANDLE_ERROR_CALLBACK, "7");
    CHECK_NEAR(loss, 0.0, 0.0);
    problem.fails_at = 0;
    CHECK_ERROR(candle_lbfgs_step(problem.optimizer, nested, &problem, &loss, &error), CANDLE_ERROR_CALLBACK,
                "closure");

    CHECK_OK(candle_optimizer_zero_grad(problem.optimizer, &error));
    CHECK_OK(candle_lbfgs_step(problem.optimizer, loss_of, &problem, &loss, &error));
    CHECK_OK(candle_lbfgs_step(problem.optimizer, loss_of, &problem, NULL, &error));
    CHECK(loss > 0.0);
    read_two(problem.x, values);
    CHECK_NEAR(values[0], 0.0, 1e-4);
    CHECK_NEAR(values[1], 0.0, 1e-4);
    CHECK_OK(candle_optimizer_get_state(problem.optimizer, 0, 0, "func_evals", &state, &error));
    CHECK(take_item(state) >= 3.0);
    candle_optimizer_free(problem.optimizer);
    candle_optimizer_free(sgd);
    candle_tensor_free(problem.x);
}

static void test_gradients_are_clipped(void) {
    CandleTensor *x = parameter(1.5F, -2.0F), *grad = NULL, *norm = NULL;
    const CandleTensor *params[1];
    float values[2];
    params[0] = x;
    descend(x);
    CHECK_OK(candle_clip_grad_norm(params, 1, 2.5, 2.0, 1, &norm, &error));
    CHECK_NEAR(take_item(norm), 5.0, 1e-5);
    CHECK_OK(candle_tensor_grad(x, &grad, &error));
    read_two(grad, values);
    CHECK_NEAR(values[0], 1.5, 1e-5);
    CHECK_NEAR(values[1], -2.0, 1e-5);
    CHECK_OK(candle_clip_grad_value(params, 1, 1.75, &error));
    read_two(grad, values);
    CHECK_NEAR(values[0], 1.5, 1e-5);
    CHECK_NEAR(values[1], -1.75, 1e-6);
    params[0] = grad;
    norm = NULL;
    CHECK_OK(candle_total_norm(params, 1, INFINITY, 0, &norm, &error));
    CHECK_NEAR(take_item(norm), 1.75, 1e-6);
    candle_tensor_free(grad);
    candle_tensor_free(x);
}

int main(void) {
    RUN(test_sgd);
    RUN(test_adam);
    RUN(test_adamw);
    RUN(test_adamax);
    RUN(test_nadam);
    RUN(test_radam);
    RUN(test_rmsprop);
    RUN(test_adagrad);
    RUN(test_adadelta);
    RUN(test_asgd);
    RUN(test_rprop);
    RUN(test_lion);
    RUN(test_adam_takes_its_first_step_whole);
    RUN(test_lbfgs);
    RUN(test_gradients_are_clipped);
    return FINISH();
}
