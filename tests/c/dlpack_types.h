/* What the tests need of dlpack.h, which is not ours to carry. */

#ifndef CANDLE_TEST_DLPACK_TYPES_H
#define CANDLE_TEST_DLPACK_TYPES_H

#include <stdint.h>

typedef struct {
    void *data;
    struct {
        int32_t device_type, device_id;
    } device;
    int32_t ndim;
    struct {
        uint8_t code, bits;
        uint16_t lanes;
    } dtype;
    int64_t *shape, *strides;
    uint64_t byte_offset;
} View;

struct DLManagedTensor {
    View dl_tensor;
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensor *self);
};

struct DLManagedTensorVersioned {
    struct {
        uint32_t major, minor;
    } version;
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensorVersioned *self);
    uint64_t flags;
    View dl_tensor;
};

#endif /* CANDLE_TEST_DLPACK_TYPES_H */
