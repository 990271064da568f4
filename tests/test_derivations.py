"""Each model function agrees with an expression that SymPy derives from first principles.

The derivations start from the two times of a task, V / pi to compute and V / (beta I) to load,
or from the definition of the quantity, never from the formula in the function's docstring.
"""

import numpy as np
import pytest
import sympy as sp

from helpers import amdahl, budget, memory, parallel, pipeline, roofline, transformers
from models import MODELS

V, I, beta, pi, p, s, r, n, S = sp.symbols("V I beta pi p s r n S", positive=True)
W, N, E, k, f, t = sp.symbols("W N E k f t", positive=True)

computing, loading = V / pi, V / (beta * I)
serial = computing + loading
faster = computing / s + r * loading  # compute unit s times as fast, bandwidth divided by r

fraction = sp.simplify(computing / serial)
# The same speed-up in terms of p: eliminate I with p = computing / serial.
in_terms_of_p = sp.simplify((serial / faster).subs(I, sp.solve(sp.Eq(fraction, p), I)[0]))

# n chunks: the first passes all stages, each further one adds the time of the slowest stage.
a, c, w, x = sp.symbols("a c w x", positive=True)
chunked = (a + c + w) / n + (n - 1) * sp.Max(a / n, c / n, w / n)
two_stages = chunked.subs(w, 0)
# With b buffers the chain of waits can also go, as often as there are b chunks more, from the last
# stage of a chunk to the load of the chunk b later: each time through all stages once more.
b = sp.Symbol("b", positive=True)
waits = sp.floor((n - 1) / b)
chain = ((waits + 1) * (a + c + w) + (n - 1 - waits * b) * sp.Max(a, c, w)) / n
in_units = two_stages.subs({a: 1, c: x})  # loading takes 1, computing x

# One output of a convolution is a sum over a k x k window of every input channel of its group.
channels, outputs, height, width, groups = sp.symbols("C C_out height width groups", positive=True)
row, column = sp.symbols("row column", integer=True)
window = sp.Sum(sp.Sum(channels / groups, (row, 1, k)), (column, 1, k)).doit()

# A ring: n - 1 rounds to add up, n - 1 rounds to spread, one n-th of the array in each round.
G, L = sp.symbols("G L", positive=True)
rounds, part = 2 * (n - 1), G / n
sent = rounds * part
ring = rounds * (part / beta + L)

# Two levels: a ring of g devices over G inside, and g rings of m over G / g that share the port.
g, link, network = sp.symbols("g link network", positive=True)
inside = sp.Min(n, g)
two_levels = ring.subs({n: inside, beta: link}, simultaneous=True) + ring.subs(
    {n: n / inside, G: G / inside, beta: network / inside}, simultaneous=True
)

# Splitting the model: all-gather of the inputs forward, reduce-scatter of their gradients back;
# in each, n - 1 rounds with one n-th of the numbers.
batch, number_bytes = sp.symbols("batch number_bytes", positive=True)
gathered = (n - 1) * batch * N * number_bytes / n
all_reduced = sent.subs(G, W * number_bytes)

# An LSTM cell: four gates of H units, each a sum over H inputs and H numbers of state.
H = sp.Symbol("H", positive=True)
products = 4 * H * (H + H)
# sigmoid three times and tanh once; f c + i g; tanh of the new cell; its product with o
unit_operations = 4 + 3 + 1 + 1
cell_work = batch * (2 * products + unit_operations * H)
# weights and biases; input, state and cell in; state and cell out
cell_traffic = number_bytes * (products + 4 * H + batch * (3 + 2) * H)

# A pipeline of K stages, each 1 / K of the work of V: chunk number M leaves after M + K - 1 rounds.
K, M = sp.symbols("K M", positive=True)
one_round = V / K / M
pipelined = (M + K - 1) * one_round

# Of a step: the share o of the shorter of two times is hidden; h is what else it costs.
o, h = sp.symbols("o h", positive=True)

# A transformer: a matrix that rows of numbers are multiplied by, and all that is moved for it.
rows, sharing, layers, tokens, sequence = sp.symbols("rows g L D T", positive=True)
head, width, scores = sp.symbols("h d q", positive=True)
product = 2 * rows * N * outputs / (number_bytes * (rows * N + N * outputs + rows * outputs))
# A head of attention: queries and results of the rows; keys and values, shared by several heads.
pairs = rows * sequence
in_and_out = 2 * rows * head + 2 * sequence * head / sharing
attended = 2 * 2 * pairs * head / (number_bytes * (in_and_out + scores * pairs))

# Memory: what is kept for each weight, in stage z of ZeRO; each part is shared from a stage on.
z = sp.Symbol("z", nonnegative=True)
weight, gradient, master, moment = sp.symbols("weight gradient master moment", positive=True)


def shared_from(stage, kept):
    return sp.Piecewise((kept / n, z >= stage), (kept, True))


