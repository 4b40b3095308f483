"""exp, ln and pow for any lane width, written in terms of +, *, fma and bit operations only.

libm and vector libraries differ between platforms and widths; these give the same bits everywhere. Tested
errors: exp below 1.2 units in the last place, ln below 1; a power is exp(y ln x), whose relative error grows
as |y ln x| times one unit in the last place. In single precision exp and ln err by less than 1.5 of its
units. Results of exp too small for a normal number are 0.
"""

from __future__ import annotations

import math

from hepatrial.engine.ir import Function, Lanes, Value, scalar_of

_LOG2_E = 1.4426950408889634
_LN2 = 0.6931471805599453
_LN2_REST = 2.3190468138462996e-17  # ln 2 - _LN2
_MAGIC = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to a whole number, kept in the low bits

# (exp(r) - 1 - r)/r**2 on |r| <= ln(2)/2, from its Taylor series by Chebyshev economisation; error 1e-16.
_EXP = (
    0.5000000000000001,
    0.1666666666666667,
    0.04166666666662413,
    0.008333333333326136,
    0.001388888891721154,
    0.00019841269874817515,
    2.4801521299750923e-05,
    2.75572554044176e-06,
    2.7620086491464514e-07,
    2.5105215165649368e-08,
)

# ln((1+s)/(1-s)) = 2s + s*R(s**2); coefficients of R as published with FreeBSD's e_log.c (K. C. Ng, 1993).
_LOG = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)
_HALF_ROOT_BITS = 0x3FE6A09E667F3BCD  # sqrt(1/2)

_LN2_SINGLE = 0.693145751953125  # the first 16 bits of ln 2, so that whole multiples are exact
_LN2_SINGLE_REST = 1.42860682030941723e-6
_MAGIC_SINGLE = 12582912.0  # 1.5 * 2**23
# (exp(r) - 1 - r)/r**2 on |r| <= ln(2)/2, interpolated at Chebyshev nodes; error of exp 1e-8.
_EXP_SINGLE = (
    0.5000000013624702,
    0.16666576282852105,
    0.041666463356065886,
    0.008363295263999624,
    0.0013933823000311005,
)
_LOG_SINGLE = (2 / 3, 2 / 5, 2 / 7, 2 / 9)  # the series of ln((1+s)/(1-s)) - 2s in s**2, over s
_HALF_ROOT_BITS_SINGLE = 0x3F3504F3


