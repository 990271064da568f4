"""The compute budget: networks built layer by layer from their architecture, and their work.

One multiply-add is two flops. Shapes are (channels, height, width) of one example. The networks
are descriptions, not programs: they know every layer's shapes, parameters, multiply-adds, flops
and bytes, and so the whole network's, but compute nothing.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from helpers._checks import (
    COUNT,
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    checked,
    plain,
    refuse_where,
)

# Training images of ImageNet-1k: Russakovsky et al. 2015, doi:10.1007/s11263-015-0816-y.
IMAGENET_IMAGES = 1_281_167


@dataclass(frozen=True)
class Layer:
    """One layer of a network, for one example in the forward pass.

    Attributes
    ----------
    name, kind : str
        Its place in the network, such as ``"conv3_1.2"``, and what it does: ``"convolution"``,
        ``"linear"``, ``"normalisation"``, ``"relu"``, ``"add"``, ``"max pool"``, ``"mean pool"``.
    stage : str
        The part of the network it belongs to, such as ``"conv3"``.
    inputs, outputs : int
        Numbers read and numbers written, the parameters left out.
    output_shape : tuple of int
        (channels, height, width), or (channels,) after a linear layer.
    parameters : int
        Trained numbers.
    macs : int
        Multiply-adds in the dot products of convolutions and linear layers; 0 for all other
        kinds, whose few (a normalisation scales and shifts) are in `flops` alone.
    flops : int
        Floating-point operations: two for each multiply-add, and for the other kinds one for
        each elementary operation (normalisation 2, relu 1 and add 1 for each output; pooling 1
        for each number that is looked at).
    """

    name: str
    kind: str
    stage: str
    inputs: int
    outputs: int
    output_shape: tuple
    parameters: int
    macs: int
    flops: int

    def traffic(self, batch=1, number_bytes=4):
        """Bytes moved in the forward pass if each number is moved exactly once, in B.

        The parameters are read once for the whole batch, inputs and outputs once per example.
        This is the least traffic of a layer that is not fused with its neighbours.

        Parameters
        ----------
        batch : array_like
            Examples computed together, above 0.
        number_bytes : array_like
            Size of one number in B, above 0: 4 for FP32, 2 for FP16.

        Returns
        -------
        float or ndarray
            The broadcast shape of the arguments.

        Raises
        ------
        ValueError
            If an argument is outside its range, or the shapes do not match.
        """
        return plain(self._moved(batch, number_bytes)[1])

    def intensity(self, batch=1, number_bytes=4):
        """Arithmetic intensity of the forward pass, I = batch x flops / traffic, in flop/B.

        Parameters, errors and assumptions are those of `traffic`.
        """
        batch, traffic = self._moved(batch, number_bytes)
        return plain(batch * self.flops / traffic)

    def _moved(self, batch, number_bytes):
        """The batch, checked, and its `traffic`."""
        batch, number_bytes = checked(
            batch=(batch, POSITIVE), number_bytes=(number_bytes, POSITIVE)
        )
        return batch, number_bytes * (self.parameters + batch * (self.inputs + self.outputs))


@dataclass(frozen=True)
class Network:
    """A network as the sequence of its layers.

    Attributes
    ----------
    name : str
    layers : tuple of Layer
    """

    name: str
    layers: tuple

    @property
    def parameters(self):
        """Trained numbers of the whole network."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self):
        """Multiply-adds of the dot products of one forward pass over one example."""
        return sum(layer.macs for layer in self.layers)

    @property
    def forward_work(self):
        """Work of one forward pass over one example, 2 x multiply-adds, in flop.

        Convolutions are counted as computed directly, a dot product for each output number.
        Normalisation, activation, pooling and addition are left out, as in published budgets;
        `other_work` holds them.
        """
        return 2 * self.macs

    @property
    def other_work(self):
        """Flops of the forward pass outside convolutions and linear layers, for one example."""
        return sum(layer.flops for layer in self.layers if layer.macs == 0)


