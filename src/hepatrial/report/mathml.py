"""Expressions as MathML, which browsers draw without any script.

Products and sums are laid out as a modeller wrote them; quotients become fractions, with a stroke where
a line would not hold them. Names stay whole words.
"""

from __future__ import annotations

from html import escape
from xml.etree import ElementTree

from hepatrial.model.expr import Expr

SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly an expression binds, loosest first."""
_BINDING = {"add": SUM, "sub": SUM, "neg": SUM, "mul": PRODUCT, "pow": POWER}
THIN_SPACE = "\u2009"
_COMPARISONS = {"lt": "&lt;", "le": "≤", "gt": "&gt;", "ge": "≥", "eq": "=", "ne": "≠"}
ROOM = {"=": 0.3, "·": 0.16}
"""Ems on each side of an operator; 0.24 for the others."""
_CLOSE = "<mo stretchy='false'>)</mo>"
_NAMES = {"ln": "ln", "min": "min", "max": "max"}


def equation(left: str, right: Expr, *, rate: bool = False, width: int | None = None) -> str:
    """``left = right`` or, with ``rate``, ``d left/dt = right``, as one block of MathML.

    With ``width`` the right side goes on in a new line, before a term or a factor, once a line has so many
    characters; browsers do not break formulas by themselves.
    """
    name = symbol(left)
    if rate:
        above, below = f"<mi>d</mi><mspace width='0.15em'/>{name}", "<mi>d</mi><mi>t</mi>"
        name = f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>"
    lines = [mathml(right)] if width is None else _lines(right, max(20, width - _length(name)))
    if len(lines) == 1:
        body = f"<mrow>{name}{_sign('=')}{lines[0]}</mrow>"
    else:
        starts = [f"{name}{_sign('=')}", *("" for _ in lines[1:])]
        rows = zip(starts, lines, strict=True)
        body = "".join(f"<mtr><mtd>{a}</mtd><mtd><mrow>{b}</mrow></mtd></mtr>" for a, b in rows)
        body = f'<mtable displaystyle="true">{body}</mtable>'
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">{body}</math>'


def symbol(name: str) -> str:
    """A name, upright, with its underscores as thin spaces."""
    return f"<mtext>{escape(name.replace('_', THIN_SPACE))}</mtext>"


def mathml(e: Expr) -> str:
    """An expression as a row of MathML."""
    if e.op == "const":
        return f"<mn>{number(e.value)}</mn>"
    if e.op == "sym":
        return symbol(e.name)
    if e.op in ("add", "sub"):
        sign = "+" if e.op == "add" else "−"
        right = _within(e.args[1], SUM if e.op == "add" else PRODUCT)
        return f"<mrow>{_within(e.args[0], SUM)}{_sign(sign)}{right}</mrow>"
    if e.op == "mul":
        return f"<mrow>{_within(e.args[0], PRODUCT)}{_sign('·')}{_within(e.args[1], PRODUCT)}</mrow>"
    if e.op == "div":
        return f"<mfrac>{mathml(e.args[0])}{mathml(e.args[1])}</mfrac>"
    if e.op == "neg":
        return f"<mrow><mo>−</mo>{_within(e.args[0], PRODUCT)}</mrow>"
    if e.op == "pow":
        return f"<msup>{_within(e.args[0], ATOM)}{mathml(e.args[1])}</msup>"
    return _function(e)


def _lines(e: Expr, width: int) -> list[str]:
    """An expression in lines of about ``width`` characters, broken before terms and their factors."""
    lines, line = [], ""
    for piece in _pieces(e, width):
        if line and _length(line + piece) > width:
            lines.append(line)
            line = "<mspace width='1em'/>"
        line += piece
    return [*lines, line]


def _pieces(e: Expr, width: int) -> list[str]:
    """What a line may end after: the terms of a sum; of one longer than a line its own parts."""
    pieces = []
    for sign, term in _chain(e, {"add": "+", "sub": "−"}):
        pieces += _parts(_infix(sign), term, PRODUCT if sign == "−" else SUM, width)
    return pieces


def _parts(start: str, e: Expr, least: int, width: int) -> list[str]:
    """A term or factor after its sign: whole where a line holds it, else in parts, fractions by a stroke."""
    whole = f"{start}{_within(e, least)}"
    if _length(whole) <= width or e.op not in ("add", "sub", "mul", "div", "pow"):
        return [whole]
    if _BINDING.get(e.op, ATOM) < least:
        return _enclosed(start, _pieces(e, width), _CLOSE)
    if e.op in ("add", "sub"):
        first, *others = _pieces(e, width)
        return [f"{start}{first}", *others]
    if e.op == "mul":
        links = _chain(e, {"mul": "·"})
        links = [(start, links[0][1]), *((_infix(dot), factor) for dot, factor in links[1:])]
        return [part for sign, factor in links for part in _parts(sign, factor, PRODUCT, width)]
    upper, lower = e.args
    if e.op == "pow":
        return _enclosed(start, _pieces(upper, width), f"<msup>{_CLOSE}{mathml(lower)}</msup>")
    parts = _parts(start, upper, PRODUCT, width)
    parts[-1] += f"{_sign('/')}{_within(lower, ATOM)}"
    return parts


def _enclosed(start: str, pieces: list[str], close: str) -> list[str]:
    """Pieces in brackets that do not grow, since they may stand in different lines."""
    pieces = [f"{start}<mo stretchy='false'>(</mo>{pieces[0]}", *pieces[1:]]
    return [*pieces[:-1], f"{pieces[-1]}{close}"]


def _infix(sign: str) -> str:
    """An operator with room on both sides also where it begins a line; "" for none."""
    return _sign(sign) if sign else ""


def _sign(sign: str) -> str:
    """An operator between two spaces of its own.

    The spaces that MathML gives an operator are not measured by Chromium where it ends or begins a cell of
    a table: what follows is drawn over it, and long lines are cut.
    """
    space = f"<mspace width='{ROOM.get(sign, 0.24)}em'/>"
    return f"{space}<mo lspace='0' rspace='0'>{sign}</mo>{space}"


def _chain(e: Expr, signs: dict[str, str]) -> list[tuple[str, Expr]]:
    """The links of a chain of operations (operation -> sign), each with its sign; the first has none."""
    if e.op not in signs:
        return [("", e)]
    return [*_chain(e.args[0], signs), (signs[e.op], e.args[1])]


def _length(written: str) -> int:
    """About how many characters wide some MathML is; a fraction is as wide as the longer of its parts."""
    return _breadth(ElementTree.fromstring(f"<mrow>{written}</mrow>"))


def _breadth(element: ElementTree.Element) -> int:
    inside = [_breadth(one) for one in element]
    return max(inside) if element.tag == "mfrac" else len(element.text or "") + sum(inside)


def _function(e: Expr) -> str:
    if e.op == "exp":
        return f"<msup><mi>e</mi>{mathml(e.args[0])}</msup>"
    if e.op == "sqrt":
        return f"<msqrt>{mathml(e.args[0])}</msqrt>"
    if e.op == "abs":
        return f"<mrow><mo>|</mo>{mathml(e.args[0])}<mo>|</mo></mrow>"
    if e.op in _COMPARISONS:
        return f"<mrow>{mathml(e.args[0])}<mo>{_COMPARISONS[e.op]}</mo>{mathml(e.args[1])}</mrow>"
    if e.op in ("and", "or"):
        return f"<mrow>{mathml(e.args[0])}<mtext>&#8201;{e.op}&#8201;</mtext>{mathml(e.args[1])}</mrow>"
    inside = "<mo>,</mo>".join(mathml(a) for a in e.args)
    return f"<mrow><mi>{_NAMES.get(e.op, e.op)}</mi>{_brackets(inside)}</mrow>"


def _within(e: Expr, least: int) -> str:
    """An expression in brackets where it binds less tightly than its place asks."""
    tight = _BINDING.get(e.op, ATOM)
    negative = e.op == "const" and e.value < 0
    written = mathml(e)
    return _brackets(written) if tight < least or (negative and least > SUM) else written


def _brackets(inside: str) -> str:
    return f"<mrow><mo>(</mo>{inside}<mo>)</mo></mrow>"


def number(value: float) -> str:
    """A number as short as it can be told."""
    return f"{value:g}".replace("-", "−")
