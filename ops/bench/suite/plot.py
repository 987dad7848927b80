"""The curve of a call's cost against how many there are, as SVG: points in, text out. Both axes are logarithmic."""

from __future__ import annotations

import math
from collections.abc import Mapping

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 320, 60, 40, 20, 110
COLOURS = ("#888888", "#1f6feb")
X = (1, 1000)
Y = (1, 100)


def drawn(curves: Mapping[str, Mapping[int, float]]) -> str:
    """A line for each curve that has points."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for tick in _ticks(X):
        parts += [_rule(_x(tick), _y(Y[0]), _x(tick), _y(Y[1])), _words(_x(tick), HEIGHT - 22, f"{tick:g}")]
    for tick in _ticks(Y):
        parts += [_rule(_x(X[0]), _y(tick), _x(X[1]), _y(tick)), _words(LEFT - 20, _y(tick) + 4, f"{tick:g}")]
    parts.append(_words((_x(X[0]) + _x(X[1])) / 2, HEIGHT - 6, "calls"))
    parts.append(_words(LEFT + 70, 14, "ms of processor a call-second"))
    for (label, curve), colour in zip(curves.items(), COLOURS, strict=True):
        points = [(_x(count), _y(cost)) for count, cost in curve.items()]
        if not points:
            continue
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts.append(_words(points[-1][0] + 34, points[-1][1] + 4, label))
    return "\n".join([*parts, "</svg>", ""])


def _ticks(axis: tuple[int, int]) -> list[float]:
    decades = range(round(math.log10(axis[0])), round(math.log10(axis[1])) + 1)
    return [step * 10**decade for decade in decades for step in (1, 3) if step * 10**decade <= axis[1]]


def _share(value: float, axis: tuple[int, int]) -> float:
    return math.log(min(max(value, axis[0]), axis[1]) / axis[0]) / math.log(axis[1] / axis[0])


def _x(value: float) -> float:
    return LEFT + _share(value, X) * (WIDTH - LEFT - RIGHT)


def _y(value: float) -> float:
    return HEIGHT - BOTTOM - _share(value, Y) * (HEIGHT - BOTTOM - TOP)


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'


def _words(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{text}</text>'
