/* Memory of the caller in tensors, memory of tensors for the caller, rows, and DLPack. */

#include "dlpack_types.h"
#include "harness.h"

static void count(void *calls) {
    ++*(int *)calls;
}

static void free_and_forget(void *block) {
    free(block);
}

static void test_blob_is_used_in_place(void) {
    float values[6] = {1, 2, 3, 4, 5, 6};
    const int64_t shape[2] = {2, 3};
    int calls = 0;
    void *address = NULL;
    CandleTensor *x = NULL, *view = NULL;
    CHECK_OK(candle_tensor_from_blob(values, sizeof values, shape, 2, NULL, CANDLE_DTYPE_FLOAT32,
                                     count, &calls, &x, &error));
    CHECK_OK(candle_tensor_data_ptr(x, &address, &error));
    CHECK(address == (void *)values);
    CHECK_OK(candle_tensor_select(x, 0, 1, &view, &error));
    CHECK_OK(candle_tensor_data_ptr(view, &address, &error));
    CHECK(address == (void *)(values + 3));
    CHECK_OK(candle_tensor_zero_(view, &error));
    CHECK(values[2] == 3 && values[3] == 0 && values[5] == 0);
    values[5] = 7;
    candle_tensor_free(x);
    CHECK_EQUAL(calls, 0);
    CHECK_OK(candle_tensor_sum(view, NULL, 0, 0, CANDLE_DTYPE_NONE, &x, &error));
    CHECK_NEAR(take_item(x), 7.0, 0.0);
    candle_tensor_free(view);
    CHECK_EQUAL(calls, 1);
}

static void test_blob_on_the_heap_twice(void) {
    const int64_t shape[1] = {1000};
    double *block = malloc(1000 * sizeof *block);
    int calls = 0, at;
    CandleTensor *first = NULL, *second = NULL;
    for (at = 0; at < 1000; at++) block[at] = at;
    CHECK_OK(candle_tensor_from_blob(block, 8000, shape, 1, NULL, CANDLE_DTYPE_FLOAT64, count, &calls,
                                     &first, &error));
    CHECK_OK(candle_tensor_from_blob(block, 8000, shape, 1, NULL, CANDLE_DTYPE_FLOAT64, count, &calls,
                                     &second, &error));
    candle_tensor_free(first);
    CHECK_EQUAL(calls, 1);
    CHECK_OK(candle_tensor_sum(second, NULL, 0, 0, CANDLE_DTYPE_NONE, &first, &error));
    CHECK_NEAR(take_item(first), 499500.0, 0.0);
    candle_tensor_free(second);
    CHECK_EQUAL(calls, 2);
    CHECK_OK(candle_tensor_from_blob(block, 8000, shape, 1, NULL, CANDLE_DTYPE_FLOAT64,
                                     free_and_forget, block, &first, &error));
    candle_tensor_free(first);
}