states = shared_from(3, weight) + shared_from(2, gradient) + shared_from(1, master + moment)
# A half of the ring: n - 1 rounds with one n-th. In stage 3 each chunk takes three: the weights
# forward and backward, and the gradients; in stage 2 the gradients, and the weights once a step.
half = (n - 1) * (W * number_bytes / n)
halves = sp.Piecewise((3 * M, z >= 3), (M + 1, z >= 2), (2, True))
# What a layer keeps for each token: six of its width, keys and values; and of the inner width, what
# comes before the activation function and, if that is not computed again (R = 0), after it.
F, R, v, branches, heads = sp.symbols("F R v branches heads", positive=True)
inner = branches * (F + sp.Piecewise((F, R < 1), (0, True)))
kept = sp.Piecewise((width, R >= 2), (6 * width + 2 * width / sharing + inner, True))
# Two parts of a layer, each of two products: one is split by outputs, one by inputs.
shared_layer = 2 * 2 * (2 * gathered).subs(N, width)
again = sp.Piecewise((1 + sp.Rational(1, 2), R >= 2), (1, True))  # the forward half once more

DERIVED = {
    roofline.attainable: (V / sp.Max(computing, loading), (I, pi, beta)),
    roofline.ridge: (sp.solve(sp.Eq(computing, loading), I)[0], (pi, beta)),
    roofline.balance: (computing / loading, (I, pi, beta)),
    roofline.compute_utilisation: (computing / sp.Max(computing, loading), (I, pi, beta)),
    roofline.bandwidth_utilisation: (loading / sp.Max(computing, loading), (I, pi, beta)),
    roofline.overlapped_time: (sp.Max(computing, loading), (V, I, pi, beta)),
    amdahl.serial_time: (serial, (V, I, pi, beta)),
    amdahl.compute_fraction: (fraction, (I, pi, beta)),
    amdahl.speedup: (in_terms_of_p, (p, s, r)),
    amdahl.limit: (sp.limit(in_terms_of_p, s, sp.oo), (p, r)),
    amdahl.break_even: (sp.solve(sp.Eq(in_terms_of_p, 1), r)[0], (p, s)),
    # Gustafson: of a run that takes V, the slow machine would take s times as long for the part p.
    amdahl.gustafson: (((1 - p) * V + s * p * V) / V, (p, s)),
    # Karp and Flatt: the serial fraction for which Amdahl's law gives the measured S on n devices.
    amdahl.karp_flatt: (sp.solve(sp.Eq(1 / (p + (1 - p) / n), S), p)[0], (S, n)),
    pipeline.chunked_time: (chunked, (a, c, n, w)),
    pipeline.buffered_time: (sp.Max(chunked, chain), (a, c, n, w, b)),
    pipeline.chunked_performance: (
        V / two_stages.subs({a: loading, c: computing}, simultaneous=True),
        (I, pi, beta, n),
    ),
    pipeline.overlap_gain: ((1 + x) / sp.Max(1, x), (x,)),
    pipeline.pipelined_speedup: (in_units / in_units.subs(x, x / s), (x, s, n)),
    pipeline.speedup_over_serial: ((1 + x) / in_units.subs(x, x / s), (x, s, n)),
    budget.convolution_work: (
        2 * window * outputs * height * width,
        (channels, outputs, k, height, width, groups),
    ),
    budget.linear_work: (2 * N * outputs, (N, outputs)),
    # forward, and a backward pass of two products of the same size
    budget.training_work: ((W + (k - 1) * W) * N * E, (W, N, E, k)),
    # n devices that together do f n pi flop each second need t with f n pi t = V
    budget.training_time: (sp.solve(sp.Eq(f * n * pi * t, V), t)[0], (V, pi, f, n)),
    budget.achieved_fraction: (sp.solve(sp.Eq(f * n * pi * t, V), f)[0], (V, t, pi, n)),
    parallel.allreduce_bytes: (sent, (G, n)),
    parallel.allreduce_time: (ring, (G, n, beta, L)),
    parallel.hierarchical_time: (two_levels, (G, n, g, link, network, L)),
    parallel.network_intensity: (V / sent, (V, G, n)),
    parallel.step_time: (sp.Max(c, a) + (1 - o) * sp.Min(c, a) + h, (c, a, o, h)),
    parallel.throughput: (n * batch / t, (batch, n, t)),
    parallel.efficiency: (S / n, (S, n)),
    parallel.data_split_bytes: (all_reduced, (W, n, number_bytes)),
    parallel.model_split_bytes: (2 * gathered, (N, batch, n, number_bytes)),
    parallel.crossover_batch: (sp.solve(sp.Eq(all_reduced, 2 * gathered), batch)[0], (W, N)),
    parallel.lstm_work: (cell_work, (batch, H)),
    parallel.lstm_traffic: (cell_traffic, (batch, H, number_bytes)),
    parallel.lstm_intensity: (
        (cell_work / cell_traffic).subs(batch, batch / n),
        (batch, H, n, number_bytes),
    ),
    parallel.pipeline_bubble: (sp.simplify(1 - V / (K * pipelined)), (K, M)),
    parallel.pipeline_speedup: (sp.simplify(V / pipelined), (K, M)),
    # one product forward, and backward one for each of its two factors
    transformers.weights_work: ((1 + 2) * 2 * W * tokens, (W, tokens)),
    transformers.attention_work: (
        layers * (1 + 2) * 2 * (width * sequence + sequence * width) * tokens,
        (layers, width, sequence, tokens),
    ),
    transformers.product_intensity: (product, (rows, N, outputs, number_bytes)),
    transformers.attention_intensity: (
        attended,
        (rows, sequence, head, number_bytes, sharing, scores),
    ),
    memory.state_bytes: (W * states, (W, n, z, weight, gradient, master, moment)),
    memory.ring_halves: (halves, (z, M)),
    memory.zero_split_bytes: (halves * half, (W, n, z, M, number_bytes)),
    memory.layer_activations: (
        kept * number_bytes * batch * sequence,
        (batch, sequence, width, F, sharing, branches, R, number_bytes),
    ),
    memory.score_bytes: (
        batch * heads * sequence * sequence * number_bytes,
        (batch, sequence, heads, number_bytes),
    ),
    memory.loss_bytes: (
        batch * sequence * v * number_bytes,
        (batch, sequence, v, number_bytes),
    ),
    memory.exchanges: (
        again * sp.simplify(shared_layer / sent.subs(G, batch * width * number_bytes)),
        (R,),
    ),
    memory.tensor_split_bytes: (
        layers * again * shared_layer * sequence,
        (batch, sequence, width, layers, n, R, number_bytes),
    ),
}


