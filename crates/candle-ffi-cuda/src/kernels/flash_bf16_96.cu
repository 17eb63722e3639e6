#include "flash_kernels.cuh"

FLASH(bf16, 96, 2, 32, 1, 64, 1, 32)
