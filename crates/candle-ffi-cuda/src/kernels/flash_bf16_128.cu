#include "flash_kernels.cuh"

FLASH(bf16, 128, 2, 32, 1, 32, 1, 32)
