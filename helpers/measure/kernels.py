"""What is timed: operations of NumPy, each with its flops and its bytes counted by hand.

Results go to arrays that are there already (``out=``): a new array would be handed out by the
system page by page during the first write, which is timed as if it were the operation. Arrays start
at a multiple of 4096 B and a little more, so that no vector straddles two lines of a cache and no
two arrays meet in the same places of it.
"""

from functools import partial

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from helpers.measure.watch import Task, shared

LINE, PAGE = 64, 4096
BYTES = {"FP32": 4, "FP64": 8}
TYPES = {"FP32": np.float32, "FP64": np.float64}
READ_AT_ONCE = 2**24  # B that one call of the read kernel passes over, as often as it takes


def arrays(count, numbers, precision="FP64"):
    """A list of vectors of ones, each at a multiple of a page and one to a few lines more."""
    size = BYTES[precision]
    room = -(-(numbers * size + 8 * LINE) // PAGE) * PAGE
    block = np.empty(count * room + PAGE, np.uint8)
    first = -block.ctypes.data % PAGE
    starts = [first + index * room + (index % 8) * LINE for index in range(count)]
    vectors = [block[start : start + numbers * size].view(TYPES[precision]) for start in starts]
    for vector in vectors:
        vector.fill(1)  # the system hands out the pages now
    return vectors


def _random(shape, precision="FP32"):
    """A filled array; no number is so small that it would be slow."""
    return np.random.default_rng(0).random(shape, TYPES[precision]) + TYPES[precision](0.5)


def _parts(vectors, threads):
    """The vectors cut into a part for each thread, at multiples of a line."""
    numbers = len(vectors[0])
    step = LINE // vectors[0].itemsize
    cuts = [numbers * thread // threads // step * step for thread in range(threads)] + [numbers]
    pairs = zip(cuts, cuts[1:], strict=False)
    return [tuple(vector[start:end] for vector in vectors) for start, end in pairs]


def copy(vectors, threads=1):
    """c = a: reads 1 number and writes 1; a load of what is overwritten comes on top."""
    source, target = vectors[:2]
    parts = _parts((target, source), threads)
    size = source.nbytes
    return Task(shared(np.copyto, parts), 0, 2 * size, size, 2 * size, threads)


def add(vectors, threads=1):
    """c = a + b: 1 flop; reads 2 numbers and writes 1; a load of what is overwritten on top."""
    size = vectors[0].nbytes
    parts = _parts(vectors[:3], threads)
    return Task(shared(np.add, parts), len(vectors[0]), 3 * size, size, 3 * size, threads)


def read(vectors, threads=1):
    """The dot product a · b: 2 flop; reads 2 numbers and writes none.

    With one thread, one call passes over the same numbers as often as makes the time of the call
    itself small: NumPy is shown a matrix whose rows are all the same vector. Such a call of 500
    rows or fewer lets no other thread of Python run (NumPy 2.4); with several threads each makes
    one call for its part.
    """
    if threads > 1:
        return dot(vectors, threads)
    a, b = vectors[:2]
    size = 2 * a.nbytes
    inner = max(1, READ_AT_ONCE // size)
    rows = [as_strided(v, (inner, len(v)), (0, v.itemsize), writeable=False) for v in (a, b)]
    run = partial(np.vecdot, *rows, out=np.empty(inner, a.dtype))
    return Task(run, 2 * len(a), size, 0, size, inner=inner)


STREAMS = {"copy": copy, "add": add, "read": read}


def relu(vectors, threads=1):
    """b = max(a, 0): 1 flop; reads 1 number and writes 1, and a load of what is overwritten."""
    source, target = vectors[:2]
    size, zero = source.nbytes, source.dtype.type(0)
    run = shared(lambda x, out: np.maximum(x, zero, out=out), _parts((source, target), threads))
    return Task(run, len(source), 2 * size, size, 2 * size, threads)


def dot(vectors, threads=1):
    """The dot product a · b in one call for each thread: 2 flop for 2 numbers read."""
    a, b = vectors[:2]
    run = shared(np.dot, _parts((a, b), threads))
    return Task(run, 2 * len(a), 2 * a.nbytes, 0, 2 * a.nbytes, threads)


def product(rows, inner, columns, precision="FP32", threads=1):
    """C = A B of a rows x inner and an inner x columns matrix: a multiply-add, 2 flop, each time.

    The traffic is the least possible with write-allocate: each matrix is moved once, and the
    result is loaded before it is overwritten.
    """
    a, b = _random((rows, inner), precision), _random((inner, columns), precision)
    return _product(a, b, threads)


def _product(a, b, threads, c=None):
    c = np.zeros((len(a), b.shape[1]), a.dtype) if c is None else c
    run = partial(np.matmul, a, b, out=c)
    flops = 2 * len(a) * a.shape[1] * b.shape[1]
    size = a.nbytes + b.nbytes + c.nbytes
    return Task(run, flops, size, c.nbytes, size, blas=threads)


def layers(batches, width, threads=1):
    """A fully connected layer, width inputs and outputs, FP32, for each batch: a dictionary.

    All use the same weights, width² numbers, which are read once for a batch.
    """
    weights = _random((width, width))
    inputs = _random((max(batches), width))
    outputs = np.zeros_like(inputs)
    return {b: _product(inputs[:b], weights, threads, outputs[:b]) for b in batches}


def convolution(batch, channels=64, height=56, kernel=3, threads=1):
    """A convolution with as many outputs as inputs that keeps the borders, as ResNet-50 has it.

    Computed in two steps, since NumPy has none: the numbers below the kernel are copied for each
    place ("im2col", kernel² times the picture), and one matrix product follows.

    Returns
    -------
    direct, copying, product : Task
        All of it, counted as if each number were moved once; the first step; the second. The copy
        reads the picture with its border once, and writes what it writes as any copy does.
    """
    pictures = np.zeros((batch, height + kernel - 1, height + kernel - 1, channels), np.float32)
    edge = kernel // 2
    inside = pictures[:, edge : edge + height, edge : edge + height]
    inside[...] = _random(inside.shape)
    windows = sliding_window_view(pictures, (kernel, kernel), axis=(1, 2))
    windows = windows.transpose(0, 1, 2, 4, 5, 3)  # the channels last: runs of kernel x channels
    columns = np.zeros(windows.shape, np.float32)
    matrix = columns.reshape(-1, kernel**2 * channels)
    second = _product(matrix, _random((matrix.shape[1], channels)), threads)
    result = 4 * batch * height**2 * channels
    size = pictures.nbytes + columns.nbytes
    first = Task(
        shared(np.copyto, _batches(columns, windows, threads)),
        0,
        size,
        columns.nbytes,
        size,
        threads,
    )

    def run():
        first.operation()
        second.operation()

    least = inside.nbytes + 4 * kernel**2 * channels**2 + result
    direct = Task(run, second.flops, least, result, size + result, threads, threads)
    return direct, first, second


def _batches(target, source, threads):
    """Parts of whole pictures for each thread that has at least one."""
    cuts = np.linspace(0, len(target), min(threads, len(target)) + 1).astype(int)
    pairs = zip(cuts, cuts[1:], strict=False)
    return [(target[start:end], source[start:end]) for start, end in pairs]