@pytest.mark.parametrize("function", DERIVED, ids=lambda function: function.__name__)
def test_function_agrees_with_its_derivation(function):
    expression, symbols = DERIVED[function]
    # Performances do not depend on the work: V is drawn at random all the same.
    assert expression.free_symbols <= {V, *symbols}
    derived = sp.lambdify((V, *(symbol for symbol in symbols if symbol != V)), expression, "numpy")
    random = np.random.default_rng(20261123)
    ranges = {
        **{p: (0, 1), o: (0, 1), f: (0.01, 1)},
        **{s: (1.01, 100), r: (1, 10), n: (1.01, 1000), S: (0.5, 50), b: (1, 5), M: (1, 64)},
    }
    points = {
        symbol: random.uniform(*ranges[symbol], 200)
        if symbol in ranges
        else 10 ** random.uniform(-3, 15, 200)
        for symbol in (V, *symbols)
    }
    if function in (budget.convolution_work, budget.linear_work):  # counts, all whole
        points |= {symbol: random.integers(1, 4096, 200).astype(float) for symbol in symbols}
        for part in {channels, outputs} & set(symbols):
            points[part] *= points.get(groups, 1)
    if function in (parallel.pipeline_bubble, parallel.pipeline_speedup):
        points[K] = random.integers(1, 65, 200).astype(float)
    if function.__module__ in (transformers.__name__, memory.__name__):
        whole = {layers, width, head, sharing, outputs, F, v, branches, heads}  # counts
        for part in whole & set(symbols):
            points[part] = random.integers(1, 4096, 200).astype(float)
        for part, most in [(part, most) for part, most in ((z, 3), (R, 2)) if part in symbols]:
            points[part] = random.integers(0, most, 200, endpoint=True).astype(float)
    if function is parallel.hierarchical_time:  # devices and nodes are whole, nodes full
        per_node, nodes = random.integers(1, 17, 200), random.integers(1, 100, 200)
        points[g] = per_node
        points[n] = np.where(nodes > 1, nodes * per_node, random.integers(1, per_node + 1))
    # Near S = n Karp and Flatt subtract almost equal numbers.
    atol = 1e-12 if function is amdahl.karp_flatt else 0
    values = map(points.get, symbols)
    np.testing.assert_allclose(function(*values), derived(*points.values()), 1e-9, atol)


def test_no_model_function_is_left_out():
    left_out = {name for name, function in MODELS.items() if function not in DERIVED}
    left_out -= {"bound", "schedule"}  # words; steps
    assert not left_out, f"write the derivation of {left_out} into DERIVED"


def test_n_chunks_are_the_larger_time_plus_a_share_of_the_smaller():
    # For two stages: max + min / n, in each of the two cases.
    for larger, smaller in ((a, c), (c, a)):
        case = two_stages.subs(sp.Max(a / n, c / n, 0), larger / n)
        assert sp.simplify(case - (larger + smaller / n)) == 0
    assert sp.simplify(two_stages.subs(n, 1) - (a + c)) == 0


def test_the_articles_form_is_amdahls_law():
    ugly = 1 / (pi / (pi + I * beta) + I * beta / (s * (pi + I * beta)))
    assert sp.simplify(ugly - serial / faster.subs(r, 1)) == 0
    p_of_machine = I * beta / (pi + I * beta)
    assert sp.simplify(ugly - 1 / (1 - p_of_machine + p_of_machine / s)) == 0


def test_the_ceiling_rises_with_bandwidth():
    # The article says that a lower bandwidth makes 1 / (1 - p) larger; its derivative is I / pi.
    ceiling = 1 / (1 - fraction)
    slope = sp.simplify(sp.diff(ceiling, beta))
    assert slope == I / pi
    assert slope.is_positive