def convolution_work(in_channels, out_channels, kernel, out_height, out_width, groups=1):
    """Work of a direct convolution with a square kernel on one example, in flop.

    Each output number takes kernel^2 x in_channels / groups multiply-adds of two flops each.
    Other algorithms (Winograd, FFT) give the same result with fewer.

    Parameters
    ----------
    in_channels, out_channels, kernel, out_height, out_width, groups : array_like
        Whole numbers, at least 1; `groups` divides both numbers of channels.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Examples
    --------
    >>> convolution_work(3, 64, kernel=7, out_height=112, out_width=112)
    236027904.0
    """
    counts = dict(
        in_channels=in_channels,
        out_channels=out_channels,
        kernel=kernel,
        out_height=out_height,
        out_width=out_width,
        groups=groups,
    )
    arrays = checked(**{name: (value, COUNT) for name, value in counts.items()})
    in_channels, out_channels, kernel, out_height, out_width, groups = arrays
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        refuse_where(channels % groups > 0, f"groups must divide {name}", groups)
    macs_per_output = kernel**2 * in_channels / groups
    return plain(2 * macs_per_output * out_channels * out_height * out_width)


def linear_work(inputs, outputs):
    """Work of a fully connected layer on one example, 2 x inputs x outputs, in flop.

    Parameters
    ----------
    inputs, outputs : array_like
        Whole numbers, at least 1.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Examples
    --------
    >>> linear_work(2048, 1000)
    4096000.0
    """
    inputs, outputs = checked(inputs=(inputs, COUNT), outputs=(outputs, COUNT))
    return plain(2 * inputs * outputs)


def training_work(forward_work, examples, epochs, passes=3):
    """Total work of a training run, V = passes x forward work x examples x epochs, in flop.

    Parameters
    ----------
    forward_work : array_like
        Work of one forward pass over one example, flop, at least 0.
    examples : array_like
        Examples in the training set, at least 0.
    epochs : array_like
        Times that the whole set is seen, at least 0.
    passes : array_like
        Work of a training step in units of its forward pass, at least 0. A backward pass
        computes two products, one for the gradient of the inputs and one for that of the
        weights, each as large as the forward product: 1 + 2 = 3.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    The factor 3: Amodei and Hernandez, AI and Compute, 2018, appendix, method 1; measured
    times in ``helpers/data/fwd_bwd_times.csv``.

    Examples
    --------
    >>> training_work(8e9, examples=1.2e6, epochs=90, passes=1)
    8.64e+17
    """
    forward_work, examples, epochs, passes = checked(
        forward_work=(forward_work, NOT_NEGATIVE),
        examples=(examples, NOT_NEGATIVE),
        epochs=(epochs, NOT_NEGATIVE),
        passes=(passes, NOT_NEGATIVE),
    )
    return plain(passes * examples * epochs * forward_work)


def training_time(work, peak, fraction, devices=1):
    """Time of a training run, t = V / (f n pi), in s.

    Parameters
    ----------
    work : array_like
        Total work V, flop, at least 0.
    peak : array_like
        Peak throughput pi of one device, flop/s, above 0.
    fraction : array_like
        Achieved fraction f of the peak, above 0 and at most 1.
    devices : array_like
        Number of devices n, above 0.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Examples
    --------
    >>> training_time(8e15, peak=1e12, fraction=0.5, devices=4)
    4000.0
    """
    work, peak, fraction, devices = checked(
        work=(work, NOT_NEGATIVE),
        peak=(peak, POSITIVE),
        fraction=(fraction, POSITIVE_FRACTION),
        devices=(devices, POSITIVE),
    )
    return plain(work / (fraction * devices * peak))


def achieved_fraction(work, time, peak, devices=1):
    """Fraction of the peak that a run achieved, f = V / (t n pi), a pure number.

    Parameters
    ----------
    work : array_like
        Total work V, flop, at least 0.
    time : array_like
        Time t of the run, s, above 0.
    peak : array_like
        Peak throughput pi of one device, flop/s, above 0.
    devices : array_like
        Number of devices n, above 0.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments. Above 1, the peak is wrong, or the run needed less
        work than was counted: with Winograd's or FFT convolutions it does.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Examples
    --------
    >>> achieved_fraction(8e15, time=4000, peak=1e12, devices=4)
    0.5
    """
    work, time, peak, devices = checked(
        work=(work, NOT_NEGATIVE),
        time=(time, POSITIVE),
        peak=(peak, POSITIVE),
        devices=(devices, POSITIVE),
    )
    return plain(work / (time * devices * peak))


