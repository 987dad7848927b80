"""What a route asks of whoever calls it: a mark on a view, read where requests are let in.

Without a mark, reading (GET, HEAD) takes `read`, and everything else `admin`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from agent.guard.api_keys import Scope

V = TypeVar("V", bound=Callable[..., Any])


def needs(scope: Scope) -> Callable[[V], V]:
    """Have this view ask for that scope."""

    def mark(view: V) -> V:
        view.scope = scope  # type: ignore[attr-defined]
        return view

    return mark


def scope_of(view: Callable[..., Any] | None, method: str) -> Scope:
    """What a request with this method for this view needs."""
    scope: Scope = getattr(view, "scope", "read" if method in {"GET", "HEAD"} else "admin")
    return scope
