"""Exercises of notebook 10: transformers."""

import math

from helpers.amdahl import limit
from helpers.budget import achieved_fraction, training_time
from helpers.catalog import device, interconnects
from helpers.exercises.exercise import exercise
from helpers.exercises.question import Choice, Design, Formula, Number, Requirement, Slip, whole
from helpers.memory import layer_activations, loss_bytes, state_bytes, zero_split_bytes
from helpers.parallel import allreduce_bytes
from helpers.ranges import between
from helpers.roofline import ridge
from helpers.transformers import TRANSFORMERS, Transformer, weights_work
from helpers.words import duration, percent, short, si

NOTEBOOK = "10_transformers.ipynb"

LINKS = interconnects()["one_way"]
LARGE = TRANSFORMERS["GPT-2 large"]
LLAMAS = {size: TRANSFORMERS[f"Llama 3.1 {size}"] for size in ("8B", "70B", "405B")}


@exercise
def another_size(
    L=LARGE.layers, d=LARGE.width, heads=LARGE.heads, v=LARGE.vocabulary, places=LARGE.positions
):
    model = Transformer(LARGE.name, L, d, heads, 4 * d, v, places)
    return Number(
        title="Another size",
        goal=f"GPT-2 large has L = {L} layers of width d = {d}; all else is as in GPT-2 small: "
        f"{v} tokens, {places} places, a feed-forward part of 4d. How many parameters does it "
        "have? Answer with a pure number.",
        key=model.parameters,
        slips=[
            Slip(
                "tables forgotten",
                12 * L * d**2,
                "These are the products of the layers. The tables of tokens and places are trained "
                "too.",
            ),
            Slip(
                "table counted twice",
                model.parameters + v * d,
                "The matrix that scores the next token is the table of tokens again. It is trained "
                "once.",
            ),
            Slip(
                "feed-forward part forgotten",
                4 * L * d**2 + (v + places) * d,
                "You counted the four products of attention. Twice as much stands in the "
                "feed-forward part.",
            ),
            Slip(
                "attention forgotten",
                8 * L * d**2 + (v + places) * d,
                "You counted the feed-forward part. Attention has four products of d × d.",
            ),
        ],
        hints=[
            "A layer, times the layers, and two tables.",
            "A layer has about 12 d², a table as many rows as there are tokens, or places.",
            "12·L·d² + (v + places)·d; biases and norms add less than 0.1 %.",
        ],
        reasoning=f"12·{L}·{d}² = {12 * L * d**2:,} in products, and {(v + places) * d:,} in "
        f"tables; biases and norms bring it to {model.parameters:,}.",
    )


@exercise
def longer_context(size="70B", sequence=131072, tokens=800e9):
    model = LLAMAS[size]

    def work(half=True):
        return 3 * model.network(sequence, half=half).forward_work * tokens / sequence

    six = weights_work(model.parameters, tokens)
    return Number(
        title="A longer context",
        goal=f"Llama 3.1 {size} (`TRANSFORMERS` has it) is trained on for {tokens / 1e9:.0f} "
        f"billion tokens, in sequences of {sequence} tokens. The program computes the causal half "
        "of attention and nothing twice. How much work is that, all multiply-adds of training "
        "counted? Answer in flop.",
        key=work(),
        unit="flop",
        slips=[
            Slip(
                "6WD",
                six,
                "That is 6WD. In sequences of this length attention does more than all weights.",
            ),
            Slip(
                "all scores",
                work(half=False),
                "You counted all scores. This program leaves out those of later tokens.",
            ),
            Slip(
                "forward only",
                work() / 3,
                "That is the forward pass. Backward costs twice as much again.",
            ),
            Slip(
                "multiply-add counted once",
                work() / 2,
                "You counted multiply-adds. Each is two flop.",
            ),
        ],
        hints=[
            "6WD is a part of it. Which part is missing?",
            "Attention adds 12·L·d·T for each token, or half of it.",
            f"In a new cell: `TRANSFORMERS['Llama 3.1 {size}'].network({sequence}, "
            "half=True).forward_work` is for one sequence, forward.",
        ],
        reasoning=f"6WD is {six:.3g} flop. With the causal half the work is "
        f"{work() / six:.2f} times that, with all scores {work(half=False) / six:.2f} times. A "
        f"budget by 6WD alone would hold {six / work():.0%} of it.",
    )


