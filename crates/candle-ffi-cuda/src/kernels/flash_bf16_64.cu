#include "flash_kernels.cuh"

FLASH(bf16, 64, 2, 64, 2, 32, 1, 64)
