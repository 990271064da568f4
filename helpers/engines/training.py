"""Two small networks in NumPy, and the step by which one or many processes train them.

All weights of a network lie in one flat array, and all gradients in another: the gradients of n
processes are summed by one all-reduce. Images are of 16 x 16 numbers, in ten classes.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

SIDE, CLASSES, CHANNELS, HIDDEN = 16, 10, 16, 1024
RATE = 0.05  # of learning


class Layer:
    """Weights and biases of a layer: views of the flat arrays, filled in by `Network`."""

    def __init__(self, inputs, outputs):
        self.shape = inputs, outputs
        self.weights = self.bias = self.weight_gradients = self.bias_gradients = None

    @property
    def parameters(self):
        inputs, outputs = self.shape
        return (inputs + 1) * outputs

    def forward(self, x):
        """x W + b for each row of x."""
        self.x = x
        return x @ self.weights + self.bias

    def backward(self, d, first):
        """Gradients of the weights from those of the outputs; returns those of the inputs."""
        np.matmul(self.x.T, d, out=self.weight_gradients)
        np.sum(d, axis=0, out=self.bias_gradients)
        return None if first else d @ self.weights.T


class Dense(Layer):
    """A fully connected layer: every number of an example is an input."""

    def forward(self, x):
        return super().forward(x.reshape(len(x), -1))


class Convolution(Layer):
    """A convolution with 3 x 3 weights: each place of an image is a row of nine neighbours."""

    def __init__(self, channels, outputs):
        super().__init__(9 * channels, outputs)

    def forward(self, x):
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = sliding_window_view(padded, (3, 3), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
        return super().forward(windows.reshape(-1, self.shape[0])).reshape(*x.shape[:3], -1)

    def backward(self, d, first):
        images, rows, columns, outputs = d.shape
        found = super().backward(d.reshape(-1, outputs), first)
        if first:
            return None
        windows = found.reshape(images, rows, columns, 3, 3, -1)
        padded = np.zeros((images, rows + 2, columns + 2, windows.shape[-1]), d.dtype)
        for i in range(3):
            for j in range(3):
                padded[:, i : i + rows, j : j + columns] += windows[:, :, :, i, j]
        return padded[:, 1:-1, 1:-1]


class Network:
    """Layers with ReLU between them; before the last, images are averaged over their places.

    Parameters
    ----------
    layers : sequence of Layer
    dtype : dtype
    seed : int
        Of the first weights.

    Attributes
    ----------
    weights, gradients : ndarray
        Of all layers, flat.
    """

    def __init__(self, layers, dtype=np.float32, seed=0):
        self.layers = layers
        size = sum(layer.parameters for layer in layers)
        self.weights, self.gradients = np.zeros((2, size), dtype)
        random, start = np.random.default_rng(seed), 0
        for layer in layers:
            (inputs, outputs), end = layer.shape, start + layer.parameters
            for kind, flat in (("weight", self.weights), ("gradient", self.gradients)):
                matrix, bias = np.split(flat[start:end], [inputs * outputs])
                names = ("weights", "bias") if kind == "weight" else GRADIENTS
                setattr(layer, names[0], matrix.reshape(inputs, outputs))
                setattr(layer, names[1], bias)
            layer.weights[:] = random.standard_normal(layer.shape) * np.sqrt(2 / inputs)
            start = end

    def differentiate(self, images, labels, batch):
        """Fill `gradients` with what these images add to the mean gradient of a whole batch.

        Parameters
        ----------
        images : ndarray, shape (b, 16, 16, 1)
        labels : ndarray of int, shape (b,)
        batch : int
            Images of all processes together, B.

        Returns
        -------
        float
            What these images add to the mean loss (cross entropy).
        """
        x, masks = images, []
        for layer in self.layers[:-1]:
            x = layer.forward(x)
            masks.append(x > 0)
            x = x * masks[-1]
        places = x.shape[1:-1]  # of images; none after a fully connected layer
        scores = self.layers[-1].forward(x.mean(axis=(1, 2)) if places else x)
        scores = scores - scores.max(axis=1, keepdims=True)
        chances = np.exp(scores)
        chances /= chances.sum(axis=1, keepdims=True)
        rows = np.arange(len(labels))
        loss = -np.log(chances[rows, labels]).sum() / batch
        d = chances
        d[rows, labels] -= 1
        d = self.layers[-1].backward(d / d.dtype.type(batch), False)
        if places:
            d = np.broadcast_to(d[:, None, None] / d.dtype.type(places[0] * places[1]), x.shape)
        for number in reversed(range(len(self.layers) - 1)):
            d = self.layers[number].backward(d * masks[number], number == 0)
        return float(loss)

    def descend(self, rate):
        """Take a step against the gradients."""
        self.gradients *= self.gradients.dtype.type(rate)
        self.weights -= self.gradients


GRADIENTS = ("weight_gradients", "bias_gradients")


def fully_connected(dtype=np.float32, hidden=HIDDEN):
    """A fully connected network of three layers."""
    layers = [Dense(SIDE * SIDE, hidden), Dense(hidden, hidden), Dense(hidden, CLASSES)]
    return Network(layers, dtype)


def convolutional(dtype=np.float32, channels=CHANNELS):
    """Two convolutions, and a fully connected layer on the averages over the places."""
    layers = [Convolution(1, channels), Convolution(channels, channels), Dense(channels, CLASSES)]
    return Network(layers, dtype)


BUILD = {"convolutional": convolutional, "fully connected": fully_connected}


def examples(batch, dtype=np.float32, seed=1):
    """So many images of noise, and labels by which of ten patterns fits each best.

    Returns
    -------
    images : ndarray, shape (batch, 16, 16, 1)
    labels : ndarray of int, shape (batch,)
    """
    random = np.random.default_rng(seed)
    patterns = random.standard_normal((SIDE * SIDE, CLASSES))
    images = random.standard_normal((batch, SIDE * SIDE))
    labels = (images @ patterns).argmax(axis=1)
    return images.astype(dtype).reshape(batch, SIDE, SIDE, 1), labels


def step(network, images, labels, comm=None, rate=RATE):
    """One step of training, shared with the other processes of a communicator if there is one.

    Parameters
    ----------
    network : Network
        The same on every process, before and after.
    images, labels : ndarray
        This process's own, as many as every other has.
    comm : mpi4py.MPI.Comm, optional
    rate : float
        Of learning.

    Returns
    -------
    float
        What these images add to the mean loss before the step.
    """
    processes = comm.size if comm else 1
    loss = network.differentiate(images, labels, processes * len(images))
    if comm:
        add_up(comm, network.gradients)
    network.descend(rate)
    return loss


def add_up(comm, numbers):
    """All-reduce: afterwards the array of every process holds the sum of all."""
    from mpi4py import MPI  # only where it runs: importing it starts MPI

    comm.Allreduce(MPI.IN_PLACE, numbers)


def train(comm, name, batch, steps=3):
    """Train a network on images that the processes of a communicator share.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm or None
        One process alone if None.
    name : str
        "convolutional" or "fully connected".
    batch : int
        Images of a step of all processes together.

    Returns
    -------
    ndarray
        The weights afterwards.
    """
    rank, processes = (comm.rank, comm.size) if comm else (0, 1)
    if batch % processes:
        raise ValueError(f"batch must be a multiple of {processes} processes, got {batch}")
    network, (images, labels) = BUILD[name](), examples(batch)
    mine = slice(rank * batch // processes, (rank + 1) * batch // processes)
    for _ in range(steps):
        step(network, images[mine], labels[mine], comm)
    return network.weights