@exercise
def many_answers():
    def key(W, b, k, beta):
        return b * beta / (2 * W + b * k)

    model = LLAMAS["8B"]
    kept = 2 * 2 * model.layers * model.key_width * 8192
    weights = model.parameters - model.vocabulary * model.width  # its first table is looked up
    bandwidth = device("H100-SXM").bandwidth
    rates = {b: key(weights, b, kept, bandwidth) for b in (1, 16, 64)}
    return Formula(
        title="Many answers at once",
        goal="A server writes b answers together, one token of each in a round. A round reads W "
        "weights of 2 bytes once, for all answers, and for each answer k bytes of keys and values "
        "of its own. Memory moves β B/s, and nothing else takes time. Derive how many tokens it "
        "writes each second, all answers together. Answer with a formula in W, b, k and beta "
        "(SymPy or text).",
        symbols=dict(W=(1e9, 1e11), b=(1, 200), k=(1e8, 1e10), beta=(1e12, 1e13)),
        key=key,
        formula="b*beta/(2*W + b*k)",
        slips=[
            Slip(
                "keys read once for all",
                "b*beta/(2*W + k)",
                "Each answer has its own keys and values. They are read for each.",
            ),
            Slip(
                "one answer",
                "beta/(2*W + k)",
                "That is for one answer, or for answers that each read the weights anew.",
            ),
            Slip(
                "rounds each second",
                "beta/(2*W + b*k)",
                "That counts rounds. Each round writes a token of every answer.",
            ),
            Slip(
                "one byte for each weight",
                "b*beta/(W + b*k)",
                "A weight has 2 bytes here.",
            ),
        ],
        hints=[
            "How many bytes does a round read?",
            "2W for the weights, k for each answer.",
            "A round takes its bytes over β, and writes b tokens.",
        ],
        reasoning=f"For Llama 3.1 8B {si(2 * weights, 'B')} of weights are read, and after 8192 "
        f"tokens an answer has {si(kept, 'B')} of keys and values. On an H100 that allows "
        + ", ".join(f"{rate:.0f} tokens/s for {b}" for b, rate in rates.items())
        + f" answers. More of them help less and less: at most β/k, "
        f"{short(bandwidth / kept)} tokens/s.",
    )


