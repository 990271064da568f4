"""Count flops with PyTorch's own counter, and compare with `helpers.transformers`.

PyTorch is no dependency of the series: run this by hand, where ``torch`` and ``torchvision`` can be
imported beside numpy: ``PYTHONPATH=. python benchmarks/count_with_torch.py``. Exit status 1 if a
count differs by one flop. Counted on the CPU are torchvision's ViT-B/16, and one layer of GPT-2
small, put together from torch's parts. `FlopCounterMode` sees the operations that are carried out
and knows nothing of our layers.

Result with torch 2.13.0+cpu and torchvision 0.28.0, all equal to ours (the compiled operators of
torchvision, which no transformer uses, did not load, so that their names were declared by hand):

    ViT-B/16, forward                      35,127,656,448
    ViT-B/16, forward and backward        105,151,758,336   3 times, less one product: no gradient
                                                            of the picture is needed
    GPT-2 small, one layer, forward        17,716,740,096
    GPT-2 small, one layer, with backward  53,150,220,288   3 times

The counter has its own trap. Attention is counted only where it is carried out as two products (the
"math" backend, as here). By default the CPU carries it out in one piece that the counter does not
know, and the ViT counts 33,697,001,472: 4 % less. In evaluation mode, where the whole of
`MultiheadAttention` is one piece, it counts 22,542,249,984: 36 % less.
"""

import sys

import torch
import torchvision
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from helpers.transformers import TRANSFORMERS


class Layer(nn.Module):
    """One layer of GPT-2."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.made, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        made = self.made(self.norms[0](x)).chunk(3, dim=-1)
        split = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in made)
        seen = functional.scaled_dot_product_attention(*split, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.narrow(functional.gelu(self.wide(self.norms[1](x))))


def counted(module, example, backward=False):
    """Flops that PyTorch counts of a module on an example."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        result = module(example)
        if backward:
            result.sum().backward()
    return counter.get_total_flops()


def main():
    vit, small = TRANSFORMERS["ViT-B/16"].network(), TRANSFORMERS["GPT-2 small"]
    layer = sum(2 * part.macs for part in small.network().layers if part.stage == "layer 1")
    first = vit.layers[0].flops
    picture, text = torch.zeros(1, 3, 224, 224), torch.zeros(1, 1024, 768, requires_grad=True)
    cases = (
        ("ViT-B/16", torchvision.models.vit_b_16(), picture, vit.forward_work, first),
        ("GPT-2 small, one layer", Layer(small.width, small.heads), text, layer, 0),
    )
    wrong = 0
    for name, module, example, forward, spared in cases:
        for backward, ours in ((False, forward), (True, 3 * forward - spared)):
            theirs = counted(module, example, backward)
            wrong += theirs != ours
            print(
                f"{name}, {'with backward' if backward else 'forward'}: {theirs:,}, ours {ours:,}"
            )
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