static void test_blob_with_strides(void) {
    int32_t values[6] = {1, 2, 3, 4, 5, 6};
    const int64_t shape[2] = {3, 2}, across[2] = {4, 12}, gaps[2] = {4, 16}, back[2] = {8, -4};
    int32_t copy[6];
    int64_t strides[2];
    int calls = 0;
    CandleTensor *x = NULL;
    CHECK_OK(candle_tensor_from_blob(values, sizeof values, shape, 2, across, CANDLE_DTYPE_INT32,
                                     count, &calls, &x, &error));
    CHECK_OK(candle_tensor_strides(x, strides, 2, &error));
    CHECK(strides[0] == 1 && strides[1] == 3);
    CHECK_OK(candle_tensor_copy_to(x, copy, sizeof copy, &error));
    CHECK(copy[0] == 1 && copy[1] == 4 && copy[2] == 2 && copy[5] == 6);
    candle_tensor_free(x);
    CHECK_EQUAL(calls, 1);
    CHECK_ERROR(candle_tensor_from_blob(values, sizeof values, shape, 2, gaps, CANDLE_DTYPE_INT32,
                                        count, &calls, &x, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "a copy can");
    CHECK_ERROR(candle_tensor_from_blob(values, sizeof values, shape, 2, back, CANDLE_DTYPE_INT32,
                                        count, &calls, &x, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "strides");
    CHECK_EQUAL(calls, 1);
}

static void test_blob_failures_leave_the_memory(void) {
    double values[3] = {0, 1, 2};
    unsigned char truths[3] = {0, 1, 2};
    const int64_t shape[1] = {2}, negative[1] = {-2};
    int calls = 0;
    CandleTensor *x = NULL;
    CHECK_ERROR(candle_tensor_from_blob(values, 17, shape, 1, NULL, CANDLE_DTYPE_FLOAT64, count,
                                        &calls, &x, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "16 bytes");
    CHECK_ERROR(candle_tensor_from_blob((char *)values + 4, 16, shape, 1, NULL,
                                        CANDLE_DTYPE_FLOAT64, count, &calls, &x, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "aligned");
    CHECK_ERROR(candle_tensor_from_blob(truths + 1, 2, shape, 1, NULL, CANDLE_DTYPE_BOOL, count,
                                        &calls, &x, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "bool");
    CHECK_ERROR(candle_tensor_from_blob(values, 16, shape, 1, NULL, 99, count, &calls, &x, &error),
                CANDLE_ERROR_DTYPE, "99");
    CHECK_ERROR(candle_tensor_from_blob(values, 16, negative, 1, NULL, CANDLE_DTYPE_FLOAT64, count,
                                        &calls, &x, &error),
                CANDLE_ERROR_SHAPE, "-2");
    CHECK_EQUAL(calls, 0);
    CHECK(x == NULL);
}

static void test_blob_of_nothing(void) {
    const int64_t shape[2] = {0, 3};
    int calls = 0;
    CandleTensor *x = NULL;
    CHECK_OK(candle_tensor_from_blob(NULL, 0, shape, 2, NULL, CANDLE_DTYPE_UINT8, count, &calls, &x,
                                     &error));
    CHECK_EQUAL(calls, 1);
    candle_tensor_free(x);
    CHECK_EQUAL(calls, 1);
}

static void test_rows(void) {
    const int16_t values[6] = {1, 2, 3, 4, 5, 6};
    const int64_t row[1] = {2}, indices[3] = {2, 0, 2}, wrong[2] = {0, 3}, below[1] = {-1};
    int16_t copy[6] = {0};
    CandleTensor *x = NULL;
    CHECK_OK(candle_tensor_from_rows(values, sizeof values, 3, 4, row, 1, indices, 3,
                                     CANDLE_DTYPE_INT16, CANDLE_DEVICE_CPU, 0, &x, &error));
    CHECK_OK(candle_tensor_copy_to(x, copy, sizeof copy, &error));
    CHECK(copy[0] == 5 && copy[1] == 6 && copy[2] == 1 && copy[3] == 2 && copy[5] == 6);
    candle_tensor_free(x);
    CHECK_OK(candle_tensor_from_rows(values, sizeof values, 3, -4, row, 1, indices, 3,
                                     CANDLE_DTYPE_INT16, CANDLE_DEVICE_CPU, 0, &x, &error));
    CHECK_OK(candle_tensor_copy_to(x, copy, sizeof copy, &error));
    CHECK(copy[0] == 1 && copy[2] == 5);
    candle_tensor_free(x);
    CHECK_ERROR(candle_tensor_from_rows(values, sizeof values, 3, 4, row, 1, wrong, 2,
                                        CANDLE_DTYPE_INT16, CANDLE_DEVICE_CPU, 0, &x, &error),
                CANDLE_ERROR_INDEX, "index 3 at position 1");
    CHECK_ERROR(candle_tensor_from_rows(values, sizeof values, 3, 4, row, 1, below, 1,
                                        CANDLE_DTYPE_INT16, CANDLE_DEVICE_CPU, 0, &x, &error),
                CANDLE_ERROR_INDEX, "-1");
    CHECK_ERROR(candle_tensor_from_rows(values, sizeof values, 4, 4, row, 1, indices, 3,
                                        CANDLE_DTYPE_INT16, CANDLE_DEVICE_CPU, 0, &x, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "byte_len 12");
}

static void test_dlpack_there_and_back(void) {
    const float values[6] = {1, 2, 3, 4, 5, 6};
    const int64_t shape[2] = {2, 3}, dims[2] = {1, 0};
    struct DLManagedTensorVersioned *managed = NULL;
    struct DLManagedTensor *old = NULL;
    CandleTensor *x = floats(values, shape, 2), *turned = NULL, *back = NULL;
    void *address = NULL;
    CHECK_OK(candle_tensor_permute(x, dims, 2, &turned, &error));
    candle_tensor_free(x);
    CHECK_OK(candle_tensor_to_dlpack(turned, CANDLE_COPY_NEVER, &managed, &error));
    CHECK_EQUAL(managed->version.major, 1);
    CHECK_EQUAL(managed->flags, 0);
    CHECK_EQUAL(managed->dl_tensor.device.device_type, 1);
    CHECK_EQUAL(managed->dl_tensor.ndim, 2);
    CHECK(managed->dl_tensor.dtype.code == 2 && managed->dl_tensor.dtype.bits == 32);
    CHECK(managed->dl_tensor.shape[0] == 3 && managed->dl_tensor.strides[0] == 1);
    CHECK_NEAR(((float *)managed->dl_tensor.data)[5], 6.0, 0.0);
    address = managed->dl_tensor.data;
    CHECK_OK(candle_tensor_to_dlpack_unversioned(turned, CANDLE_COPY_ALWAYS, &old, &error));
    CHECK(old->dl_tensor.data != address && old->dl_tensor.shape[1] == 2);
    candle_tensor_free(turned);
    old->deleter(old);
    CHECK_OK(candle_tensor_from_dlpack(managed, CANDLE_COPY_NEVER, &back, &error));
    CHECK_OK(candle_tensor_to_dlpack_unversioned(back, CANDLE_COPY_NEVER, &old, &error));
    CHECK(old->dl_tensor.data == address);
    candle_tensor_free(back);
    CHECK_OK(candle_tensor_from_dlpack_unversioned(old, CANDLE_COPY_IF_NEEDED, &back, &error));
    CHECK_OK(candle_tensor_sum(back, NULL, 0, 0, CANDLE_DTYPE_NONE, &x, &error));
    CHECK_NEAR(take_item(x), 21.0, 0.0);
    candle_tensor_free(back);
}

/* A tensor of a library that counts how often it is told. */
static int told = 0;

static void tell(struct DLManagedTensorVersioned *self) {
    (void)self;
    told++;
}

static void test_dlpack_of_others(void) {
    double values[6] = {0, 1, 2, 3, 4, 5};
    int64_t shape[1] = {3}, strides[1] = {1};
    double copy[3] = {0};
    struct DLManagedTensorVersioned managed;
    CandleTensor *x = NULL;
    memset(&managed, 0, sizeof managed);
    managed.version.major = 1;
    managed.deleter = tell;
    managed.dl_tensor.data = values;
    managed.dl_tensor.device.device_type = 1;
    managed.dl_tensor.ndim = 1;
    managed.dl_tensor.dtype.code = 2;
    managed.dl_tensor.dtype.bits = 64;
    managed.dl_tensor.dtype.lanes = 1;
    managed.dl_tensor.shape = shape;
    managed.dl_tensor.strides = strides;
    managed.dl_tensor.byte_offset = 8;

    CHECK_OK(candle_tensor_from_dlpack(&managed, CANDLE_COPY_NEVER, &x, &error));
    CHECK_EQUAL(told, 0);
    candle_tensor_free(x);
    CHECK_EQUAL(told, 1);
    CHECK_OK(candle_tensor_from_dlpack(&managed, CANDLE_COPY_ALWAYS, &x, &error));
    CHECK_EQUAL(told, 2);
    values[1] = 9;
    CHECK_OK(candle_tensor_copy_to(x, copy, sizeof copy, &error));
    CHECK(copy[0] == 1 && copy[2] == 3);
    candle_tensor_free(x);

    /* What cannot be shared is copied, or refused, and then stays the caller's. */
    strides[0] = -2;
    managed.dl_tensor.byte_offset = 40;
    x = NULL;
    CHECK_ERROR(candle_tensor_from_dlpack(&managed, CANDLE_COPY_NEVER, &x, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "strides");
    CHECK_OK(candle_tensor_from_dlpack(&managed, CANDLE_COPY_IF_NEEDED, &x, &error));
    CHECK_OK(candle_tensor_copy_to(x, copy, sizeof copy, &error));
    CHECK(copy[0] == 5 && copy[1] == 3 && copy[2] == 9);
    candle_tensor_free(x);
    CHECK_EQUAL(told, 3);
    strides[0] = 1;
    managed.dl_tensor.byte_offset = 0;
    managed.flags = 1;
    CHECK_ERROR(candle_tensor_from_dlpack(&managed, CANDLE_COPY_NEVER, &x, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "read-only");
    managed.flags = 0;
    CHECK_ERROR(candle_tensor_from_dlpack(&managed, 7, &x, &error), CANDLE_ERROR_INVALID_ARGUMENT,
                "CANDLE_COPY");
    managed.version.major = 2;
    CHECK_ERROR(candle_tensor_from_dlpack(&managed, CANDLE_COPY_NEVER, &x, &error),
                CANDLE_ERROR_UNSUPPORTED, "DLPack 2");
    managed.version.major = 1;
    managed.dl_tensor.device.device_type = 2;
    CHECK_ERROR(candle_tensor_from_dlpack(&managed, CANDLE_COPY_ALWAYS, &x, &error),
                CANDLE_ERROR_DEVICE, "CUDA");
    managed.dl_tensor.device.device_type = 1;
    managed.dl_tensor.dtype.code = 5;
    CHECK_ERROR(candle_tensor_from_dlpack(&managed, CANDLE_COPY_ALWAYS, &x, &error),
                CANDLE_ERROR_DTYPE, "complex64");
    CHECK_EQUAL(told, 3);
    managed.dl_tensor.dtype.code = 2;

    /* Strides beyond all memory matter only where there is more than one element along them. */
    strides[0] = INT64_MAX;
    CHECK_ERROR(candle_tensor_from_dlpack(&managed, CANDLE_COPY_IF_NEEDED, &x, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "");
    strides[0] = INT64_MIN;
    CHECK_ERROR(candle_tensor_from_dlpack(&managed, CANDLE_COPY_ALWAYS, &x, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "");
    CHECK_EQUAL(told, 3);
    shape[0] = 1;
    CHECK_OK(candle_tensor_from_dlpack(&managed, CANDLE_COPY_NEVER, &x, &error));
    CHECK_NEAR(take_item(x), 0.0, 0.0);
    CHECK_EQUAL(told, 4);
    shape[0] = 0;
    CHECK_OK(candle_tensor_from_dlpack(&managed, CANDLE_COPY_NEVER, &x, &error));
    candle_tensor_free(x);
    CHECK_EQUAL(told, 5);

    managed.dl_tensor.ndim = 0;
    managed.dl_tensor.shape = NULL;
    managed.dl_tensor.strides = NULL;
    managed.deleter = NULL;
    CHECK_OK(candle_tensor_from_dlpack(&managed, CANDLE_COPY_NEVER, &x, &error));
    CHECK_NEAR(take_item(x), 0.0, 0.0);
}

static void test_dlpack_refuses_gradients(void) {
    const float values[1] = {1};
    const int64_t shape[1] = {1};
    struct DLManagedTensorVersioned *managed = NULL;
    CandleTensor *x = floats(values, shape, 1);
    CHECK_OK(candle_tensor_set_requires_grad(x, 1, &error));
    CHECK_ERROR(candle_tensor_to_dlpack(x, CANDLE_COPY_NEVER, &managed, &error), CANDLE_ERROR_GRAPH,
                "detach");
    CHECK(managed == NULL);
    candle_tensor_free(x);
}

int main(void) {
    RUN(test_blob_is_used_in_place);
    RUN(test_blob_on_the_heap_twice);
    RUN(test_blob_with_strides);
    RUN(test_blob_failures_leave_the_memory);
    RUN(test_blob_of_nothing);
    RUN(test_rows);
    RUN(test_dlpack_there_and_back);
    RUN(test_dlpack_of_others);
    RUN(test_dlpack_refuses_gradients);
    return FINISH();
}
