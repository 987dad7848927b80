"""Silero's voice-activity model for 8 kHz, put together anew from its own weights: a window costs half of what it does.

Its file, as it comes, asks at each run for the rate, the shape and the kind of everything, sorts the weights of its
memory anew, and convolves window by window. Here that is settled, and each layer is one product of matrices for all
windows of a run. What comes out differs by what adding in another order makes of 32-bit floats, 1e-5 at most, and from
a window's company not in a single bit (both held by tests/agent/providers/test_silero.py). Layers and sizes are those
of the file, silero-vad 6, branch of 8 kHz.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agent.providers.onnx_graph import Graph, constants

Floats = NDArray[np.float32]

PREFIX = "If_0_else_branch__Inline_0__"
"""Of the names of what is for 8 kHz."""

SAMPLES = 32 + 256
"""Of the window before, and of this one."""
HOP, FRAMES, BINS = 64, 4, 65
"""Of the spectrum: frames of 128 samples, 64 apart; the last ones see the window's end mirrored."""
STATE = 128
"""Floats of what the model has just told itself, and as many of its memory."""


def rebuilt(model: bytes) -> bytes:
    """Of the package's file, the model with the inputs `input` (288 floats a row) and `state` (256), and the outputs
    `probability` (1) and `state_after`. Raises KeyError for another file."""
    weights = constants(model)
    graph = Graph(input=SAMPLES, state=2 * STATE)
    heard = _encoded(graph, weights)
    told, memory = graph.split("Split", 2, "state", axis=1)
    told, memory = _remembered(graph, weights, graph.put("Concat", heard, told, axis=1), memory)
    graph.give("state_after", graph.put("Concat", told, memory, axis=1), 2 * STATE)
    weight, bias = (weights[f"{PREFIX}decoder.decoder.2.{name}"] for name in ("weight", "bias"))
    speech = graph.put("Gemm", graph.put("Relu", told), weight.reshape(STATE, 1), bias)
    graph.give("probability", graph.put("Sigmoid", speech), 1)
    return graph.model()


def _encoded(graph: Graph, weights: dict[str, Floats]) -> str:
    """The magnitudes of the spectrum, and four convolutions over time: of four moments the second leaves two, the third
    one. A convolution is a product once each moment has its neighbours beside it."""
    basis = weights[f"{PREFIX}stft.forward_basis_buffer"]
    mirrored = np.r_[0:SAMPLES, SAMPLES - 2 : SAMPLES - 2 - HOP // 2 : -1]
    mirror = graph.put("Gather", "input", mirrored[SAMPLES:], axis=1)
    hops = graph.put("Concat", "input", mirror, axis=1)
    frames = _beside(graph, hops, HOP, [[n, n + 1] for n in range(FRAMES)])
    waves = graph.put("MatMul", frames, basis[:, 0].T)
    real, imaginary = graph.split("Split", 2, graph.put("Mul", waves, waves), axis=1)
    power = graph.put("Reshape", graph.put("Add", real, imaginary), np.array([-1, FRAMES * BINS]))
    now = graph.put("Pad", graph.put("Sqrt", power), np.array([0, BINS, 0, BINS]))

    now = _layer(graph, weights, 0, _beside(graph, now, BINS, [[n, n + 1, n + 2] for n in range(FRAMES)]))
    now = graph.put("Pad", graph.put("Reshape", now, np.array([-1, FRAMES * 128])), np.array([0, 128, 0, 0]))
    now = _layer(graph, weights, 1, _beside(graph, now, 128, [[0, 1, 2], [2, 3, 4]]))
    now = _layer(graph, weights, 2, graph.put("Reshape", now, np.array([-1, 2 * 64])), slice(1, None))
    return _layer(graph, weights, 3, now, slice(1, 2))


def _beside(graph: Graph, rows: str, width: int, neighbours: list[list[int]]) -> str:
    """Of rows of moments, each so wide, rows of moments beside each other."""
    moments = graph.put("Reshape", rows, np.array([0, -1, width]))
    chosen = graph.put("Gather", moments, np.array(neighbours).ravel(), axis=1)
    return graph.put("Reshape", chosen, np.array([-1, width * len(neighbours[0])]))


def _layer(graph: Graph, weights: dict[str, Floats], number: int, rows: str, taps: slice = slice(None)) -> str:
    """`taps`: neighbours that there are; what is beyond the window is nothing."""
    weight, bias = (weights[f"{PREFIX}encoder.{number}.reparam_conv.{name}"] for name in ("weight", "bias"))
    product = weight[:, :, taps].transpose(2, 1, 0).reshape(-1, len(weight))
    return graph.put("Relu", graph.put("Gemm", rows, product, bias))


def _remembered(graph: Graph, weights: dict[str, Floats], heard: str, memory: str) -> tuple[str, str]:
    """A step of the long short-term memory: what it tells, and what it keeps. PyTorch's order of the four gates."""
    both = [weights[f"{PREFIX}decoder.rnn.weight_{name}"] for name in ("ih", "hh")]
    bias = sum(weights[f"{PREFIX}decoder.rnn.bias_{name}"] for name in ("ih", "hh"))
    gates = graph.put("Gemm", heard, np.concatenate(both, axis=1).T, np.asarray(bias))
    takes, keeps, new, tells = graph.split("Split", 4, gates, axis=1)
    kept = graph.put("Mul", graph.put("Sigmoid", keeps), memory)
    taken = graph.put("Mul", graph.put("Sigmoid", takes), graph.put("Tanh", new))
    memory = graph.put("Add", kept, taken)
    return graph.put("Mul", graph.put("Sigmoid", tells), graph.put("Tanh", memory)), memory
