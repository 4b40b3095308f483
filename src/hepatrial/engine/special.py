"""Trigonometric and hyperbolic functions, their inverses and the factorial, for any lane width.

Like exp and ln they are written in +, *, /, sqrt, fma and bit operations, so that their bits are the same on
every processor. All are computed in double precision (single precision widens and rounds), from Taylor series
on ranges where these need few terms. Tested errors in units of the last place: sin, cos and factorial below
1; atan below 2; tan, asin, acos, sinh, cosh, asinh, acosh and atanh below 3. sin, cos and tan are NaN
beyond |x| = 2**40, where the argument hardly says where on the circle it stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from hepatrial.engine.ir import Function, Lanes, Value, constant, lanes_of, width_of
from hepatrial.model.expr import LIBRARY

_MAGIC = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to a whole number, kept in the low bits
_LARGEST_ANGLE = 2.0**40
_HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
"""pi/2 in three parts, each the rounded rest of those before."""
_LN2 = 0.6931471805599453
_SIGN = -(2**63)
_LARGE = 2.0**28
"""From here on x**2 + 1 is x**2 to the last bit."""
_SIN = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(1, 9))
_COS = tuple((-1.0) ** k / math.factorial(2 * k) for k in range(2, 10))
_SINH = tuple(1.0 / math.factorial(2 * k + 1) for k in range(1, 10))
_ATAN = tuple((-1.0) ** k / (2 * k + 1) for k in range(1, 23))
_EIGHTH, _THREE_EIGHTHS = math.sqrt(2) - 1, math.sqrt(2) + 1  # tangents of pi/8 and 3 pi/8
_MOST_FACTORIAL = 170
_TABLE = "@factorials"


def _series(f: Function, z: Value, coefficients: Sequence[float]) -> Value:
    result = f.constant(z.type, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = f.fma(result, z, c)
    return result


def _with_sign(f: Function, size: Value, of: Value) -> Value:
    """``size`` (not negative) with the sign of another number."""
    return f.from_bits(f.bits(size) | (f.bits(of) & _SIGN))


def _ln(f: Function, x: Value) -> Value:
    return f.call(f"ln_{lanes_of(x.type).tag}", [x], x.type)


def _exp(f: Function, x: Value) -> Value:
    return f.call(f"exp_{lanes_of(x.type).tag}", [x], x.type)


def _ln_one_plus(f: Function, u: Value) -> Value:
    """ln(1 + u) for u >= 0, with the rounding of the sum made good."""
    w = u + 1.0
    lost = (u - (w - 1.0)) / w
    return _ln(f, w) + f.select(w < math.inf, lost, 0.0)


# ---- trigonometry -----------------------------------------------------------------------------------------


def _reduced(f: Function, x: Value) -> tuple[Value, Value, Value]:
    """The angle from the nearest multiple of pi/2 (as a sum of two), and the bits of which multiple.

    The first subtraction is exact: both terms are multiples of 2**-53 and the difference is below 1. What the
    second rounds away is kept (Knuth's sum), for near a zero of the sine hardly anything else is left.
    """
    x = f.select(f.absolute(x) <= _LARGEST_ANGLE, x, math.nan)
    shifted = f.fma(x, 2 / math.pi, _MAGIC)
    n = shifted - _MAGIC
    first = f.fma(n, -_HALF_PI[0], x)
    second = n * -_HALF_PI[1]
    second_rest = f.fma(n, -_HALF_PI[1], -second)
    high = first + second
    back = high - first
    lost = (first - (high - back)) + (second - back)
    low = f.fma(n, -_HALF_PI[2], second_rest) + lost
    return high, low, f.bits(shifted)


def _sin_near(f: Function, r: Value, rest: Value) -> Value:
    z = r * r
    series = _series(f, z, _SIN)
    return r + f.fma(r * z, series, rest * f.fma(z, -0.5, 1.0))


def _cos_near(f: Function, r: Value, rest: Value) -> Value:
    z = r * r
    half = z * 0.5
    most = f.constant(z.type, 1.0) - half
    lost = (f.constant(z.type, 1.0) - most) - half
    return most + f.fma(z * z, _series(f, z, _COS), f.fma(r, -rest, lost))


def _turned(f: Function, x: Value, quarter: int) -> Value:
    """sin(x + quarter pi/2)."""
    r, rest, bits = _reduced(f, x)
    turns = bits + quarter
    odd = (turns & 1).equals(1)
    size = f.select(odd, _cos_near(f, r, rest), _sin_near(f, r, rest))
    return f.select((turns & 2).equals(2), -size, size)


def _sin(f: Function, x: Value) -> Value:
    # The reduction would turn -0 into 0.
    return f.select(x.equals(0.0), x, _turned(f, x, 0))


def _cos(f: Function, x: Value) -> Value:
    return _turned(f, x, 1)


def _tan(f: Function, x: Value) -> Value:
    r, rest, bits = _reduced(f, x)
    sine, cosine = _sin_near(f, r, rest), _cos_near(f, r, rest)
    odd = (bits & 1).equals(1)
    quotient = f.select(odd, -cosine, sine) / f.select(odd, sine, cosine)
    return f.select(x.equals(0.0), x, quotient)


def _atan(f: Function, x: Value) -> Value:
    size = f.absolute(x)
    far, middle = size > _THREE_EIGHTHS, size > _EIGHTH
    above = f.select(far, -1.0, f.select(middle, size - 1.0, size))
    below = f.select(far, size, f.select(middle, size + 1.0, f.constant(x.type, 1.0)))
    t = above / below
    z = t * t
    small = f.fma(t * z, _series(f, z, _ATAN), t)
    half, rest = f.constant(x.type, _HALF_PI[0]), f.constant(x.type, _HALF_PI[1])
    base = f.select(far, half, f.select(middle, half * 0.5, 0.0))
    low = f.select(far, rest, f.select(middle, rest * 0.5, 0.0))
    return _with_sign(f, base + (small + low), x)


def _asin(f: Function, x: Value) -> Value:
    one = f.constant(x.type, 1.0)
    value = _call_atan(f, x / f.intrinsic("sqrt", (one - x) * (one + x)))
    return f.select(f.absolute(x) <= 1.0, value, math.nan)


def _acos(f: Function, x: Value) -> Value:
    one = f.constant(x.type, 1.0)
    value = _call_atan(f, f.intrinsic("sqrt", (one - x) / (one + x))) * 2.0
    return f.select(f.absolute(x) <= 1.0, value, math.nan)


def _call_atan(f: Function, x: Value) -> Value:
    return f.call(f"atan_{lanes_of(x.type).tag}", [x], x.type)


# ---- hyperbolic functions ---------------------------------------------------------------------------------


def _sinh(f: Function, x: Value) -> Value:
    size = f.absolute(x)
    z = size * size
    near = f.fma(size * z, _series(f, z, _SINH), size)
    # size - 1 is exact, and exp of it does not overflow before sinh does.
    e = _exp(f, size - 1.0)
    far = f.fma(e, math.e / 2, f.constant(x.type, -0.5 / math.e) / e)
    return _with_sign(f, f.select(size < 1.0, near, far), x)


def _cosh(f: Function, x: Value) -> Value:
    e = _exp(f, f.absolute(x) - 1.0)
    return f.fma(e, math.e / 2, f.constant(x.type, 0.5 / math.e) / e)


def _asinh(f: Function, x: Value) -> Value:
    size = f.absolute(x)
    square = size * size
    u = size + square / (f.intrinsic("sqrt", square + 1.0) + 1.0)
    return _with_sign(f, f.select(size < _LARGE, _ln_one_plus(f, u), _ln_doubled(f, size)), x)


def _acosh(f: Function, x: Value) -> Value:
    t = x - 1.0
    near = _ln_one_plus(f, t + f.intrinsic("sqrt", f.fma(t, t, t * 2.0)))
    value = f.select(x < _LARGE, near, _ln_doubled(f, x))
    return f.select(x >= 1.0, value, math.nan)


def _ln_doubled(f: Function, x: Value) -> Value:
    """ln(2 x) where 2 x may overflow."""
    return _ln(f, x) + _LN2


def _atanh(f: Function, x: Value) -> Value:
    size = f.absolute(x)
    u = (size + size) / (f.constant(x.type, 1.0) - size)
    value = _with_sign(f, _ln_one_plus(f, u) * 0.5, x)
    return f.select(size <= 1.0, value, math.nan)


# ---- factorial --------------------------------------------------------------------------------------------


def _factorial(f: Function, x: Value) -> Value:
    """x! of whole numbers from 0, from a table; infinite above 170, NaN elsewhere."""
    f.intrinsics.add(_factorial_table())
    whole = (x >= 0.0) & f.intrinsic("floor", x).equals(x)
    inside = whole & (x <= float(_MOST_FACTORIAL))
    index = f.bits(f.select(inside, x, 0.0) + _MAGIC) & 0xFF
    value = _looked_up(f, index)
    outside = f.select(whole & (x < math.inf), math.inf, f.constant(x.type, math.nan))
    return f.select(inside, value, outside)


def _factorial_table() -> str:
    entries = ", ".join(
        f"double {constant('double', float(math.factorial(i)))}" for i in range(_MOST_FACTORIAL + 1)
    )
    return f"{_TABLE} = internal constant [{_MOST_FACTORIAL + 1} x double] [{entries}]"


def _looked_up(f: Function, index: Value) -> Value:
    """The entry of the table in each lane."""
    width = width_of(index.type)
    found = None
    for lane in range(width):
        one = index
        if width > 1:
            one = f.emit("i64", f"extractelement {index.type} {index.text}, i64 {lane}")
        place = f.emit("ptr", f"getelementptr inbounds double, ptr {_TABLE}, i64 {one.text}")
        entry = f.emit("double", f"load double, ptr {place.text}, align 8")
        if width == 1:
            return entry
        real = Lanes(width).real
        before = "poison" if found is None else found.text
        found = f.emit(real, f"insertelement {real} {before}, double {entry.text}, i64 {lane}")
    assert found is not None
    return found


_WRITERS: dict[str, Callable[[Function, Value], Value]] = {
    "sin": _sin,
    "cos": _cos,
    "tan": _tan,
    "asin": _asin,
    "acos": _acos,
    "atan": _atan,
    "sinh": _sinh,
    "cosh": _cosh,
    "asinh": _asinh,
    "acosh": _acosh,
    "atanh": _atanh,
    "factorial": _factorial,
}
assert set(_WRITERS) == set(LIBRARY)


def special_functions(lanes: Lanes) -> list[Function]:
    """The functions of ``LIBRARY`` as ``sin_<tag>`` and so on; they call exp and ln in double precision.

    Functions in single precision call those in double, which the module must have too.
    """
    made = []
    for name, write in _WRITERS.items():
        f = Function(f"{name}_{lanes.tag}", [(lanes.real, "x")], lanes.real)
        x = f.argument("x")
        if lanes.scalar == "double":
            f.finish(write(f, x))
        else:
            double = Lanes(lanes.width)
            wide = f.call(f"{name}_{double.tag}", [f.cast(x, "double")], double.real)
            f.finish(f.cast(wide, "float"))
        made.append(f)
    return made
