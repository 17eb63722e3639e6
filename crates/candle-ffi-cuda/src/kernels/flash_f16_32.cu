#include "flash_kernels.cuh"

FLASH(f16, 32, 2, 64, 2, 32, 2, 32)
