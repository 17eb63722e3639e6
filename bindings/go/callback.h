/* Functions of Go that C calls back, and the calls in which that happens. */

#ifndef CANDLE_GO_CALLBACK_H
#define CANDLE_GO_CALLBACK_H

#include "shims.h"

/* What a call gives, and the error of a function of Go that it called: a handle of cgo, or 0. */
typedef struct {
    candle_go_result result;
    uintptr_t cause;
} candle_go_called;

candle_go_result candle_go_hook(const CandleTensor *tensor, uintptr_t hook, uint64_t *id);
candle_go_result candle_go_blob(void *data, size_t byte_len, const int64_t *shape, size_t rank,
                                const int64_t *strides, CandleDType dtype, uintptr_t free);
candle_go_result candle_go_tell_fallbacks(uintptr_t callback);
candle_go_called candle_go_backward(const CandleTensor *tensor, const CandleTensor *gradient,
                                    int32_t retain_graph, int32_t create_graph);
candle_go_called candle_go_gradients(const CandleTensor *const *outputs, size_t num_outputs,
                                     const CandleTensor *const *inputs, size_t num_inputs,
                                     const CandleTensor *const *grad_outputs, int32_t retain_graph,
                                     int32_t create_graph, int32_t allow_unused,
                                     CandleTensor **grads);
candle_go_called candle_go_closure_step(CandleOptimizer *optimizer, uintptr_t closure,
                                        double *loss);

#endif
