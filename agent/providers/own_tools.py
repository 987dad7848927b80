"""The process's tools: the packaged ones, and those of TOOLS_FILE."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from agent.errors import ConfigError
from agent.think.tools import (
    end_call,
    repeat,
    save_lead_details,
    schedule_site_visit,
    stop_calling,
    transfer_to_human,
)
from agent.think.tools.ports import Tool
from agent.think.tools.toolbox import Toolbox, faults

PACKAGED = tuple(
    module.TOOL
    for module in (save_lead_details, schedule_site_visit, transfer_to_human, stop_calling, end_call, repeat)
)


def load_tools(path: Path | None) -> Toolbox:
    """The toolbox. A tool of the file takes the place of a packaged one of its name. Raises ConfigError."""
    own = _own(path) if path is not None else ()
    found = faults(own, f"TOOLS_FILE {path}")
    if found:
        raise ConfigError(tuple(found))
    names = {tool.name for tool in own}
    return Toolbox((*(tool for tool in PACKAGED if tool.name not in names), *own))


def _own(path: Path) -> tuple[Tool, ...]:
    where = f"TOOLS_FILE {path}"
    if not path.is_file():
        raise ConfigError((f"{where}: there is no such file.",))
    spec = importlib.util.spec_from_file_location("own_tools", path)
    if spec is None or spec.loader is None:
        raise ConfigError((f"{where} is no Python file: its name must end in .py.",))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # so that its annotations can be looked up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigError((f"{where} cannot be loaded: {type(error).__name__}: {error}.",)) from error
    tools = tuple(value for value in vars(module).values() if isinstance(value, Tool))
    if not tools:
        raise ConfigError((f"{where} has no tools: write one with @tool, see docs/tools.md.",))
    return tools