@exercise
def longest_sequence(memory=device("H200-SXM").memory, n=8, size="8B"):
    model = LLAMAS[size]
    shape = dict(batch=1, sequence=1, width=model.width, feedforward=model.feedforward)
    shape |= dict(sharing=model.heads // model.key_heads, branches=2)

    def longest(recompute=2, zero=3, loss=True):
        each = model.layers * layer_activations(**shape, recompute=recompute)
        each += loss * loss_bytes(1, 1, model.vocabulary)
        return (memory - state_bytes(model.parameters, n, zero)) / each

    return Number(
        title="The longest sequence",
        goal=f"{n} H200 ({memory / 1e9:.0f} GB each) train Llama 3.1 {size} in FSDP, stage 3, with "
        "the 16 bytes of this notebook, one sequence on each, every layer recomputed. The loss "
        "needs 12 bytes for the score of each word of the vocabulary, for all tokens at once. If "
        "nothing else took memory, how many tokens could a sequence have? Answer with a pure "
        "number.",
        key=longest(),
        tolerance=0.02,
        slips=[
            Slip(
                "loss forgotten",
                longest(loss=False),
                "The layers leave room for so many. But the loss takes several times what they "
                "keep.",
            ),
            Slip(
                "nothing recomputed",
                longest(recompute=0),
                "You kept all activations. With recomputation a layer keeps what it reads, d "
                "numbers for each token.",
            ),
            Slip(
                "states forgotten",
                memory / (memory - state_bytes(model.parameters, n, 3)) * longest(),
                "You left no room for weights, gradients and moments: an eighth of them is here.",
            ),
            Slip(
                "stage 1",
                longest(zero=1),
                "In stage 1 weights and gradients are whole on every device. Stage 3 shares them "
                "out too.",
            ),
        ],
        hints=[
            "First the states on each device. What is left for the tokens?",
            "A token keeps 2·d bytes in each layer, and 12·v bytes for the loss.",
            f"(memory − 16·W/{n}) / (2·d·L + 12·v), with d = {model.width}, L = {model.layers}, "
            f"v = {model.vocabulary}.",
        ],
        reasoning=f"{si(state_bytes(model.parameters, n, 3), 'B')} of states leave "
        f"{si(memory - state_bytes(model.parameters, n, 3), 'B')}. A token keeps "
        f"{si(2 * model.width * model.layers, 'B')} in the layers and "
        f"{si(12 * model.vocabulary, 'B')} for the loss. Programs for longer sequences can "
        "compute the loss in parts, a few tokens at a time.",
    )


@exercise
def smaller_cards(memory=device("A100-40").memory, room=8e9, most=16, size="8B"):
    model = LLAMAS[size]

    def requirements(devices, zero):
        yield whole(devices=devices, zero=zero)
        yield Requirement(
            "too many cards", devices > most, "So many cards are not there: count them again."
        )
        states = state_bytes(model.parameters, devices, zero)
        yield Requirement(
            "does not fit",
            states > memory - room,
            f"With that {si(states, 'B')} of states are left on each card. Which parts does this "
            "stage share out, and among how many?",
        )
        sent = zero_split_bytes(model.parameters, devices, zero)
        yield Requirement(
            "more on the link",
            sent > 1.001 * allreduce_bytes(2 * model.parameters, devices),
            "It fits, but the link carries a third half of a ring. A lower stage sends less.",
        )

    return Design(
        title="Smaller cards",
        goal=f"Up to {most} A100 with {memory / 1e9:.0f} GB each are to train Llama 3.1 {size}, "
        f"with 16 bytes for each parameter (2 + 2 + 4 + 8). {room / 1e9:.0f} GB of each card must "
        "stay free for activations, and nobody may send more than in plain data parallelism, a "
        "step being one chunk. Answer dict(devices=..., zero=...), zero being the stage from 0 to "
        "3.",
        names=dict(devices=between(1, 1024), zero=between(0, 3)),
        requirements=requirements,
        design=dict(devices=8, zero=2),
        hints=[
            "Which stages send two halves of a ring, and not three?",
            "Of the 16 bytes stage 1 shares out 12, stage 2 shares out 14.",
            "Stage 2 leaves 2 + 14/n bytes. How many may each parameter have?",
        ],
        reasoning=f"{si(memory - room, 'B')} are {(memory - room) / model.parameters:.2f} bytes "
        "for each parameter. Stage 1 keeps 4 + 12/n, more than that for any n; stage 2 keeps "
        f"2 + 14/n, and does from n = {math.ceil(14 / ((memory - room) / model.parameters - 2))} "
        "on. Stage 3 would fit with fewer cards, and send half as much again.",
    )


@exercise
def tensor_width(
    peak=device("MI300X").peak_bf16,
    memory=device("MI300X").bandwidth,
    two_way=2 * LINKS["Infinity Fabric MI300X"],
    t=8,
):
    one_way = two_way / 2

    def width(rate=one_way, others=t - 1, factor=4.5):
        return ridge(peak, rate) * others / factor

    return Number(
        title="Wide enough",
        goal=f"A machine of {t} MI300X ({si(peak, 'flop/s')} in BF16) is joined by links that the "
        f"datasheet gives with {si(two_way, 'B/s')}, both ways together. A tensor "
        f"split by {t} of layers with 12 d² parameters, counted by these alone: from which width d "
        "on does it stand at the ridge of the link, or right of it? Answer with a pure number, not "
        "rounded.",
        key=width(),
        slips=[
            Slip(
                "two-way bandwidth",
                width(rate=two_way),
                "A device sends one way. The datasheet adds up both.",
            ),
            Slip(
                "t for t − 1",
                width(others=t),
                "In a ring a device keeps its own part: t − 1 parts travel.",
            ),
            Slip(
                "forward only",
                width(factor=1.5),
                "You took the forward work with the bytes of both directions. Backward does twice "
                "the work too.",
            ),
            Slip(
                "its memory",
                width(rate=memory),
                "You took the ridge of the card's own memory. The tensor split waits for the link.",
            ),
        ],
        hints=[
            "The intensity of the tensor split does not depend on the batch.",
            "It is 4.5 d/(t − 1). The ridge is π over the bandwidth of the link, one way.",
            "d = (t − 1)/4.5 · π/β.",
        ],
        reasoning=f"The ridge is {ridge(peak, one_way):.0f} flop/B, and d is (t − 1)/4.5 of it. A "
        f"width of 4096 is {'less' if width() > 4096 else 'more'} than that d, 8192 more: the "
        "larger the model, the better it can be split so. At 40 % of the peak 40 % of d would do.",
    )


@exercise
def left_in_place(shown=1.52, sheet=device("MI350X").peak_bf16, other=device("A100-40").peak_bf16):
    h100 = device("H100-SXM").peak_bf16
    return Number(
        title="A peak left in place",
        goal=f"In September 2026 a program showed an MFU of about {shown:.0%} on MI350X "
        "([torchtitan, pull request 4779](https://github.com/pytorch/torchtitan/pull/4779), which "
        f"mended it). It did not know that card ({si(sheet, 'flop/s')} in BF16), and divided by "
        f"the {si(other, 'flop/s')} of an A100. What was the MFU? Answer with a fraction, or as a "
        "text with a % sign.",
        key=shown * other / sheet,
        slips=[
            Slip(
                "half",
                shown / 2,
                "You took it for a peak with sparsity, which would make a factor of 2. Here it is "
                "another card's.",
            ),
            Slip(
                "H100",
                shown * h100 / sheet,
                "That would be for the peak of an H100. The program took that of an A100.",
            ),
            Slip(
                "upside down",
                sheet / other / shown,
                "That is the factor between the peaks over the MFU. The achieved flop/s are what "
                "stays as it is.",
            ),
            Slip(
                "above all",
                shown - 1,
                "An MFU above 100 % is no full peak and a bit: its divisor is wrong.",
            ),
        ],
        hints=[
            "Which flop/s did each card achieve?",
            f"{shown:.2f} × {si(other, 'flop/s')}. Divide by the right peak.",
        ],
        reasoning=f"Each card achieved {si(shown * other, 'flop/s')}. The factor between the peaks "
        f"is {sheet / other:.2f}, close to the {device('B300-SXM').peak_bf16 / other:.2f} of a "
        "B300: who knows the factors knows the slip.",
    )


@exercise
def blackwell_days(
    parameters=LLAMAS["70B"].parameters,
    tokens=15e12,
    n=1024,
    fraction=0.4,
    sparse=2 * device("B200-SXM").peak_bf16,
):
    def time(passes=3, peak=sparse / 2, share=fraction):
        return training_time(passes / 3 * weights_work(parameters, tokens), peak, share, n)

    return Number(
        title="On newer cards",
        goal=f"Llama 3.1 70B, {parameters / 1e9:.2f} billion parameters, and "
        f"{tokens / 1e12:.0f}e12 tokens, by 6WD, on {n} B200. The datasheet prints "
        f"{si(sparse, 'flop/s')} in BF16, with sparsity. You count on {fraction:.0%} of the "
        "dense peak, in which all communication is contained. How long does it take? Answer in s "
        "(days may be written as well).",
        key=time(),
        unit="s",
        slips=[
            Slip(
                "sparse peak",
                time(peak=sparse),
                "That peak counts products with zeros. Dense products have half of it.",
            ),
            Slip(
                "forward only",
                time(passes=1),
                "That is 2WD, the forward pass. Training is three times as much.",
            ),
            Slip(
                "recomputed",
                time(passes=4),
                "That is 8WD, with everything recomputed. 6WD was asked for.",
            ),
            Slip(
                "100 % of the peak",
                time(share=1.0),
                "Nobody reaches the whole peak. The fraction stands in the goal.",
            ),
        ],
        hints=[
            "First V, in flop.",
            "V = 6·W·D. All cards together do f·n·π.",
            "t = V/(f·n·π), with half of the printed peak.",
        ],
        reasoning=f"V = {weights_work(parameters, tokens):.3g} flop: {duration(time())}, or "
        f"{time() * n / 3600 / 1e6:.2f} million GPU hours. Meta's model card has 7.0 million for "
        "this model, on H100s.",
    )


@exercise
def what_to_buy(
    products=0.33, attention=0.45, others=0.22, peaks=2.3, bandwidths=1.67, program=1.9, links=2.0
):
    options = dict(
        a=(f"cards with {peaks} times the peak, and the same memory", {"products": peaks}),
        b=(f"cards with {bandwidths} times the memory bandwidth", {"rest": bandwidths}),
        c=(f"a kernel that makes attention {program} times as fast", {"attention": program}),
        d=(f"links of {links:g} times the bandwidth", {}),
    )
    parts = {"products": products, "attention": attention, "rest": others}

    def gain(change):
        return 1 / sum(time / change.get(part, 1) for part, time in parts.items())

    gains = {letter: gain(change) for letter, (_, change) in options.items()}
    why = {
        "a": "It speeds up the products with weights only: the kernel of attention that you have "
        "does not get faster by it.",
        "b": "It speeds up what is left, which is the smallest part.",
        "c": "Attention is the largest part of this step, and this is Amdahl's p.",
        "d": "What is sent is hidden behind the computing: links are no part of the sum.",
    }
    return Choice(
        title="What to buy",
        goal=f"A step at long context takes {products:.0%} of its time for products with weights "
        f"(bound by π), {attention:.0%} for attention (its old kernel gains nothing from new "
        f"cards) and {others:.0%} for norms, activations and the optimiser (bound by β). "
        "What is sent is hidden behind the computing. Which one purchase makes the step fastest? "
        "Answer with the letter.",
        key=max(gains, key=gains.get),
        options={
            letter: (text, f"{gains[letter]:.2f} times. {why[letter]}")
            for letter, (text, _) in options.items()
        },
        hints=[
            "Amdahl's law, once for each purchase: which p, which s?",
            "1/(1 − p + p/s).",
        ],
        reasoning="By Amdahl's law: "
        + ", ".join(f"{letter}) {gain:.2f}" for letter, gain in gains.items())
        + f". The ceiling of c is {limit(attention):.2f}, that of a {limit(products):.2f}.",
    )


@exercise
def one_claim_too_many(card="H100-SXM"):
    claims = {
        "a": ("8B", 8, None, 8 * 24_000),
        "b": ("70B", 256, None, 256 * 840),
        "c": ("405B", 16384, 15e12, 60 * 86400),
        "d": ("405B", 512, None, 512 * 128),
    }
    peak = device(card).peak_bf16
    shares, texts = {}, {}
    for letter, (size, n, tokens, number) in claims.items():
        W = LLAMAS[size].parameters
        if tokens:
            shares[letter] = achieved_fraction(weights_work(W, tokens), number, peak, n)
            said = f"{tokens / 1e12:.0f}e12 tokens in {duration(number)}"
        else:
            shares[letter] = achieved_fraction(weights_work(W, number), 1, peak, n)
            said = f"{number / n:,.0f} tokens each second on each"
        texts[letter] = f"{n} H100 train Llama 3.1 {size}: {said}."
    key = max(shares, key=shares.get)
    return Choice(
        title="One claim too many",
        goal="Four claims about training in BF16, by 6WD. One cannot be right, however good the "
        "program: it would have to run faster than the dense peak. Which one? Answer with the "
        "letter.",
        key=key,
        options={
            letter: (
                text,
                f"{percent(shares[letter])} of the peak: "
                + ("more than there is." if letter == key else "that is possible."),
            )
            for letter, text in texts.items()
        },
        hints=[
            "For each: 6W flop a token, tokens each second, number of cards.",
            f"An H100 does {si(peak, 'flop/s')} in BF16, dense.",
        ],
        reasoning="Of the peak: "
        + ", ".join(f"{letter}) {percent(share)}" for letter, share in shares.items())
        + ". Possible is not yet true: by the hours on its model card, 30.84 million, the run of c "
        "took 78 days of so many cards. And in FP8 the claim too many could be right.",
    )


@exercise(
    parameters=between(1e6, 1e14)._replace(words="from 10⁶ to 10¹⁴"),
    teraflops=(between(0.01, 1e5, "(Tflop/s)"), "Tflop/s"),
)
def your_own_model(parameters=124e6, teraflops=165.2, ratio=20, fraction=0.35):
    W, peak = parameters, teraflops * 1e12

    def time(tokens=ratio * W, share=fraction, per_token=6):
        return training_time(per_token / 6 * weights_work(W, tokens), peak, share)

    return Number(
        title="Your own model on your own card",
        goal="How long would your card train a model of your choice? Take its parameters, "
        "and your card's peak in BF16 or FP16, in Tflop/s, dense (`catalog.device` has many). Give "
        f"it {ratio} tokens for each parameter, by 6WD, at f = {fraction:.0%}. Pass both: "
        "check(answer, parameters=..., teraflops=...). Answer in s.",
        key=time(),
        unit="s",
        slips=[
            Slip(
                "one token for each parameter",
                time(tokens=W),
                "You took as many tokens as parameters. The goal wants more of them.",
            ),
            Slip(
                "forward only",
                time(per_token=2),
                "2WD is the forward pass. Training is three times as much.",
            ),
            Slip(
                "multiply-add counted once",
                time(per_token=3),
                "Each multiply-add is two flop, and the peak counts it so.",
            ),
            Slip(
                "100 % of the peak",
                time(share=1.0),
                "You let the card reach its whole peak. The fraction stands in the goal.",
            ),
        ],
        hints=[
            "D is the number of tokens for each parameter, times W.",
            "V = 6·W·D grows with the square of W.",
            "t = V/(f·π), with W and π written out.",
        ],
        reasoning=f"{si(weights_work(W, ratio * W), 'flop')} at {si(fraction * peak, 'flop/s')} "
        f"take {duration(time())}. Twice the parameters take four times as long. And does it fit? "
        f"At 16 bytes for each parameter its states are {si(state_bytes(W), 'B')}, activations "
        "not counted.",
    )
