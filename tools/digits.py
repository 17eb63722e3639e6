"""Write the handwritten digits of scikit-learn as the table that the programs `digits` read.

Each line has 64 pixels from 0 to 16, and the digit.
"""

from __future__ import annotations

import sys

import numpy
from sklearn.datasets import load_digits


def main() -> None:
    """Write the table into the file that is named."""
    digits = load_digits()
    table = numpy.column_stack([digits.data, digits.target])
    numpy.savetxt(sys.argv[1], table, fmt="%d", delimiter=",")


if __name__ == "__main__":
    main()
