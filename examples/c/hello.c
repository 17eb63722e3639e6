/* Two tensors, a matrix product, and an error that says what is wrong. */

#include <candle_ffi.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    const float values[6] = {1, 2, 3, 4, 5, 6};
    const int64_t shape[2] = {2, 3};
    CandleTensor *a = NULL, *b = NULL, *product = NULL;
    CandleError *error = NULL;
    float result[4];
    int failed = 1;

    printf("%s\n", candle_ffi_build_info());
    if (candle_tensor_from_data(values, sizeof values, shape, 2, NULL, CANDLE_DTYPE_FLOAT32,
                                CANDLE_DEVICE_CPU, 0, &a, &error) != CANDLE_OK ||
        candle_tensor_transpose(a, 0, 1, &b, &error) != CANDLE_OK ||
        candle_tensor_matmul(a, b, &product, &error) != CANDLE_OK ||
        candle_tensor_copy_to(product, result, sizeof result, &error) != CANDLE_OK)
        goto end;
    printf("[%g %g]\n[%g %g]\n", result[0], result[1], result[2], result[3]);

    /* 2x3 times 2x3 does not go. */
    candle_tensor_free(product);
    product = NULL;
    if (candle_tensor_matmul(a, a, &product, &error) == CANDLE_ERROR_SHAPE) {
        printf("as expected, %s\n", candle_error_message(error));
        candle_error_free(error);
        error = NULL;
        failed = 0;
    }

end:
    if (error != NULL) fprintf(stderr, "%s\n", candle_error_message(error));
    candle_error_free(error);
    candle_tensor_free(product);
    candle_tensor_free(b);
    candle_tensor_free(a);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
