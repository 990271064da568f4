"""Networks, built layer by layer from their architecture, and the one list of them.

One multiply-add is two flops. Shapes are (channels, height, width) of one example. The networks
are descriptions, not programs: they know every layer's shapes, parameters, multiply-adds, flops
and bytes, and so the whole network's, but compute nothing. `helpers.transformers` builds others of
the same `Layer`, in which one example is a sequence of tokens.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np

from helpers.notation import model
from helpers.ranges import COUNT, checked


@dataclass(frozen=True)
class Layer:
    """One layer of a network, for one example in the forward pass.

    Attributes
    ----------
    name, kind : str
        Its place in the network, such as ``"conv3_1.2"``, and what it does: ``"convolution"``,
        ``"linear"``, ``"normalisation"``, ``"relu"``, ``"add"``, ``"max pool"``, ``"mean pool"``;
        `helpers.transformers` has more.
    stage : str
        The part of the network it belongs to, such as ``"conv3"``.
    inputs, outputs : int
        Numbers read and numbers written, the parameters left out.
    output_shape : tuple of int
        (channels, height, width), or (channels,) after a linear layer; (tokens, width).
    parameters : int
        Trained numbers.
    macs : int
        Multiply-adds in the dot products of convolutions, linear layers and attention; 0 for all
        other kinds, whose few (a normalisation scales and shifts) are in `flops` alone.
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

    @model
    def traffic(self, batch=1, number_bytes=4):
        """Bytes moved in the forward pass if each number is moved exactly once, in B.

        The parameters are read once for the whole batch, inputs and outputs once per example; of
        the table of an embedding only the rows that are looked up, which are its inputs. This is
        the least traffic of a layer that is not fused with its neighbours.
        """
        parameters = 0 if self.kind == "embedding" else self.parameters
        return number_bytes * (parameters + batch * (self.inputs + self.outputs))

    @model
    def intensity(self, batch=1, number_bytes=4):
        """Arithmetic intensity of the forward pass, I = batch x flops / `traffic`, in flop/B."""
        return batch * self.flops / Layer.traffic.formula(self, batch, number_bytes)


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
        """Flops of one forward pass over one example in the layers without multiply-adds."""
        return sum(layer.flops for layer in self.layers if layer.macs == 0)


# Bottleneck or basic blocks in each of the four stages: He et al. 2016, table 1.
RESNET_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
# Expansion, channels, blocks and first stride of each stage: Sandler et al. 2018, table 2.
MOBILENET_BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
# 3x3 convolutions in each of the five stages: Simonyan and Zisserman 2015, table 1.
VGG_CONVOLUTIONS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


