"""Expressions as MathML, which browsers draw without any script.

Products and sums are laid out as a modeller wrote them; quotients become fractions. Names stay whole words.
"""

from __future__ import annotations

from html import escape

from hepatrial.model.expr import Expr

SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly an expression binds, loosest first."""
_BINDING = {"add": SUM, "sub": SUM, "neg": SUM, "mul": PRODUCT, "pow": POWER}
THIN_SPACE = "\u2009"
_COMPARISONS = {"lt": "&lt;", "le": "≤", "gt": "&gt;", "ge": "≥", "eq": "=", "ne": "≠"}
_NAMES = {"ln": "ln", "min": "min", "max": "max"}


def equation(left: str, right: Expr, *, rate: bool = False) -> str:
    """``left = right`` or, with ``rate``, ``d left/dt = right``, as one block of MathML."""
    name = symbol(left)
    if rate:
        above, below = f"<mi>d</mi><mspace width='0.15em'/>{name}", "<mi>d</mi><mi>t</mi>"
        name = f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>"
    body = f"<mrow>{name}<mo>=</mo>{mathml(right)}</mrow>"
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
        return f"<mrow>{_within(e.args[0], SUM)}<mo>{sign}</mo>{right}</mrow>"
    if e.op == "mul":
        return f"<mrow>{_within(e.args[0], PRODUCT)}<mo>·</mo>{_within(e.args[1], PRODUCT)}</mrow>"
    if e.op == "div":
        return f"<mfrac>{mathml(e.args[0])}{mathml(e.args[1])}</mfrac>"
    if e.op == "neg":
        return f"<mrow><mo>−</mo>{_within(e.args[0], PRODUCT)}</mrow>"
    if e.op == "pow":
        return f"<msup>{_within(e.args[0], ATOM)}{mathml(e.args[1])}</msup>"
    return _function(e)


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
