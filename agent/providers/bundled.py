"""Model files that come inside installed packages: found without importing the package, opened for one thread.

Packages such as moonshine_voice load native libraries and download helpers on import; only their files are wanted.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from agent.errors import ConfigError


class Port(Protocol):
    """A named input or output of a model."""

    name: str
    shape: list[int | str]


class Session(Protocol):
    """What is used of onnxruntime's InferenceSession; `run` may be called from several threads at once."""

    def run(self, names: Sequence[str] | None, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]: ...
    def get_inputs(self) -> list[Port]: ...
    def get_outputs(self) -> list[Port]: ...


def find(package: str, *path: str) -> Path | None:
    """The file or folder inside an installed package; None where either is missing."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        return None
    for root in spec.submodule_search_locations or ():
        found = Path(root, *path)
        if found.exists():
            return found
    return None


def open_model(path: Path, made: Callable[[bytes], bytes] | None = None) -> Session:
    """An ONNX session on the CPU with one thread that sleeps while idle. Raises ConfigError for a damaged file. `made`:
    another model, of what is in the file.

    One thread, because calls are the parallelism; no spinning, because it eats the core the other calls run on.
    """
    import onnxruntime  # type: ignore[import-untyped]  # ships no types

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        model = str(path) if made is None else made(path.read_bytes())
        session: Session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base of their own
        raise ConfigError((f"the model file {path} cannot be opened: {error}",)) from error
    return session