# Bottleneck or basic blocks in each of the four stages: He et al. 2016, table 1.
RESNET_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
# 3x3 convolutions in each of the five stages: Simonyan and Zisserman 2015, table 1.
VGG_CONVOLUTIONS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


def resnet(depth=50, version="v1.5"):
    """ResNet for 224 x 224 x 3 images and 1000 classes.

    Parameters
    ----------
    depth : {18, 34, 50, 101, 152}
    version : {"v1.5", "v1"}
        Where a bottleneck block halves the picture: in its 3x3 convolution (v1.5, which
        torchvision and MLPerf use) or in its first 1x1 convolution (v1, the paper). Depths 18
        and 34 have no bottlenecks, so both versions are the same.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If depth or version is not one of those listed.

    Source
    ------
    He, Zhang, Ren, Sun 2016, doi:10.1109/CVPR.2016.90, table 1.

    Examples
    --------
    >>> resnet(50).macs, resnet(50, "v1").macs, resnet(50).parameters
    (4089184256, 3857973248, 25557032)
    """
    depth = _one_of("depth", depth, RESNET_BLOCKS)
    version = _one_of("version", version, ("v1.5", "v1"))
    net = _Builder((3, 224, 224), stage="conv1")
    net.convolution("conv1", 64, kernel=7, stride=2, padding=3, bias=False)
    net.normalisation("conv1.norm").relu("conv1.relu")
    net.stage = "conv2"
    net.max_pool("conv2.pool", kernel=3, stride=2, padding=1)
    for index, blocks in enumerate(RESNET_BLOCKS[depth]):
        net.stage = f"conv{index + 2}"
        for block in range(blocks):
            stride = 2 if index > 0 and block == 0 else 1
            _residual_block(
                net, f"{net.stage}_{block + 1}", 64 * 2**index, stride, depth >= 50, version
            )
    net.stage = "head"
    net.mean_pool("pool").linear("fc", 1000)
    return Network(f"ResNet-{depth} {version}" if depth >= 50 else f"ResNet-{depth}", net.done())


def vgg(depth=16):
    """VGG for 224 x 224 x 3 images and 1000 classes.

    Parameters
    ----------
    depth : {11, 13, 16, 19}

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If depth is not one of those listed.

    Source
    ------
    Simonyan and Zisserman 2015, arXiv:1409.1556, table 1.

    Examples
    --------
    >>> vgg(16).macs, vgg(16).parameters
    (15470264320, 138357544)
    """
    depth = _one_of("depth", depth, VGG_CONVOLUTIONS)
    net = _Builder((3, 224, 224))
    for index, convolutions in enumerate(VGG_CONVOLUTIONS[depth], start=1):
        net.stage = f"conv{index}"
        for number in range(1, convolutions + 1):
            name = f"conv{index}_{number}"
            net.convolution(name, min(32 * 2**index, 512), kernel=3, padding=1)
            net.relu(f"{name}.relu")
        net.max_pool(f"conv{index}.pool", kernel=2, stride=2)
    _classifier(net)
    return Network(f"VGG-{depth}", net.done())


def alexnet():
    """AlexNet for 224 x 224 x 3 images and 1000 classes, in its one-tower form.

    Returns
    -------
    Network

    Source
    ------
    Krizhevsky 2014, arXiv:1404.5997: one tower instead of the two of 2012, as in torchvision.

    Examples
    --------
    >>> alexnet().macs, alexnet().parameters
    (714188480, 61100840)
    """
    net = _Builder((3, 224, 224))
    for name, channels, kernel, stride, padding in (
        ("conv1", 64, 11, 4, 2),
        ("conv2", 192, 5, 1, 2),
        ("conv3", 384, 3, 1, 1),
        ("conv4", 256, 3, 1, 1),
        ("conv5", 256, 3, 1, 1),
    ):
        net.stage = name
        net.convolution(name, channels, kernel, stride, padding).relu(f"{name}.relu")
        if name in ("conv1", "conv2", "conv5"):
            net.max_pool(f"{name}.pool", kernel=3, stride=2)
    _classifier(net)
    return Network("AlexNet", net.done())