def _horner(f: Function, x: Value, coefficients: tuple[float, ...]) -> Value:
    result = f.constant(x.type, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = f.fma(result, x, c)
    return result


def exp_of(f: Function, x: Value) -> Value:
    """exp(x): 0 below -708 (-87 in single precision), infinity above 709.78 (88.7), NaN for NaN."""
    if scalar_of(x.type) == "float":
        return _exp_single(f, x)
    shifted = f.fma(x, _LOG2_E, _MAGIC)
    n = shifted - _MAGIC
    r = f.fma(n, -_LN2, x)
    r = f.fma(n, -_LN2_REST, r)
    square = r * r
    # Even and odd terms apart: two short chains instead of a long one.
    q = f.fma(_horner(f, square, _EXP[1::2]), r, _horner(f, square, _EXP[0::2]))
    p = f.fma(square, q, r) + 1.0
    # The low bits of ``shifted`` hold n; 2**n itself would overflow for the largest results.
    size = (p + p) * f.from_bits((f.bits(shifted) + 1022) << 52)
    size = f.select(x < -708.0, 0.0, size)
    return f.select(x > 710.0, math.inf, size)


def ln_of(f: Function, x: Value) -> Value:
    """Natural logarithm: -infinity at 0, NaN below 0 and for NaN."""
    if scalar_of(x.type) == "float":
        return _ln_single(f, x)
    tiny = x < 2.2250738585072014e-308
    scaled = f.select(tiny, x * 2.0**54, x)
    shifted = f.bits(scaled) + (0x3FF0000000000000 - _HALF_ROOT_BITS)
    m = f.from_bits((shifted & 0x000FFFFFFFFFFFFF) + _HALF_ROOT_BITS)
    biased = f.from_bits((shifted >> 52) | 0x4330000000000000) - 4503599627370496.0
    k = biased - f.select(tiny, 1023.0 + 54.0, f.constant(x.type, 1023.0))
    d = m - 1.0
    s = d / (d + 2.0)
    z = s * s
    w = z * z
    rest = f.fma(z, _horner(f, w, _LOG[0::2]), w * _horner(f, w, _LOG[1::2]))
    half = d * d * 0.5
    tail = f.fma(k, _LN2_REST, s * (half + rest))
    return _ln_edges(f, x, f.fma(k, _LN2, d - (half - tail)))


def _ln_edges(f: Function, x: Value, value: Value) -> Value:
    """``value`` where x has a finite logarithm."""
    positive = x > 0.0
    edge = f.select(x.equals(0.0), -math.inf, f.constant(x.type, math.nan))
    return f.select(positive & (x < math.inf), value, f.select(positive, x, edge))


def _exp_single(f: Function, x: Value) -> Value:
    shifted = f.fma(x, _LOG2_E, _MAGIC_SINGLE)
    n = shifted - _MAGIC_SINGLE
    r = f.fma(n, -_LN2_SINGLE, x)
    r = f.fma(n, -_LN2_SINGLE_REST, r)
    p = f.fma(r * r, _horner(f, r, _EXP_SINGLE), r) + 1.0
    size = (p + p) * f.from_bits((f.bits(shifted) + 126) << 23)
    size = f.select(x < -87.0, 0.0, size)
    return f.select(x > 89.0, math.inf, size)


def _ln_single(f: Function, x: Value) -> Value:
    tiny = x < 2.0**-126
    scaled = f.select(tiny, x * 2.0**25, x)
    shifted = f.bits(scaled) + (0x3F800000 - _HALF_ROOT_BITS_SINGLE)
    m = f.from_bits((shifted & 0x007FFFFF) + _HALF_ROOT_BITS_SINGLE)
    biased = f.from_bits((shifted >> 23) | 0x4B000000) - 8388608.0
    k = biased - f.select(tiny, 127.0 + 25.0, f.constant(x.type, 127.0))
    d = m - 1.0
    s = d / (d + 2.0)
    z = s * s
    half = d * d * 0.5
    tail = f.fma(k, _LN2_SINGLE_REST, s * f.fma(z, _horner(f, z, _LOG_SINGLE), half))
    return _ln_edges(f, x, f.fma(k, _LN2_SINGLE, d - (half - tail)))


def pow_of(f: Function, x: Value, y: Value) -> Value:
    """x**y: NaN for a negative base with a fractional exponent; 1 for exponent 0."""
    size = exp_of(f, y * ln_of(f, f.absolute(x)))
    size = f.select(y.equals(0.0), 1.0, size)
    whole = f.intrinsic("floor", y).equals(y)
    half = y * 0.5
    even = f.intrinsic("floor", half).equals(half)
    negative = f.select(whole, f.select(even, size, -size), f.constant(x.type, math.nan))
    return f.select(x < 0.0, negative, size)


def library(lanes: Lanes, inlined: bool = True) -> list[Function]:
    """All functions of one lane width and precision, named ``exp_<tag>`` and so on.

    Args:
        lanes: width and precision.
        inlined: exp, ln and pow copied to where they are used (faster code) rather than called (faster
            compilation).
    """
    made = []
    kind = f"{'alwaysinline' if inlined else 'noinline'} nounwind"
    for name, arguments in (("exp", "x"), ("ln", "x"), ("pow", "xy")):
        f = Function(f"{name}_{lanes.tag}", [(lanes.real, a) for a in arguments], lanes.real, kind)
        x = f.argument("x")
        f.finish(
            pow_of(f, x, f.argument("y")) if name == "pow" else (exp_of if name == "exp" else ln_of)(f, x)
        )
        made.append(f)
    return made
