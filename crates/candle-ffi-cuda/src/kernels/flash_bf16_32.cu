#include "flash_kernels.cuh"

FLASH(bf16, 32, 2, 64, 2, 32, 2, 32)
