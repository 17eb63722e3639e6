/* Tensors: data of the host, sizes, numbers, indexing, sharing. */

#include "samples.h"

static void test_data_goes_in_and_comes_out(void) {
    const float values[6] = {1, 2, 3, 4, 5, 6};
    const int64_t shape[2] = {2, 3};
    CandleTensor *tensor = floats(values, shape, 2);
    int64_t sizes[2] = {0, 0};
    float back[6] = {0};

    CHECK_EQUAL(candle_tensor_rank(tensor), 2);
    CHECK_EQUAL(candle_tensor_num_elements(tensor), 6);
    CHECK_EQUAL(candle_tensor_dtype(tensor), CANDLE_DTYPE_FLOAT32);
    CHECK_EQUAL(candle_tensor_device(tensor), CANDLE_DEVICE_CPU);
    CHECK_EQUAL(candle_tensor_device_index(tensor), 0);
    CHECK(candle_tensor_is_contiguous(tensor));
    CHECK_OK(candle_tensor_shape(tensor, sizes, 2, &error));
    CHECK(sizes[0] == 2 && sizes[1] == 3);
    CHECK_OK(candle_tensor_strides(tensor, sizes, 2, &error));
    CHECK(sizes[0] == 3 && sizes[1] == 1);
    CHECK_OK(candle_tensor_copy_to(tensor, back, sizeof back, &error));
    CHECK(memcmp(values, back, sizeof back) == 0);

    CHECK_ERROR(candle_tensor_shape(tensor, sizes, 1, &error), CANDLE_ERROR_BUFFER_TOO_SMALL, "2");
    CHECK_ERROR(candle_tensor_copy_to(tensor, back, 20, &error), CANDLE_ERROR_BUFFER_TOO_SMALL, "24");
    CHECK_ERROR(candle_tensor_copy_to(tensor, back, 25, &error), CANDLE_ERROR_INVALID_ARGUMENT, "24");
    candle_tensor_free(tensor);
}

