"""ONNX models: the constants out of one, and one made of operators, without the packages that do both.

Numbers of fields are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.providers.protobuf import field, fields

IR_VERSION, OPSET = 8, 17
FLOAT, INT64 = 1, 7
"""TensorProto.DataType."""


def constants(model: bytes) -> dict[str, NDArray[np.float32]]:
    """Tensors of 32-bit floats, by the name of the output that they are, those of branches with them."""
    found: dict[str, NDArray[np.float32]] = {}
    for graph in _all(model, 7):
        _constants(graph, found)
    return found


def _constants(graph: bytes, found: dict[str, NDArray[np.float32]]) -> None:
    for node in _all(graph, 1):
        outputs = _all(node, 2)
        for attribute in _all(node, 5):
            for tensor in _all(attribute, 5):
                _keep(outputs[0].decode(), tensor, found)
            for branch in _all(attribute, 6):
                _constants(branch, found)


def _keep(name: str, tensor: bytes, found: dict[str, NDArray[np.float32]]) -> None:
    told = list(fields(tensor))
    if (2, FLOAT) in told:
        shape = [size for number, size in told if number == 1 and isinstance(size, int)]
        found[name] = np.frombuffer(b"".join(_all(tensor, 9)), "<f4").reshape(shape)


def _all(message: bytes, number: int) -> list[bytes]:
    return [value for each, value in fields(message) if each == number and isinstance(value, bytes)]


class Graph:
    """A model in the making: operators in the order in which they run."""

    def __init__(self, **inputs: int) -> None:
        """Names of inputs, and how many floats a row of each has. There may be any number of rows."""
        self._inputs = inputs
        self._outputs: dict[str, int] = {}
        self._tensors: list[bytes] = []
        self._nodes: list[bytes] = []
        self._names = 0

    def put(self, operator: str, *inputs: str | NDArray[Any], **attributes: int) -> str:
        """Add an operator, whose inputs are outputs of others or constants; returns its output's name."""
        return self.split(operator, 1, *inputs, **attributes)[0]

    def split(self, operator: str, outputs: int, *inputs: str | NDArray[Any], **attributes: int) -> list[str]:
        """The same for one that has several outputs."""
        told = [name if isinstance(name, str) else self._constant(name) for name in inputs]
        names = [self._name() for _ in range(outputs)]
        node = [field(1, name) for name in told] + [field(2, name) for name in names] + [field(4, operator)]
        node += [field(5, field(1, name) + field(3, value) + field(20, 2)) for name, value in attributes.items()]
        self._nodes.append(b"".join(node))
        return names

    def give(self, name: str, output: str, width: int) -> None:
        """`output` is a result of the model, under this name, with so many floats in a row."""
        self._nodes.append(field(1, output) + field(2, name) + field(4, "Identity"))
        self._outputs[name] = width

    def model(self) -> bytes:
        """What onnxruntime opens."""
        graph = [field(1, node) for node in self._nodes] + [field(2, "graph")]
        graph += [field(5, tensor) for tensor in self._tensors]
        graph += [field(11, _rows(*told)) for told in self._inputs.items()]
        graph += [field(12, _rows(*told)) for told in self._outputs.items()]
        return field(1, IR_VERSION) + field(7, b"".join(graph)) + field(8, field(1, "") + field(2, OPSET))

    def _constant(self, value: NDArray[Any]) -> str:
        name, kind = self._name(), FLOAT if value.dtype == np.float32 else INT64
        shape = b"".join(field(1, size) for size in value.shape)
        data = np.ascontiguousarray(value, "<f4" if kind == FLOAT else "<i8").tobytes()
        self._tensors.append(shape + field(2, kind) + field(8, name) + field(9, data))
        return name

    def _name(self) -> str:
        self._names += 1
        return f"v{self._names}"


def _rows(name: str, width: int) -> bytes:
    shape = field(1, field(2, "rows")) + field(1, field(1, width))
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, shape)))
