"""The model as a diagram: a box for each process, a line for what one reads of another; boxes are links."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from markupsafe import Markup, escape

from hepatrial.web.atlas import HEIGHT, PLACES, TITLES, WIDTH, Flow, flows


def diagram(
    translate: Callable[[str], str], listed: Callable[[Iterable[str]], str], chosen: str, label: str
) -> Markup:
    """The whole diagram as inline SVG; every box is a link to its process.

    Args:
        translate: of the titles.
        listed: what variables are called.
        chosen: process that is shown below.
        label: what the diagram is called for those who cannot see it.
    """
    lines = Markup("").join(_line(flow, listed(flow.names), chosen) for flow in flows())
    boxes = Markup("").join(_box(name, translate(TITLES[name]), name == chosen) for name in PLACES)
    return Markup(
        '<svg class="diagram" viewBox="0 0 790 384" role="group" aria-label="{}">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6"'
        ' orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#767676"/></marker></defs>{}{}</svg>'
    ).format(label, lines, boxes)


def _box(name: str, title: str, chosen: bool) -> Markup:
    x, y = PLACES[name]
    current = Markup(' aria-current="true"') if chosen else ""
    return Markup(
        '<a class="node" href="?process={n}#process" data-process="{n}"{c}>'
        '<rect x="{x}" y="{y}" width="{w}" height="{h}"'
        ' rx="5"/><text x="{tx}" y="{ty}" text-anchor="middle" font-size="15" font-weight="700">{t}</text>'
        "</a>"
    ).format(n=name, c=current, x=x, y=y, w=WIDTH, h=HEIGHT, tx=x + WIDTH / 2, ty=y + HEIGHT / 2 + 5, t=title)


def _line(flow: Flow, said: str, chosen: str) -> Markup:
    """A curve from box to box, a little to one side so that both directions are seen."""
    (x1, y1), (x2, y2) = (_centre(flow.source), _centre(flow.target))
    start, end = _edge(x1, y1, x2, y2), _edge(x2, y2, x1, y1)
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = max(1.0, (dx * dx + dy * dy) ** 0.5)
    bend = min(26.0, 0.16 * length)
    middle = ((start[0] + end[0]) / 2 - dy / length * bend, (start[1] + end[1]) / 2 + dx / length * bend)
    path = f"M{start[0]:.1f} {start[1]:.1f}Q{middle[0]:.1f} {middle[1]:.1f} {end[0]:.1f} {end[1]:.1f}"
    on = " on" if chosen in (flow.source, flow.target) else ""
    return Markup(
        '<path class="edge{on}" data-from="{a}" data-to="{b}" d="{d}" marker-end="url(#tip)">'
        "<title>{s}</title></path>"
    ).format(on=on, a=flow.source, b=flow.target, d=path, s=escape(said))


def _centre(process: str) -> tuple[float, float]:
    x, y = PLACES[process]
    return x + WIDTH / 2, y + HEIGHT / 2


def _edge(x: float, y: float, towards_x: float, towards_y: float) -> tuple[float, float]:
    """Where the line from a box's centre leaves the box."""
    dx, dy = towards_x - x, towards_y - y
    scale = min((WIDTH / 2 + 3) / abs(dx) if dx else 1e9, (HEIGHT / 2 + 3) / abs(dy) if dy else 1e9)
    return x + dx * scale, y + dy * scale