static void test_strided_and_unaligned_data(void) {
    /* A 2x2 matrix whose elements lie 3 bytes apart from an odd address, rows from the last to the first. */
    unsigned char bytes[64];
    const int64_t shape[2] = {2, 2}, strides[2] = {-14, 7};
    const int64_t too_far[2] = {14, 60};
    float back[4];
    const float values[4] = {3, 4, 1, 2};
    CandleTensor *out = NULL;
    size_t at;
    for (at = 0; at < 4; at++) memcpy(bytes + 1 + 7 * at, values + at, sizeof *values);
    CHECK_OK(candle_tensor_from_data(bytes + 1, 25, shape, 2, strides, CANDLE_DTYPE_FLOAT32,
                                     CANDLE_DEVICE_CPU, 0, &out, &error));
    CHECK_OK(candle_tensor_copy_to(out, back, sizeof back, &error));
    CHECK(back[0] == 1 && back[1] == 2 && back[2] == 3 && back[3] == 4);
    candle_tensor_free(out);
    out = NULL;
    CHECK_ERROR(candle_tensor_from_data(bytes + 1, 24, shape, 2, strides, CANDLE_DTYPE_FLOAT32,
                                        CANDLE_DEVICE_CPU, 0, &out, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "beyond");
    CHECK_ERROR(candle_tensor_from_data(bytes, 64, shape, 2, too_far, CANDLE_DTYPE_FLOAT32,
                                        CANDLE_DEVICE_CPU, 0, &out, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "beyond");
    CHECK(out == NULL);
}

static void test_bools_are_normalised(void) {
    const unsigned char bytes[3] = {0, 1, 200};
    const int64_t shape[1] = {3};
    unsigned char back[3];
    CandleTensor *out = NULL;
    CHECK_OK(candle_tensor_from_data(bytes, 3, shape, 1, NULL, CANDLE_DTYPE_BOOL, CANDLE_DEVICE_CPU,
                                     0, &out, &error));
    CHECK_OK(candle_tensor_copy_to(out, back, 3, &error));
    CHECK(back[0] == 0 && back[1] == 1 && back[2] == 1);
    candle_tensor_free(out);
}

static void test_empty_and_scalar(void) {
    const int64_t shape[2] = {0, 3};
    const double value = 2.5;
    CandleTensor *empty = NULL, *scalar = NULL;
    CHECK_OK(candle_tensor_from_data(NULL, 0, shape, 2, NULL, CANDLE_DTYPE_INT64, CANDLE_DEVICE_CPU,
                                     0, &empty, &error));
    CHECK_EQUAL(candle_tensor_num_elements(empty), 0);
    CHECK_OK(candle_tensor_copy_to(empty, NULL, 0, &error));
    CHECK_OK(candle_tensor_from_data(&value, sizeof value, NULL, 0, NULL, CANDLE_DTYPE_FLOAT64,
                                     CANDLE_DEVICE_CPU, 0, &scalar, &error));
    CHECK_EQUAL(candle_tensor_rank(scalar), 0);
    CHECK_NEAR(take_item(scalar), 2.5, 0.0);
    candle_tensor_free(empty);
}

static void test_sizes_that_cannot_be(void) {
    const int64_t negative[1] = {-1}, huge[3] = {INT64_MAX, INT64_MAX, 4}, large[1] = {INT64_MAX / 8};
    const float values[2] = {1, 2};
    const int64_t two[1] = {2};
    CandleTensor *out = NULL;
    CHECK_ERROR(candle_tensor_zeros(negative, 1, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, &out, &error),
                CANDLE_ERROR_SHAPE, "-1");
    CHECK_ERROR(candle_tensor_zeros(huge, 3, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, &out, &error),
                CANDLE_ERROR_SHAPE, "overflow");
    CHECK_ERROR(candle_tensor_zeros(large, 1, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, &out, &error),
                CANDLE_ERROR_OUT_OF_MEMORY, "allocate");
    CHECK_ERROR(candle_tensor_from_data(values, 7, two, 1, NULL, CANDLE_DTYPE_FLOAT32,
                                        CANDLE_DEVICE_CPU, 0, &out, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "8 bytes");
    CHECK_ERROR(candle_tensor_from_data(values, SIZE_MAX, two, 1, NULL, CANDLE_DTYPE_FLOAT32,
                                        CANDLE_DEVICE_CPU, 0, &out, &error),
                CANDLE_ERROR_INVALID_ARGUMENT, "address space");
    CHECK(out == NULL);
}

static void test_numbers_do_not_promote(void) {
    CandleTensor *tensor = sample_CandleTensor(), *number = NULL, *sum = NULL;
    int64_t integer = 0;
    CHECK_OK(candle_tensor_from_double(0.5, &number, &error));
    CHECK_OK(candle_tensor_add(tensor, number, &sum, &error));
    CHECK_EQUAL(candle_tensor_dtype(sum), CANDLE_DTYPE_FLOAT32);
    candle_tensor_free(number);
    candle_tensor_free(sum);
    CHECK_OK(candle_tensor_from_int64(INT64_MIN, &number, &error));
    CHECK_OK(candle_tensor_item_int64(number, &integer, &error));
    CHECK(integer == INT64_MIN);
    candle_tensor_free(number);
    CHECK_OK(candle_tensor_from_bool(7, &number, &error));
    CHECK_EQUAL(candle_tensor_dtype(number), CANDLE_DTYPE_BOOL);
    CHECK_NEAR(take_item(number), 1.0, 0.0);
    CHECK_ERROR(candle_tensor_item_int64(tensor, &integer, &error), CANDLE_ERROR_SHAPE, "[2, 2]");
    candle_tensor_free(tensor);
}

static void test_indexing(void) {
    CandleTensor *tensor = sample_CandleTensor(), *part = NULL, *number = NULL;
    CandleIndex index[2] = {CANDLE_INDEX_INIT, CANDLE_INDEX_INIT};
    float back[2];
    index[1].kind = CANDLE_INDEX_INTEGER;
    index[1].start = -1;
    CHECK_OK(candle_tensor_get_item(tensor, index, 2, &part, &error));
    CHECK_OK(candle_tensor_copy_to(part, back, sizeof back, &error));
    CHECK(back[0] == 2 && back[1] == 4);
    CHECK_OK(candle_tensor_from_double(9.0, &number, &error));
    CHECK_OK(candle_tensor_set_item(tensor, index, 2, number, &error));
    CHECK_OK(candle_tensor_copy_to(part, back, sizeof back, &error));
    CHECK(back[0] == 9 && back[1] == 9);
    index[1].start = 2;
    candle_tensor_free(part);
    part = NULL;
    CHECK_ERROR(candle_tensor_get_item(tensor, index, 2, &part, &error), CANDLE_ERROR_INDEX, "out of range");
    index[0].kind = 77;
    CHECK_ERROR(candle_tensor_get_item(tensor, index, 2, &part, &error), CANDLE_ERROR_INVALID_ARGUMENT, "77");
    CHECK(part == NULL);
    candle_tensor_free(number);
    candle_tensor_free(tensor);
}

static void test_a_shared_handle_is_the_same_tensor(void) {
    CandleTensor *tensor = sample_CandleTensor(), *shared = NULL;
    CHECK_OK(candle_tensor_share(tensor, &shared, &error));
    CHECK_OK(candle_tensor_zero_(tensor, &error));
    CHECK_EQUAL(candle_tensor_version(shared), 1);
    candle_tensor_free(tensor);
    CHECK_EQUAL(candle_tensor_num_elements(shared), 4);
    candle_tensor_free(shared);
}

static void test_one_tensor_in_both_places(void) {
    CandleTensor *tensor = sample_CandleTensor(), *sum = NULL;
    CHECK_OK(candle_tensor_add_(tensor, tensor, &error));
    CHECK_OK(candle_tensor_sum(tensor, NULL, 0, 0, CANDLE_DTYPE_NONE, &sum, &error));
    CHECK_NEAR(take_item(sum), 20.0, 0.0);
    candle_tensor_free(tensor);
}

static void test_lists_of_outputs(void) {
    CandleTensor *tensor = sample_CandleTensor(), *parts[2] = {NULL, NULL};
    size_t count = 0;
    CHECK_ERROR(candle_tensor_split(tensor, 1, 0, parts, 1, &count, &error), CANDLE_ERROR_BUFFER_TOO_SMALL, "2");
    CHECK_EQUAL(count, 2);
    CHECK(parts[0] == NULL);
    CHECK_OK(candle_tensor_split(tensor, 1, 0, parts, 2, &count, &error));
    CHECK_EQUAL(candle_tensor_num_elements(parts[1]), 2);
    candle_tensor_free(parts[0]);
    candle_tensor_free(parts[1]);
    candle_tensor_free(tensor);
}

static void test_random_numbers_follow_the_seed(void) {
    const int64_t shape[1] = {1000};
    CandleGenerator *generator = sample_CandleGenerator();
    CandleTensor *first = NULL, *second = NULL;
    float a[1000], b[1000];
    uint64_t seed = 0, offset = 0;
    CHECK_OK(candle_tensor_randn(shape, 1, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, generator, &first, &error));
    CHECK_OK(candle_generator_get_state(generator, &seed, &offset, &error));
    CHECK(seed == 1 && offset == 1000);
    CHECK_OK(candle_generator_manual_seed(generator, 1, &error));
    CHECK_OK(candle_tensor_randn(shape, 1, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, generator, &second, &error));
    CHECK_OK(candle_tensor_copy_to(first, a, sizeof a, &error));
    CHECK_OK(candle_tensor_copy_to(second, b, sizeof b, &error));
    CHECK(memcmp(a, b, sizeof a) == 0);
    CHECK(a[0] != a[1]);
    candle_tensor_free(first);
    candle_tensor_free(second);
    candle_generator_free(generator);
}

static void test_devices_tell_what_they_are(void) {
    CandleDeviceInfo info = CANDLE_DEVICE_INFO_INIT, again = CANDLE_DEVICE_INFO_INIT;
    CandleDeviceMemory memory = CANDLE_DEVICE_MEMORY_INIT;
    CHECK_OK(candle_device_info(CANDLE_DEVICE_CPU, 0, &info, &error));
    CHECK(info.struct_size == sizeof info && info.name[0] != 0 && info.uuid[0] == 0);
    CHECK(info.multiprocessor_count > 0 && info.compute_capability_major == 0);
    CHECK_OK(candle_device_info(CANDLE_DEVICE_CPU, 0, &again, &error));
    CHECK(info.name == again.name);
    CHECK_OK(candle_device_memory(CANDLE_DEVICE_CPU, 0, &memory, &error));
    CHECK(memory.free_bytes <= memory.total_bytes && memory.total_bytes == info.total_memory);
    CHECK(memory.allocated_bytes == 0 && memory.peak_reserved_bytes == 0);
    CHECK_OK(candle_device_synchronize(CANDLE_DEVICE_CPU, 0, &error));
    CHECK_OK(candle_device_empty_cache(CANDLE_DEVICE_CPU, 0, &error));
    CHECK_OK(candle_device_reset_peak_memory(CANDLE_DEVICE_CPU, 0, &error));
    CHECK_ERROR(candle_device_info(CANDLE_DEVICE_CPU, 1, &info, &error), CANDLE_ERROR_DEVICE, "the only one is cpu");
    /* As a caller of an older header has it, who knows the first members. */
    info.struct_size = offsetof(CandleDeviceInfo, uuid);
    info.uuid = "untouched";
    CHECK_OK(candle_device_info(CANDLE_DEVICE_CPU, 0, &info, &error));
    CHECK_TEXT(info.uuid, "untouched");
}

/* A device that is not there: the message says how many there are, or why there is none. */
static void test_a_device_that_is_not_there_is_told(void) {
    const int32_t count = (int32_t)candle_device_count(CANDLE_DEVICE_CUDA);
    CandleDeviceInfo info = CANDLE_DEVICE_INFO_INIT;
    const char *word = count == 0 ? "there is no device cuda: " : "there is no device cuda:";
    CHECK_EQUAL(candle_device_is_available(CANDLE_DEVICE_CUDA), count > 0);
    CHECK_ERROR(candle_device_check(CANDLE_DEVICE_CUDA, count, &error), CANDLE_ERROR_DEVICE, word);
    CHECK_ERROR(candle_device_info(CANDLE_DEVICE_CUDA, count, &info, &error), CANDLE_ERROR_DEVICE, word);
    CHECK_ERROR(candle_device_synchronize(CANDLE_DEVICE_CUDA, 63, &error), CANDLE_ERROR_DEVICE, word);
    CHECK_ERROR(candle_device_check(CANDLE_DEVICE_CUDA, INT32_MAX, &error), CANDLE_ERROR_DEVICE, word);
    CHECK(info.name == NULL);
}

int main(void) {
    RUN(test_devices_tell_what_they_are);
    RUN(test_a_device_that_is_not_there_is_told);
    RUN(test_data_goes_in_and_comes_out);
    RUN(test_strided_and_unaligned_data);
    RUN(test_bools_are_normalised);
    RUN(test_empty_and_scalar);
    RUN(test_sizes_that_cannot_be);
    RUN(test_numbers_do_not_promote);
    RUN(test_indexing);
    RUN(test_a_shared_handle_is_the_same_tensor);
    RUN(test_one_tensor_in_both_places);
    RUN(test_lists_of_outputs);
    RUN(test_random_numbers_follow_the_seed);
    return FINISH();
}
