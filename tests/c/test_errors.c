/* Errors: codes, details, handles that are not what they should be, versions. */

#include "samples.h"

static void test_an_error_carries_its_details(void) {
    const float values[6] = {1, 2, 3, 4, 5, 6};
    const int64_t shape[2] = {2, 3};
    CandleTensor *tensor = floats(values, shape, 2), *out = NULL;
    CandleError *error = NULL;
    int64_t sizes[2] = {0, 0};
    CHECK_EQUAL(candle_tensor_matmul(tensor, tensor, &out, &error), CANDLE_ERROR_SHAPE);
    CHECK(out == NULL);
    CHECK_EQUAL(candle_error_code(error), CANDLE_ERROR_SHAPE);
    CHECK_TEXT(candle_status_name(candle_error_code(error)), "CANDLE_ERROR_SHAPE");
    CHECK_TEXT(candle_error_operation(error), "matmul");
    CHECK(strstr(candle_error_message(error), "[2, 3]") != NULL);
    CHECK_EQUAL(candle_error_num_shapes(error), 2);
    CHECK_EQUAL(candle_error_shape(error, 0, NULL, 0), 2);
    CHECK_EQUAL(candle_error_shape(error, 1, sizes, 2), 2);
    CHECK(sizes[0] == 2 && sizes[1] == 3);
    CHECK_EQUAL(candle_error_shape(error, 9, sizes, 2), 0);
    CHECK_EQUAL(candle_error_num_devices(error), 0);
    CHECK_EQUAL(candle_error_device_kind(error, 0), 0);
    candle_error_free(error);
    candle_tensor_free(tensor);
}

static void test_details_may_be_unwanted(void) {
    CHECK_EQUAL(candle_tensor_add(NULL, NULL, NULL, NULL), CANDLE_ERROR_NULL_POINTER);
    CHECK_EQUAL(candle_ffi_live_handles(CANDLE_HANDLE_ERROR), 0);
    CHECK_TEXT(candle_error_message(NULL), "");
    CHECK_EQUAL(candle_error_code(NULL), CANDLE_OK);
    CHECK_TEXT(candle_status_name(12345), "CANDLE_ERROR_UNKNOWN");
}

static void test_another_kind_of_handle_is_told(void) {
    CandleGenerator *generator = sample_CandleGenerator();
    CandleTensor *out = NULL, *wrong = (CandleTensor *)(void *)generator;
    CHECK_ERROR(candle_tensor_exp(wrong, &out, &error), CANDLE_ERROR_INVALID_HANDLE, "CandleTensor");
    CHECK_EQUAL(candle_tensor_rank(wrong), 0);
    candle_tensor_free(wrong);
    CHECK_EQUAL(candle_ffi_live_handles(CANDLE_HANDLE_GENERATOR), 1);
    candle_generator_free(generator);
    CHECK_EQUAL(candle_ffi_live_handles(CANDLE_HANDLE_GENERATOR), 0);
}

static void test_numbers_are_checked_on_arrival(void) {
    const int64_t shape[1] = {1};
    CandleTensor *out = NULL;
    CandleDType dtype = 0;
    CandleDeviceKind kind = 0;
    int32_t index = -1;
    CHECK_ERROR(candle_tensor_zeros(shape, 1, 99, CANDLE_DEVICE_CPU, 0, &out, &error), CANDLE_ERROR_DTYPE, "99");
    CHECK_ERROR(candle_tensor_zeros(shape, 1, CANDLE_DTYPE_FLOAT32, 9, 0, &out, &error), CANDLE_ERROR_DEVICE, "9");
    CHECK_ERROR(candle_tensor_zeros(shape, 1, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, -1, &out, &error),
                CANDLE_ERROR_DEVICE, "-1");
    CHECK_ERROR(candle_dtype_from_name("float31", &dtype, &error), CANDLE_ERROR_DTYPE, "float32");
    CHECK_ERROR(candle_dtype_from_name("\xff", &dtype, &error), CANDLE_ERROR_INVALID_UTF8, "UTF-8");
    CHECK_ERROR(candle_device_from_name("tpu", &kind, &index, &error), CANDLE_ERROR_DEVICE, "cpu");
    CHECK(dtype == 0 && kind == 0 && index == -1 && out == NULL);
    CHECK_OK(candle_dtype_from_name("bfloat16", &dtype, &error));
    CHECK_EQUAL(dtype, CANDLE_DTYPE_BFLOAT16);
    CHECK_OK(candle_device_from_name("cpu", &kind, &index, &error));
    CHECK(kind == CANDLE_DEVICE_CPU && index == 0);
}

static void test_dtypes_know_themselves(void) {
    CHECK_EQUAL(candle_dtype_size(CANDLE_DTYPE_FLOAT64), 8);
    CHECK_EQUAL(candle_dtype_size(3), 0);
    CHECK_TEXT(candle_dtype_name(CANDLE_DTYPE_FLOAT8_E4M3), "float8_e4m3fn");
    CHECK_TEXT(candle_dtype_name(-1), "none");
    CHECK(candle_dtype_is_float(CANDLE_DTYPE_FLOAT16) && !candle_dtype_is_float(CANDLE_DTYPE_INT64));
    CHECK_EQUAL(candle_dtype_promote(CANDLE_DTYPE_INT64, CANDLE_DTYPE_FLOAT16), CANDLE_DTYPE_FLOAT16);
    CHECK_EQUAL(candle_dtype_promote(CANDLE_DTYPE_INT64, 99), CANDLE_DTYPE_NONE);
}

static void test_devices_know_themselves(void) {
    CHECK_EQUAL(candle_device_count(CANDLE_DEVICE_CPU), 1);
    CHECK(candle_device_is_available(CANDLE_DEVICE_CPU));
    CHECK_EQUAL(candle_device_count(77), 0);
    CHECK_TEXT(candle_device_kind_name(CANDLE_DEVICE_CUDA), "cuda");
    CHECK_OK(candle_device_check(CANDLE_DEVICE_CPU, 0, &error));
}

static void test_versions_agree(void) {
    CHECK_TEXT(candle_ffi_version(), CANDLE_FFI_VERSION);
    CHECK(candle_ffi_abi_version() >= CANDLE_FFI_ABI_VERSION);
    CHECK(strstr(candle_ffi_build_info(), "candle 0.11") != NULL);
}

static void test_threads_are_counted(void) {
    size_t before = candle_get_num_threads();
    CHECK(before >= 1);
    CHECK_OK(candle_set_num_threads(1, &error));
    CHECK_EQUAL(candle_get_num_threads(), 1);
    CHECK_ERROR(candle_set_num_threads(0, &error), CANDLE_ERROR_INVALID_ARGUMENT, "1");
    CHECK_OK(candle_set_num_threads(before, &error));
}

int main(void) {
    RUN(test_an_error_carries_its_details);
    RUN(test_details_may_be_unwanted);
    RUN(test_another_kind_of_handle_is_told);
    RUN(test_numbers_are_checked_on_arrival);
    RUN(test_dtypes_know_themselves);
    RUN(test_devices_know_themselves);
    RUN(test_versions_agree);
    RUN(test_threads_are_counted);
    return FINISH();
}
