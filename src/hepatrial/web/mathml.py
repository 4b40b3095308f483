"""Expressions of the model as MathML, which browsers set without a script."""

from __future__ import annotations

from markupsafe import Markup, escape

from hepatrial.model.expr import Expr

_STRENGTH = {"or": 1, "and": 2, "add": 5, "sub": 5, "neg": 5, "mul": 6, "pow": 8}
_SIGN = {
    "add": "+",
    "sub": "−",
    "mul": "·",
    "and": "∧",
    "or": "∨",
    "lt": "<",
    "le": "≤",
    "gt": ">",
    "ge": "≥",
    "eq": "=",
    "ne": "≠",
}


def equation(left: str, expression: Expr, *, rate: bool = False) -> Markup:
    """``left = expression`` as a MathML element; with ``rate`` the left side is its derivative in time."""
    name = symbol(left)
    side = (
        Markup("<mfrac><mrow><mi>d</mi>{}</mrow><mrow><mi>d</mi><mi>t</mi></mrow></mfrac>").format(name)
        if rate
        else name
    )
    body = Markup("<mrow>{}<mo>=</mo>{}</mrow>").format(side, _set(expression, 0))
    return Markup('<math display="block">{}</math>').format(body)


def symbol(name: str) -> Markup:
    """A name of the model, its underscores as spaces."""
    return Markup('<mi mathvariant="normal">{}</mi>').format(name.replace("_", "\u2009"))


def _set(node: Expr, outside: int) -> Markup:
    mine = _STRENGTH.get(node.op, 4 if node.op in _SIGN else 10)
    made = _node(node, mine)
    return _bracketed(made) if mine < outside else made


def _bracketed(inside: Markup) -> Markup:
    return Markup('<mrow><mo stretchy="true">(</mo>{}<mo stretchy="true">)</mo></mrow>').format(inside)


def _node(node: Expr, mine: int) -> Markup:
    if node.op == "const":
        return Markup("<mn>{}</mn>").format(f"{node.value:g}".replace("-", "−"))
    if node.op == "sym":
        return symbol(node.name)
    args = node.args
    if node.op == "div":
        return Markup("<mfrac>{}{}</mfrac>").format(_row(_set(args[0], 0)), _row(_set(args[1], 0)))
    if node.op == "pow":
        return Markup("<msup>{}{}</msup>").format(_row(_set(args[0], 9)), _row(_set(args[1], 0)))
    if node.op == "neg":
        return Markup("<mrow><mo>−</mo>{}</mrow>").format(_set(args[0], 6))
    if node.op == "sqrt":
        return Markup("<msqrt>{}</msqrt>").format(_set(args[0], 0))
    if node.op == "ite":
        return _cases(node)
    if node.op in _SIGN:
        parts = [_set(one, mine + (place > 0 and node.op == "sub")) for place, one in enumerate(args)]
        return Markup("<mrow>{}</mrow>").format(Markup(f"<mo>{escape(_SIGN[node.op])}</mo>").join(parts))
    inside = Markup("<mo>,</mo>").join(_set(one, 0) for one in args)
    return Markup("<mrow><mi>{}</mi>{}</mrow>").format(node.op, _bracketed(inside))


def _row(inside: Markup) -> Markup:
    return Markup("<mrow>{}</mrow>").format(inside)


def _cases(node: Expr) -> Markup:
    condition, then, otherwise = (_set(one, 0) for one in node.args)
    rows = Markup(
        "<mtr><mtd>{}</mtd><mtd>{}</mtd></mtr><mtr><mtd>{}</mtd><mtd><mtext>else</mtext></mtd></mtr>"
    ).format(then, condition, otherwise)
    return Markup('<mrow><mo stretchy="true">{{</mo><mtable>{}</mtable></mrow>').format(rows)