def _residual_block(net, name, width, stride, bottleneck, version):
    """Two 3x3 convolutions, or 1x1, 3x3, 1x1 with four times the width, beside a shortcut."""
    start = net.shape
    if bottleneck:
        strides = (stride, 1, 1) if version == "v1" else (1, stride, 1)
        kernels, channels = (1, 3, 1), (width, width, 4 * width)
    else:
        strides, kernels, channels = (stride, 1), (3, 3), (width, width)
    for index in range(len(kernels)):
        part = f"{name}.{index + 1}"
        kernel = kernels[index]
        net.convolution(part, channels[index], kernel, strides[index], kernel // 2, bias=False)
        net.normalisation(f"{part}.norm")
        if index + 1 < len(kernels):
            net.relu(f"{part}.relu")
    end = net.shape
    if start != end:  # the shortcut must change shape as well
        net.shape = start
        net.convolution(f"{name}.shortcut", end[0], 1, stride, bias=False)
        net.normalisation(f"{name}.shortcut.norm")
    net.add(f"{name}.add").relu(f"{name}.relu")


def _classifier(net):
    """The three fully connected layers that close AlexNet and VGG."""
    net.stage = "head"
    net.linear("fc6", 4096).relu("fc6.relu").linear("fc7", 4096).relu("fc7.relu")
    net.linear("fc8", 1000)


class _Builder:
    """Appends layers and keeps track of the shape between them."""

    def __init__(self, shape, stage=""):
        self.shape = shape
        self.stage = stage
        self._layers = []

    def done(self):
        return tuple(self._layers)

    def convolution(self, name, channels, kernel, stride=1, padding=0, bias=True):
        shape = (channels, *self._slide(kernel, stride, padding))
        weights = channels * self.shape[0] * kernel**2
        macs = weights * shape[1] * shape[2]
        return self._append(name, "convolution", shape, weights + channels * bias, macs, 2 * macs)

    def linear(self, name, outputs):
        weights = prod(self.shape) * outputs
        return self._append(name, "linear", (outputs,), weights + outputs, weights, 2 * weights)

    def normalisation(self, name):
        return self._append(
            name, "normalisation", self.shape, 2 * self.shape[0], flops=2 * prod(self.shape)
        )

    def relu(self, name):
        return self._append(name, "relu", self.shape, flops=prod(self.shape))

    def add(self, name):
        size = prod(self.shape)
        return self._append(name, "add", self.shape, flops=size, inputs=2 * size)

    def max_pool(self, name, kernel, stride, padding=0):
        shape = (self.shape[0], *self._slide(kernel, stride, padding))
        return self._append(name, "max pool", shape, flops=prod(shape) * kernel**2)

    def mean_pool(self, name):
        return self._append(name, "mean pool", (self.shape[0], 1, 1), flops=prod(self.shape))

    def _slide(self, kernel, stride, padding):
        """Height and width after a window slides over the picture."""
        return tuple((size + 2 * padding - kernel) // stride + 1 for size in self.shape[1:])

    def _append(self, name, kind, shape, parameters=0, macs=0, flops=0, inputs=None):
        if inputs is None:
            inputs = prod(self.shape)
        self._layers.append(
            Layer(name, kind, self.stage, inputs, prod(shape), shape, parameters, macs, flops)
        )
        self.shape = shape
        return self


def _one_of(name, value, allowed):
    """The choice on the list that equals `value`: 50 for 50.0."""
    for choice in allowed:
        if np.ndim(value) == 0 and value == choice:
            return choice
    raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}")
