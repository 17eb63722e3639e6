#include "flash_kernels.cuh"

FLASH(f16, 128, 2, 32, 1, 32, 1, 32)
