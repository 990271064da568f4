"""The compute budget: how much work a layer or a training run is, and how long it takes.

One multiply-add is two flops. `helpers.networks` has whole networks, layer by layer. Symbols,
units and ranges are those of `helpers.notation`; all functions take scalars or arrays that
broadcast together.
"""

from helpers.notation import model
from helpers.ranges import COUNT, refuse_where

# Training images of ImageNet-1k: Russakovsky et al. 2015, doi:10.1007/s11263-015-0816-y.
IMAGENET_IMAGES = 1_281_167


@model
def convolution_work(in_channels, out_channels, kernel, out_height, out_width, groups=1):
    """Work of a direct convolution with a square kernel on one example, in flop.

    Each output number takes kernel^2 x in_channels / groups multiply-adds of two flops each;
    `groups` divides both numbers of channels. Other algorithms (Winograd, FFT) give the same
    result with fewer.

    >>> convolution_work(3, 64, kernel=7, out_height=112, out_width=112)
    236027904.0
    """
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        refuse_where(channels % groups > 0, f"groups must divide {name}", groups)
    macs_per_output = kernel**2 * in_channels / groups
    return 2 * macs_per_output * out_channels * out_height * out_width


@model(inputs=COUNT)
def linear_work(inputs, outputs):
    """Work of a fully connected layer on one example, 2 x inputs x outputs, in flop.

    >>> linear_work(2048, 1000)
    4096000.0
    """
    return 2 * inputs * outputs


@model
def training_work(forward_work, examples, epochs, passes=3):
    """Total work of a training run, V = passes x forward work x examples x epochs, in flop.

    A backward pass computes two products, one for the gradient of the inputs and one for that of
    the weights, each as large as the forward product: 1 + 2 = 3 passes.

    Source: The factor 3: Amodei and Hernandez, AI and Compute, 2018, appendix, method 1; measured
    times in ``helpers/data/fwd_bwd_times.csv``.

    >>> training_work(8e9, examples=1.2e6, epochs=90, passes=1)
    8.64e+17
    """
    return passes * examples * epochs * forward_work


@model
def training_time(work, peak, fraction, devices=1):
    """Time of a training run, t = V / (f n π) with the peak π of one device, in s.

    >>> training_time(8e15, peak=1e12, fraction=0.5, devices=4)
    4000.0
    """
    return work / (fraction * devices * peak)


@model
def achieved_fraction(work, time, peak, devices=1):
    """Fraction that a run achieved of the peak π of its devices, f = V / (t n π), a pure number.

    Above 1, the peak is wrong, or the run needed less work than was counted: with Winograd's or
    FFT convolutions it does.

    >>> achieved_fraction(8e15, time=4000, peak=1e12, devices=4)
    0.5
    """
    return work / (time * devices * peak)