def resnet(depth=50, version="v1.5"):
    """The `Network` ResNet for 224 x 224 x 3 images and 1000 classes.

    Parameters
    ----------
    depth : {18, 34, 50, 101, 152}
        Any other raises a ValueError.
    version : {"v1.5", "v1"}
        Where a bottleneck block halves the picture: in its 3x3 convolution (v1.5, which
        torchvision and MLPerf use) or in its first 1x1 convolution (v1, the paper). Depths 18
        and 34 have no bottlenecks, so both versions are the same.

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
    if depth < 50:
        return Network(f"ResNet-{depth}", _residual_layers(depth, (64, 64)))
    layers = _residual_layers(depth, (64, 64, 256), version=version)
    return Network(f"ResNet-{depth} {version}", layers)


def resnext(depth=50, groups=32, group_width=4):
    """The `Network` ResNeXt for 224 x 224 x 3 images and 1000 classes.

    A bottleneck block's 3x3 convolution is cut into groups of channels that do not mix, and it
    halves the picture where one does (as in torchvision).

    Parameters
    ----------
    depth : {50, 101}
        Any other raises a ValueError.
    groups, group_width : int
        Number of groups, and the channels of each in the first stage.

    Source
    ------
    Xie, Girshick, Dollár, Tu, He 2017, arXiv:1611.05431, table 1.

    Examples
    --------
    >>> resnext(50).macs, resnext(50).parameters
    (4230479872, 25028904)
    """
    depth = _one_of("depth", depth, (50, 101))
    groups = int(checked("groups", groups, COUNT))
    group_width = int(checked("group_width", group_width, COUNT))
    width = groups * group_width
    layers = _residual_layers(depth, (width, width, 256), groups)
    return Network(f"ResNeXt-{depth} {groups}x{group_width}d", layers)


def vgg(depth=16):
    """The `Network` VGG for 224 x 224 x 3 images and 1000 classes.

    Parameters
    ----------
    depth : {11, 13, 16, 19}
        Any other raises a ValueError.

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
    """The `Network` AlexNet for 224 x 224 x 3 images and 1000 classes, in its one-tower form.

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


def mobilenet():
    """The `Network` MobileNet v2 for 224 x 224 x 3 images and 1000 classes.

    Its 3x3 convolutions see one channel each.

    Source
    ------
    Sandler, Howard, Zhu, Zhmoginov, Chen 2018, arXiv:1801.04381, tables 1 and 2.

    Examples
    --------
    >>> mobilenet().macs, mobilenet().parameters
    (300774272, 3504872)
    """
    net = _Builder((3, 224, 224), stage="1")
    net.convolved("1", 32, kernel=3, stride=2).relu("1.relu")
    for stage, (expansion, channels, blocks, stride) in enumerate(MOBILENET_BLOCKS, start=2):
        net.stage = f"{stage}"
        for block in range(blocks):
            name, start = f"{stage}_{block + 1}", net.shape
            wide = expansion * start[0]
            if expansion > 1:
                net.convolved(f"{name}.wide", wide, kernel=1).relu(f"{name}.wide.relu")
            step = stride if block == 0 else 1
            net.convolved(f"{name}.deep", wide, kernel=3, stride=step, groups=wide)
            net.relu(f"{name}.deep.relu").convolved(f"{name}.narrow", channels, kernel=1)
            if net.shape == start:
                net.add(f"{name}.add")
    net.stage = "head"
    net.convolved("last", 1280, kernel=1).relu("last.relu").mean_pool("pool").linear("fc", 1000)
    return Network("MobileNet v2", net.done())


def _residual_layers(depth, channels, groups=1, version="v1.5"):
    """The layers of a residual network; `channels` of the convolutions in its first blocks."""
    net = _Builder((3, 224, 224), stage="conv1")
    net.convolved("conv1", 64, kernel=7, stride=2).relu("conv1.relu")
    net.stage = "conv2"
    net.max_pool("conv2.pool", kernel=3, stride=2, padding=1)
    for index, blocks in enumerate(RESNET_BLOCKS[depth]):
        net.stage = f"conv{index + 2}"
        for block in range(blocks):
            stride = 2 if index > 0 and block == 0 else 1
            widths = [2**index * width for width in channels]
            _residual_block(net, f"{net.stage}_{block + 1}", widths, stride, groups, version)
    net.stage = "head"
    return net.mean_pool("pool").linear("fc", 1000).done()


def _residual_block(net, name, widths, stride, groups, version):
    """Two 3x3 convolutions, or 1x1, 3x3 (in groups), 1x1, beside a shortcut."""
    start = net.shape
    if len(widths) == 2:
        plan = ((3, stride, 1), (3, 1, 1))
    else:
        first, second = (stride, 1) if version == "v1" else (1, stride)
        plan = ((1, first, 1), (3, second, groups), (1, 1, 1))
    for index, (kernel, step, parts) in enumerate(plan):
        part = f"{name}.{index + 1}"
        net.convolved(part, widths[index], kernel, step, parts)
        if index + 1 < len(plan):
            net.relu(f"{part}.relu")
    end = net.shape
    if start != end:  # the shortcut must change shape as well
        net.shape = start
        net.convolved(f"{name}.shortcut", end[0], 1, stride)
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

    def convolution(self, name, channels, kernel, stride=1, padding=0, bias=True, groups=1):
        inputs = self.shape[0]
        if inputs % groups or channels % groups:
            raise ValueError(f"{name}: {groups} groups must divide {inputs} and {channels}")
        shape = (channels, *self._slide(kernel, stride, padding))
        weights = channels * inputs // groups * kernel**2
        macs = weights * shape[1] * shape[2]
        return self._append(name, "convolution", shape, weights + channels * bias, macs, 2 * macs)

    def convolved(self, name, channels, kernel, stride=1, groups=1):
        """A convolution without bias that keeps the borders, and its normalisation."""
        self.convolution(name, channels, kernel, stride, kernel // 2, False, groups)
        return self.normalisation(f"{name}.norm")

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


class Entry(NamedTuple):
    """A network of the list: how to build it, and where it is found and shown."""

    build: Callable[[], Network]
    published: str = ""  # its name in torchvision's rows of `helpers.catalog.networks`
    chapters: tuple = ()  # whose controls and questions offer it, in the order of the list


# Every network by its name; a new one stands here and nowhere else. A name that torchvision lists
# is held to its counts there.
NETWORKS = {
    "ResNet-50 v1.5": Entry(partial(resnet, 50), "ResNet50", ("budget", "parallel", "examination")),
    "ResNet-50 v1": Entry(partial(resnet, 50, "v1"), chapters=("budget",)),
    "ResNet-18": Entry(partial(resnet, 18), "ResNet18", ("budget", "examination")),
    "ResNet-34": Entry(partial(resnet, 34), "ResNet34"),
    "ResNet-101 v1.5": Entry(partial(resnet, 101), "ResNet101", ("examination",)),
    "ResNet-152 v1.5": Entry(
        partial(resnet, 152), "ResNet152", ("budget", "parallel", "examination")
    ),
    "VGG-11": Entry(partial(vgg, 11), "VGG11"),
    "VGG-13": Entry(partial(vgg, 13), "VGG13"),
    "VGG-16": Entry(partial(vgg, 16), "VGG16", ("budget", "parallel", "examination")),
    "VGG-19": Entry(partial(vgg, 19), "VGG19", ("examination",)),
    "AlexNet": Entry(alexnet, "AlexNet", ("budget", "parallel", "examination")),
    "ResNeXt-50 32x4d": Entry(resnext, "ResNeXt50_32X4D"),
    "ResNeXt-101 32x8d": Entry(partial(resnext, 101, 32, 8), "ResNeXt101_32X8D"),
    "ResNeXt-101 64x4d": Entry(partial(resnext, 101, 64, 4), "ResNeXt101_64X4D"),
    "MobileNet v2": Entry(mobilenet, "MobileNet_V2"),
}


def offered(chapter):
    """The networks that the controls and questions of a chapter offer: name and how to build it."""
    return {name: entry.build for name, entry in NETWORKS.items() if chapter in entry.chapters}
