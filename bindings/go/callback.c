#include "callback.h"

#include "_cgo_export.h"

/* A function of Go runs on the thread of the call that reaches it: its error is found there. */
static _Thread_local uintptr_t cause;

static CandleStatus failed_with(uintptr_t error) {
    if (error == 0) {
        return CANDLE_OK;
    }
    if (cause != 0) {
        candleGoFree(cause);
    }
    cause = error;
    return CANDLE_ERROR_CALLBACK;
}

static candle_go_called called(candle_go_result result) {
    candle_go_called called = {result, cause};
    cause = 0;
    return called;
}

static CandleStatus run_hook(void *user_data, const CandleTensor *gradient,
                             CandleTensor **replacement) {
    return failed_with(candleGoHook((uintptr_t)user_data, (CandleTensor *)gradient, replacement));
}

static CandleStatus run_closure(void *user_data, double *loss) {
    return failed_with(candleGoClosure((uintptr_t)user_data, loss));
}

static CandleStatus run_fallback(void *user_data, const char *operation, CandleDType dtype,
                                 CandleDeviceKind kind, int32_t index) {
    return candleGoFallback((uintptr_t)user_data, (char *)operation, dtype, kind, index);
}

static void run_free(void *user_data) { candleGoFree((uintptr_t)user_data); }

candle_go_result candle_go_hook(const CandleTensor *tensor, uintptr_t hook, uint64_t *id) {
    return candle_go_tensor_register_hook(tensor, run_hook, (void *)hook, run_free, id);
}

candle_go_result candle_go_blob(void *data, size_t byte_len, const int64_t *shape, size_t rank,
                                const int64_t *strides, CandleDType dtype, uintptr_t free) {
    return candle_go_tensor_from_blob(data, byte_len, shape, rank, strides, dtype, run_free,
                                      (void *)free);
}

candle_go_result candle_go_tell_fallbacks(uintptr_t callback) {
    if (callback == 0) {
        return candle_go_set_fallback_callback(NULL, NULL, NULL);
    }
    return candle_go_set_fallback_callback(run_fallback, (void *)callback, run_free);
}

candle_go_called candle_go_backward(const CandleTensor *tensor, const CandleTensor *gradient,
                                    int32_t retain_graph, int32_t create_graph) {
    return called(candle_go_tensor_backward(tensor, gradient, retain_graph, create_graph));
}

candle_go_called candle_go_gradients(const CandleTensor *const *outputs, size_t num_outputs,
                                     const CandleTensor *const *inputs, size_t num_inputs,
                                     const CandleTensor *const *grad_outputs, int32_t retain_graph,
                                     int32_t create_graph, int32_t allow_unused,
                                     CandleTensor **grads) {
    return called(candle_go_grad(outputs, num_outputs, inputs, num_inputs, grad_outputs,
                                 retain_graph, create_graph, allow_unused, grads));
}

candle_go_called candle_go_closure_step(CandleOptimizer *optimizer, uintptr_t closure,
                                        double *loss) {
    return called(candle_go_lbfgs_step(optimizer, run_closure, (void *)closure, loss));
}
