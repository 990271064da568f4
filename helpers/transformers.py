"""Transformers, built layer by layer from their architecture, and the work and intensity of one.

A `Transformer` becomes a `helpers.networks.Network` for sequences of T tokens: one example is one
sequence. One multiply-add is two flops. Symbols, units and ranges are those of `helpers.notation`;
the functions take scalars or arrays that broadcast together.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod

from helpers.networks import Layer, Network
from helpers.notation import model
from helpers.ranges import COUNT, checked_one

KINDS = ("decoder", "encoder", "image")
SEGMENTS = 2  # of an encoder's text: a first and a second sentence, each with a row of its own
# Elementary operations for each number that comes out.
LAYER_NORM, RMS_NORM, SOFTMAX, GELU, SILU, ROTATION = 7, 4, 5, 5, 4, 3


@dataclass(frozen=True)
class Transformer:
    """The architecture of a transformer: what its paper or its configuration file states.

    Attributes
    ----------
    name : str
    layers, width, heads, feedforward : int
        L layers between which a token is d numbers; heads of attention, which divide d; and F
        numbers for each token inside the feed-forward part.
    vocabulary : int
        Words that are read and scored, v; of an image, the classes that are scored.
    positions : int
        Learned positions, the longest sequence; 0 where queries and keys are rotated instead.
    key_heads : int, optional
        Heads of keys and values, which divide `heads`; as many as these if None.
    kind : {"decoder", "encoder", "image"}
        A decoder (GPT, Llama) scores the next word at each token; a token sees itself and those
        before it. An encoder (BERT) sees all, normalises after each part and ends in the pooler of
        its first token. An image (ViT) is cut into square patches in place of words, with one
        token more, which is classified.
    gated : bool
        The feed-forward part takes a product of two branches (SwiGLU): three matrices, not two.
    tied : bool
        The table of words is also the matrix of the scores, and counts once.
    bias, rms : bool
        Products and normalisations add trained numbers; normalisations do not subtract the mean
        (RMS norm), and then add none.
    patch : int
        Pixels on one side of a patch of an image, in three colours.

    Raises
    ------
    ValueError
        If a number is no whole number of at least 1 (0 for `positions`), does not divide as said,
        or the kind is none of the three.

    Examples
    --------
    >>> toy = Transformer("toy", layers=2, width=8, heads=2, feedforward=32, vocabulary=10)
    >>> toy.parameters, toy.network(sequence=4).macs
    (1840, 6976)
    """

    name: str
    layers: int
    width: int
    heads: int
    feedforward: int
    vocabulary: int
    positions: int = 0
    key_heads: int | None = None
    kind: str = "decoder"
    gated: bool = False
    tied: bool = True
    bias: bool = True
    rms: bool = False
    patch: int = 16

    def __post_init__(self):
        if self.key_heads is None:
            object.__setattr__(self, "key_heads", self.heads)
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        numbers = "layers width heads feedforward vocabulary key_heads patch".split()
        if self.kind != "decoder" or self.positions != 0:
            numbers.append("positions")
        for name in numbers:
            object.__setattr__(self, name, int(checked_one(name, getattr(self, name), COUNT)))
        for name in ("gated", "tied", "bias", "rms"):
            _check_flag(name, getattr(self, name))
        for part, whole in (("heads", "width"), ("key_heads", "heads")):
            if getattr(self, whole) % getattr(self, part):
                raise ValueError(f"{part} must divide {whole}, got {getattr(self, part)}")

    @property
    def head_width(self):
        """Numbers of a token in one head, d / heads."""
        return self.width // self.heads

    @property
    def key_width(self):
        """Numbers of a token in all its keys, and as many in its values."""
        return self.key_heads * self.head_width

    @cached_property
    def parameters(self):
        """Trained numbers, W."""
        return self.network(self.positions or 1).parameters

    def network(self, sequence=None, half=False, rows=None):
        """The `helpers.networks.Network` for sequences of some length.

        Its kinds of layers are ``"embedding"`` (rows of a table are looked up, and learned
        positions added), ``"convolution"`` (an image's patches), ``"linear"``, ``"attention"``
        (products of queries with keys, and of their shares with values: no parameters),
        ``"softmax"``, ``"normalisation"``, ``"gelu"``, ``"silu"``, ``"rotation"``, ``"add"`` and
        ``"tanh"``. A table that is also the matrix of the scores stands there, in the head.

        Elementary operations for each number that comes out: 7 for a normalisation (4 without a
        mean), 5 for softmax and for GELU, 4 for SiLU and one for its product, 3 for a rotation.

        Parameters
        ----------
        sequence : int, optional
            Tokens T that are looked at; the learned positions if None.
        half : bool
            Count only what a decoder must compute of attention: a token with itself and those
            before it, T (T + 1) / 2 pairs instead of T^2.
        rows : int, optional
            Tokens that are computed, the last of the T; all if None. 1 is a step of decoding:
            the keys and values of the others are inputs. Only for a decoder.

        Returns
        -------
        Network

        Raises
        ------
        ValueError
            If there are fewer learned positions or tokens, or the kind has no such count.

        Examples
        --------
        >>> small = TRANSFORMERS["GPT-2 small"]
        >>> small.network().macs, small.network(half=True).macs
        (145824153600, 136169914368)
        """
        sequence = self.positions if sequence is None else sequence
        sequence = int(checked_one("sequence", sequence, COUNT))
        _check_flag("half", half)
        if self.positions and sequence > self.positions:
            raise ValueError(
                f"sequence must be at most {self.positions}, the learned positions, got {sequence}"
            )
        rows = sequence if rows is None else int(checked_one("rows", rows, COUNT))
        if self.kind == "image" and sequence == 1:
            raise ValueError("sequence must be at least 2, one for a patch of the image, got 1")
        if rows > sequence:
            raise ValueError(f"rows must be at most the sequence of {sequence}, got {rows}")
        if self.kind != "decoder" and (half or rows < sequence):
            raise ValueError(
                f"half and rows must be left out for a kind that sees all, {self.kind}"
            )
        unseen = rows * (rows - 1) // 2 if half else 0
        return Network(self.name, _Builder(self, rows, sequence, rows * sequence - unseen).done())


def _check_flag(name, value):
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r:.60}")


class _Builder:
    """Appends the layers of a transformer that computes some rows, for some pairs of tokens."""

    def __init__(self, which, rows, sequence, pairs):
        self.which, self.rows, self.sequence, self.pairs = which, rows, sequence, pairs
        self.layers = []

    def done(self):
        which = self.which
        self.stage, self.prefix = "embedding", ""
        self._embed()
        for number in range(1, which.layers + 1):
            self.stage, self.prefix = f"layer {number}", f"{number}."
            for part, name in ((self._attend, "attention"), (self._feed_forward, "feedforward")):
                if which.kind != "encoder":
                    self._normalise(f"{name}.norm")
                part()
                size = self.rows * which.width
                self._append(f"{name}.add", "add", 2 * size, (self.rows, which.width), flops=size)
                if which.kind == "encoder":
                    self._normalise(f"{name}.norm")
        self.stage, self.prefix = "head", ""
        self._end()
        return tuple(self.layers)

    def _embed(self):
        which, rows = self.which, self.rows
        shape, size = (rows, which.width), rows * which.width
        if which.kind == "image":
            pixels = (rows - 1) * 3 * which.patch**2
            weights = 3 * which.patch**2 * which.width
            self._append(
                *("patches", "convolution", pixels, (rows - 1, which.width)),
                parameters=weights + which.bias * which.width,
                macs=(rows - 1) * weights,
            )
            self._append("class", "embedding", which.width, (1, which.width), which.width)
        else:
            table = 0 if which.tied and which.kind == "decoder" else which.vocabulary
            self._append("words", "embedding", size, shape, table * which.width)
        tables = {"positions": which.positions, "segments": SEGMENTS * (which.kind == "encoder")}
        for name, table in tables.items():
            if table:
                self._append(name, "embedding", 2 * size, shape, table * which.width, flops=size)
        if which.kind == "encoder":
            self._normalise("norm")

    def _attend(self):
        which, rows = self.which, self.rows
        keys = self.sequence * which.key_width
        scores = which.heads * self.pairs
        made = which.width + 2 * which.key_width  # queries, keys and values
        self._linear("attention.in", which.width, made)
        if not which.positions:
            self._each("rotation", "rotation", which.width + which.key_width, ROTATION)
        inputs = rows * which.width + keys
        macs = self.pairs * which.width
        self._append("scores", "attention", inputs, (which.heads, self.pairs), macs=macs)
        self._append(
            "softmax", "softmax", scores, (which.heads, self.pairs), flops=SOFTMAX * scores
        )
        self._append("values", "attention", scores + keys, (rows, which.width), macs=macs)
        self._linear("attention.out", which.width, which.width)

    def _feed_forward(self):
        which = self.which
        self._linear("wide", which.width, which.feedforward * (2 if which.gated else 1))
        if which.gated:
            self._each("silu", "silu", which.feedforward, SILU + 1, inputs=2)
        else:
            self._each("gelu", "gelu", which.feedforward, GELU)
        self._linear("narrow", which.feedforward, which.width)

    def _end(self):
        which = self.which
        if which.kind != "encoder":
            self._normalise("norm")
        if which.kind == "decoder":
            self._linear("scores of words", which.width, which.vocabulary, bias=False)
        elif which.kind == "image":
            self._linear("classes", which.width, which.vocabulary, rows=1)
        else:
            self._linear("pooler", which.width, which.width, rows=1)
            self._append("tanh", "tanh", which.width, (which.width,), flops=which.width)

    def _linear(self, name, inputs, outputs, rows=None, bias=True):
        rows = self.rows if rows is None else rows
        weights = inputs * outputs
        parameters = weights + (bias and self.which.bias) * outputs
        macs = rows * weights
        self._append(name, "linear", rows * inputs, (rows, outputs), parameters, macs)

    def _normalise(self, name):
        which = self.which
        shifted = which.bias and not which.rms
        operations = RMS_NORM if which.rms else LAYER_NORM - 1 + shifted
        parameters = which.width * (1 + shifted)
        self._each(name, "normalisation", which.width, operations, parameters=parameters)

    def _each(self, name, kind, width, operations, inputs=1, parameters=0):
        """For each of some numbers of each token so many operations, on so many inputs."""
        size = self.rows * width
        shape = (self.rows, width)
        self._append(name, kind, inputs * size, shape, parameters, flops=operations * size)

    def _append(self, name, kind, inputs, shape, parameters=0, macs=0, flops=0):
        place = (f"{self.prefix}{name}", kind, self.stage, inputs, prod(shape), shape)
        self.layers.append(Layer(*place, parameters, macs, 2 * macs or flops))


def _gpt(name, layers, width, heads, positions=1024):
    return Transformer(name, layers, width, heads, 4 * width, 50257, positions)


def _llama(name, layers, width, heads, feedforward):
    flags = dict(gated=True, tied=False, bias=False, rms=True)
    return Transformer(name, layers, width, heads, feedforward, 128256, key_heads=8, **flags)


def _bert(name, layers, width, heads):
    return Transformer(name, layers, width, heads, 4 * width, 30522, 512, kind="encoder")


# Transformers by name. Where each architecture was read, at the commit named:
# GPT-2: karpathy/nanoGPT@0011cd44 model.py (`from_pretrained`, which loads the published weights).
# GPT-3: Brown et al. 2020, arXiv:2005.14165, table 2.1, with GPT-2's vocabulary. Published are "175
#   billion parameters" (openai/gpt-3@abe1278f model-card.md); the count of that table is 174.6e9.
#   Layers of the original take turns to look at a band of the tokens; here all look at all.
# Llama 3.1: meta-llama/llama-models@084b88e9 models/sku_list.py; F from models/llama3/model.py
#   @43e87a37. Some copies of the 405B hold each of its key heads twice: 4.2e9 numbers more.
# BERT (uncased): google-research/bert@04f9e5d1 README.md.
# ViT: pytorch/vision@07a929e8 torchvision/models/vision_transformer.py.
# The totals that the counts equal stand with their sources in tests/test_transformers.py.
TRANSFORMERS = {
    transformer.name: transformer
    for transformer in (
        _gpt("GPT-2 small", 12, 768, 12),
        _gpt("GPT-2 medium", 24, 1024, 16),
        _gpt("GPT-2 large", 36, 1280, 20),
        _gpt("GPT-2 XL", 48, 1600, 25),
        _gpt("GPT-3 175B", 96, 12288, 96, positions=2048),
        _llama("Llama 3.1 8B", 32, 4096, 32, 14336),
        _llama("Llama 3.1 70B", 80, 8192, 64, 28672),
        _llama("Llama 3.1 405B", 126, 16384, 128, 53248),
        _bert("BERT-base", 12, 768, 12),
        _bert("BERT-large", 24, 1024, 16),
        Transformer("ViT-B/16", 12, 768, 12, 3072, 1000, 14 * 14 + 1, kind="image"),
    )
}


@model
def weights_work(parameters, tokens):
    """Work of training that the weights take part in, 6 W D, in flop; the trade writes 6 N D.

    For each token, each weight costs one multiply-add forward and two backward: for the gradient of
    what came in, and for its own gradient.
    Weights that are only looked up or added (tables of words and positions, biases, gains) are
    counted as if they were multiplied; attention's products of tokens with tokens are left out
    (`attention_work`).

    Source: Derived in notebook 10 from the matrices of a layer.

    >>> weights_work(1e9, tokens=20e9)
    1.2e+20
    """
    return 6 * parameters * tokens


@model
def attention_work(layers, width, sequence, tokens):
    """Work of training that 6 W D leaves out, 12 L d T D, in flop: attention's two products.

    In each layer a token's queries meet the keys of all T tokens, and their shares the values:
    2 d T multiply-adds forward, twice as many backward. Where a token sees itself and those before
    it alone, T is (T + 1) / 2 on average: about half.

    Source: Derived in notebook 10; so counts karpathy/nanoGPT@0011cd44 model.py, which names
    appendix B of Chowdhery et al. 2022 (PaLM), arXiv:2204.02311.

    >>> attention_work(layers=32, width=4096, sequence=8192, tokens=1)
    12884901888.0
    """
    return 12 * layers * width * sequence * tokens


@model
def product_intensity(rows, inputs, outputs, number_bytes):
    """Intensity of a matrix product, 2 / (w (1/rows + 1/i + 1/outputs)), in flop/B.

    Every row takes i numbers to as many outputs by the same matrix; rows, matrix and results are
    each moved once, the least that is possible. The smallest of the three decides: n / 6 for n
    rows, inputs and outputs of 4 B, and nearly the rows where these are few, of 2 B.

    >>> product_intensity(600, 600, 600, number_bytes=4)
    100.0
    >>> round(product_intensity(8, 4096, 4096, number_bytes=2), 2)
    7.97
    """
    return 2 / number_bytes / (1 / rows + 1 / inputs + 1 / outputs)


@model
def attention_intensity(rows, sequence, head_width, number_bytes, sharing=1, scores=0):
    """Intensity of attention's products, 4 / (w (2/T + 2/(sharing rows) + scores/h)), in flop/B.

    In each head the queries of some rows meet the keys and values of T tokens, h numbers each.
    Queries, keys, values and results are each moved once, the least that is possible: T / w where
    all T tokens are rows, and nearly 2 sharing / w where one is (decoding). A score that leaves the
    chip is moved `scores` times: 0 if it never does (FlashAttention), 4 if it is written, read and
    written by softmax, and read again; then h / w is the ceiling of any length. All rows see all T
    tokens: with a causal mask half the flops are of use.

    Source: Counted as `helpers.networks.Layer` counts; the matrix of scores need not be written:
    Dao et al. 2022 (FlashAttention), arXiv:2205.14135.

    >>> attention_intensity(8192, 8192, head_width=128, number_bytes=2)
    4096.0
    >>> round(attention_intensity(8192, 8192, 128, 2, scores=4), 1)
    63.0
    """
    moved = 2 / sequence + 2 / (sharing * rows) + scores / head_width
    return 4 / number_bytes / moved
