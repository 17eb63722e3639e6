#include "flash_kernels.cuh"

FLASH(f16, 64, 2, 64, 2, 32, 1, 64)
