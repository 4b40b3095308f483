"""A small writer of LLVM IR text, so that generated functions read like the algorithm.

``Function`` collects instructions; ``Value`` is an SSA value with Python's operators; ``Array`` is memory
that is indexed; control flow is written with context managers. No fast-math flag is ever set and fused
multiply-adds are asked for by name, so a result has the same bits on every lane width and processor.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_WHOLE_OF = {"double": "i64", "float": "i32"}
"""The integers of the reals' sizes."""
_BYTES = {"double": 8, "float": 4, "i64": 8, "i32": 4, "ptr": 8}


def float_text(value: float, scalar: str = "double") -> str:
    """LLVM's exact hexadecimal constant: of the double, or of the double that the rounded float equals."""
    if scalar == "float":
        value = _rounded(value)
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def _rounded(value: float) -> float:
    """The nearest float, infinite where it overflows."""
    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


@dataclass(frozen=True)
class Lanes:
    """The types of one lane width and precision: plain scalars when the width is 1.

    Attributes:
        width: lanes.
        scalar: 'double' or 'float'.
    """

    width: int
    scalar: str = "double"

    def of(self, scalar: str) -> str:
        """The vector type of a scalar type."""
        return scalar if self.width == 1 else f"<{self.width} x {scalar}>"

    @property
    def real(self) -> str:
        """Type of the reals."""
        return self.of(self.scalar)

    @property
    def double(self) -> str:
        """Type of doubles in as many lanes."""
        return self.of("double")

    @property
    def tag(self) -> str:
        """What the names of generated functions end in."""
        return f"{self.width}" if self.scalar == "double" else f"f{self.width}"

    @property
    def suffix(self) -> str:
        """Suffix of intrinsics on reals."""
        size = 8 * _BYTES[self.scalar]
        return f"f{size}" if self.width == 1 else f"v{self.width}f{size}"


def scalar_of(type_: str) -> str:
    """The element type of a vector type, or the type itself."""
    return type_[type_.index("x ") + 2 : -1] if type_.startswith("<") else type_


def width_of(type_: str) -> int:
    """The number of elements of a vector type; 1 for a scalar."""
    return int(type_[1 : type_.index(" ")]) if type_.startswith("<") else 1


def lanes_of(type_: str) -> Lanes:
    """Width and precision of a type of reals."""
    return Lanes(width_of(type_), scalar_of(type_))


def constant(type_: str, value: float | int) -> str:
    """The text of a constant, repeated in every element of a vector type."""
    scalar = scalar_of(type_)
    one = float_text(float(value), scalar) if scalar in _WHOLE_OF else str(int(value))
    if not type_.startswith("<"):
        return one
    return f"<{', '.join([f'{scalar} {one}'] * width_of(type_))}>"


class Value:
    """An SSA value of a function."""

    __slots__ = ("f", "text", "type")

    def __init__(self, f: Function, type_: str, text: str) -> None:
        self.f, self.type, self.text = f, type_, text

    @property
    def real(self) -> bool:
        return scalar_of(self.type) in _WHOLE_OF

    def _op(self, real: str, whole: str, other: Value | float, swap: bool = False) -> Value:
        b = self.f.like(self, other)
        left, right = (b, self) if swap else (self, b)
        return self.f.emit(self.type, f"{real if self.real else whole} {self.type} {left.text}, {right.text}")

    def __add__(self, other: Value | float) -> Value:
        return self._op("fadd", "add", other)

    def __sub__(self, other: Value | float) -> Value:
        return self._op("fsub", "sub", other)

    def __rsub__(self, other: Value | float) -> Value:
        return self._op("fsub", "sub", other, swap=True)

    def __mul__(self, other: Value | float) -> Value:
        return self._op("fmul", "mul", other)

    def __truediv__(self, other: Value | float) -> Value:
        return self._op("fdiv", "", other)

    def __rtruediv__(self, other: Value | float) -> Value:
        return self._op("fdiv", "", other, swap=True)

    def __neg__(self) -> Value:
        return self.f.emit(self.type, f"fneg {self.type} {self.text}")

    def __and__(self, other: Value | float) -> Value:
        return self._op("", "and", other)

    def __or__(self, other: Value | float) -> Value:
        return self._op("", "or", other)

    def __invert__(self) -> Value:
        return self._op("", "xor", -1)

    def __lshift__(self, other: int) -> Value:
        return self._op("", "shl", other)

    def __rshift__(self, other: int) -> Value:
        """Logical shift."""
        return self._op("", "lshr", other)

    def _compare(self, real: str, whole: str, other: Value | float) -> Value:
        b = self.f.like(self, other)
        op = f"fcmp {real}" if self.real else f"icmp {whole}"
        return self.f.emit(Lanes(width_of(self.type)).of("i1"), f"{op} {self.type} {self.text}, {b.text}")

    def __lt__(self, other: Value | float) -> Value:
        return self._compare("olt", "slt", other)

    def __le__(self, other: Value | float) -> Value:
        return self._compare("ole", "sle", other)

    def __gt__(self, other: Value | float) -> Value:
        return self._compare("ogt", "sgt", other)

    def __ge__(self, other: Value | float) -> Value:
        return self._compare("oge", "sge", other)

    def equals(self, other: Value | float) -> Value:
        """Elementwise equality (false for NaN)."""
        return self._compare("oeq", "eq", other)

    def differs(self, other: Value | float) -> Value:
        """Elementwise inequality (true for NaN)."""
        return self._compare("une", "ne", other)

    def is_nan(self) -> Value:
        """Elementwise test for NaN."""
        return self._compare("uno", "ne", self)


class Array:
    """Memory holding values of one type, indexed in units of that type."""

    __slots__ = ("f", "pointer", "type")

    def __init__(self, f: Function, pointer: Value, type_: str) -> None:
        self.f, self.pointer, self.type = f, pointer, type_

    def at(self, index: Value | int) -> Value:
        """Pointer to an element."""
        i = self.f.whole(index)
        return self.f.emit(
            "ptr", f"getelementptr inbounds {self.type}, ptr {self.pointer.text}, i64 {i.text}"
        )

    def __getitem__(self, index: Value | int) -> Value:
        align = _BYTES[scalar_of(self.type)] * width_of(self.type)
        return self.f.emit(self.type, f"load {self.type}, ptr {self.at(index).text}, align {align}")

    def __setitem__(self, index: Value | int, value: Value | float) -> None:
        v = self.f.of_type(self.type, value)
        align = _BYTES[scalar_of(self.type)] * width_of(self.type)
        self.f.say(f"store {self.type} {v.text}, ptr {self.at(index).text}, align {align}")

    def scalars(self) -> Array:
        """The same memory, element by element of the vectors."""
        return Array(self.f, self.pointer, scalar_of(self.type))

    def _place(self, index: Value | int, lane: Value | int) -> Value:
        return self.f.whole(index) * width_of(self.type) + self.f.whole(lane)

    def lane(self, index: Value | int, lane: Value | int) -> Value:
        """One lane of an element; of floats, as a double."""
        return self.f.cast(self.scalars()[self._place(index, lane)], "double")

    def set_lane(self, index: Value | int, lane: Value | int, value: Value | float) -> None:
        """Write one lane of an element; a double is rounded where floats are kept."""
        kept = scalar_of(self.type)
        if isinstance(value, Value):
            value = self.f.cast(value, kept)
        self.scalars()[self._place(index, lane)] = value


class Column:
    """One lane of an array of vectors, element by element."""

    __slots__ = ("array", "which")

    def __init__(self, array: Array, which: Value) -> None:
        self.array, self.which = array, which

    def __getitem__(self, index: Value | int) -> Value:
        return self.array.lane(index, self.which)


class Variable:
    """A scalar that may be assigned to."""

    __slots__ = ("array",)

    def __init__(self, f: Function, type_: str, value: Value | float | int) -> None:
        self.array = f.array(type_, 1)
        self.set(value)

    def get(self) -> Value:
        """The value now."""
        return self.array[0]

    def set(self, value: Value | float | int) -> None:
        """Assign."""
        self.array[0] = value


class Loop:
    """A loop's way out and way round."""

    def __init__(self, f: Function, again: str, leave: str) -> None:
        self.f, self.again, self.leave = f, again, leave

    def leave_if(self, condition: Value) -> None:
        """End the loop where the condition holds."""
        self.f.branch(condition, self.leave)

    def next_if(self, condition: Value) -> None:
        """Begin the next round where the condition holds."""
        self.f.branch(condition, self.again)


class Function:
    """One function under construction.

    Args:
        name: without the leading @.
        arguments: (type, name) pairs; pointers are declared not to alias each other.
        result: result type.
        attributes: text after the argument list.
        external: visible outside the module.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[tuple[str, str]],
        result: str = "void",
        attributes: str = "noinline nounwind",
        external: bool = False,
    ) -> None:
        self.name, self.arguments, self.result = name, arguments, result
        self.attributes, self.external = attributes, external
        self.allocations: list[str] = []
        self.lines: list[str] = []
        self.intrinsics: set[str] = set()
        self.called: set[str] = set()
        self._count = 0

    # ---- instructions -------------------------------------------------------------------------------------

    def say(self, line: str) -> None:
        """Add an instruction without a result."""
        self.lines.append(f"  {line}")

    def _name(self, prefix: str = "v") -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def emit(self, type_: str, line: str) -> Value:
        """Add an instruction; its result."""
        name = f"%{self._name()}"
        self.lines.append(f"  {name} = {line}")
        return Value(self, type_, name)

    def argument(self, name: str) -> Value:
        """An argument's value."""
        type_ = next(t for t, n in self.arguments if n == name)
        return Value(self, type_, f"%{name}")

    def memory(self, name: str, type_: str) -> Array:
        """A pointer argument as memory of the type."""
        return Array(self, self.argument(name), type_)

    def constant(self, type_: str, value: float) -> Value:
        """A constant, the same in every lane."""
        return Value(self, type_, constant(type_, value))

    def of_type(self, type_: str, value: Value | float) -> Value:
        """The value itself, or the constant of that type."""
        return value if isinstance(value, Value) else self.constant(type_, value)

    def like(self, model: Value, value: Value | float) -> Value:
        """The value itself, or the constant of the model's type."""
        return self.of_type(model.type, value)

    def whole(self, value: Value | int) -> Value:
        """A 64-bit integer."""
        return self.of_type("i64", value)

    def call(self, name: str, arguments: Sequence[Value], result: str = "void") -> Value:
        """Call a function of this module."""
        self.called.add(name)
        text = f"call {result} @{name}({', '.join(f'{a.type} {a.text}' for a in arguments)})"
        if result == "void":
            self.say(text)
            return Value(self, "void", "")
        return self.emit(result, text)

    def intrinsic(self, name: str, *arguments: Value) -> Value:
        """An elementwise LLVM intrinsic on reals."""
        type_ = arguments[0].type
        full = f"llvm.{name}.{lanes_of(type_).suffix}"
        self.intrinsics.add(f"declare {type_} @{full}({', '.join([type_] * len(arguments))})")
        return self.call(full, arguments, type_)

    def fma(self, a: Value, b: Value | float, c: Value | float) -> Value:
        """a b + c with one rounding."""
        return self.intrinsic("fma", a, self.like(a, b), self.like(a, c))

    def absolute(self, a: Value) -> Value:
        """|a|."""
        return self.intrinsic("fabs", a)

    def select(self, condition: Value, then: Value | float, otherwise: Value | float) -> Value:
        """Elementwise choice."""
        known = then if isinstance(then, Value) else otherwise
        type_ = known.type if isinstance(known, Value) else Lanes(width_of(condition.type)).double
        a, b = self.of_type(type_, then), self.of_type(type_, otherwise)
        text = f"select {condition.type} {condition.text}, {type_} {a.text}, {type_} {b.text}"
        return self.emit(type_, text)

    def larger(self, a: Value, b: Value | float) -> Value:
        """The larger; where b is NaN, NaN."""
        return self.select(a > b, a, b)

    def smaller(self, a: Value, b: Value | float) -> Value:
        """The smaller; where b is NaN, NaN."""
        return self.select(a < b, a, b)

    def cast(self, a: Value, scalar: str) -> Value:
        """The reals in the other precision; what has the precision, or is whole, as it is."""
        if not a.real or scalar_of(a.type) == scalar:
            return a
        type_ = Lanes(width_of(a.type)).of(scalar)
        return self.emit(
            type_, f"{'fpext' if scalar == 'double' else 'fptrunc'} {a.type} {a.text} to {type_}"
        )

    def bits(self, a: Value) -> Value:
        """The reals' bits as integers of their size."""
        type_ = Lanes(width_of(a.type)).of(_WHOLE_OF[scalar_of(a.type)])
        return self.emit(type_, f"bitcast {a.type} {a.text} to {type_}")

    def from_bits(self, a: Value) -> Value:
        """The integers' bits as reals of their size."""
        scalar = "double" if scalar_of(a.type) == "i64" else "float"
        type_ = Lanes(width_of(a.type)).of(scalar)
        return self.emit(type_, f"bitcast {a.type} {a.text} to {type_}")

    # ---- memory -------------------------------------------------------------------------------------------

    def array(self, type_: str, count: int) -> Array:
        """Memory on the stack, aligned to 64 bytes when it holds more than one value."""
        name = f"%{self._name('m')}"
        align = 64 if count > 1 else _BYTES[scalar_of(type_)] * width_of(type_)
        self.allocations.append(f"  {name} = alloca {type_}, i64 {max(count, 1)}, align {align}")
        return Array(self, Value(self, "ptr", name), type_)

    def variable(self, type_: str, value: Value | float | int) -> Variable:
        """A scalar that may be assigned to."""
        return Variable(self, type_, value)

    # ---- control ------------------------------------------------------------------------------------------

    def _label(self, label: str) -> None:
        self.lines.append(f"{label}:")

    def branch(self, condition: Value, target: str) -> None:
        """Go to the label where the condition holds, else go on."""
        on = self._name("b")
        self.say(f"br i1 {condition.text}, label %{target}, label %{on}")
        self._label(on)

    @contextmanager
    def where(self, condition: Value) -> Iterator[None]:
        """A block done only if the condition holds."""
        inside, after = self._name("b"), self._name("b")
        self.say(f"br i1 {condition.text}, label %{inside}, label %{after}")
        self._label(inside)
        yield
        self.say(f"br label %{after}")
        self._label(after)

    @contextmanager
    def forever(self) -> Iterator[Loop]:
        """A loop until it is left."""
        again, leave = self._name("b"), self._name("b")
        self.say(f"br label %{again}")
        self._label(again)
        yield Loop(self, again, leave)
        self.say(f"br label %{again}")
        self._label(leave)

    @contextmanager
    def count(self, start: Value | int, stop: Value | int) -> Iterator[Value]:
        """A loop over the integers from start up to, not including, stop."""
        at = self.variable("i64", self.whole(start))
        head, body, step, leave = (self._name("b") for _ in range(4))
        self.say(f"br label %{head}")
        self._label(head)
        i = at.get()
        go = i < self.whole(stop)
        self.say(f"br i1 {go.text}, label %{body}, label %{leave}")
        self._label(body)
        yield i
        self.say(f"br label %{step}")
        self._label(step)
        at.set(i + 1)
        self.say(f"br label %{head}")
        self._label(leave)

    def finish(self, value: Value | None = None) -> None:
        """Return."""
        self.say("ret void" if value is None else f"ret {value.type} {value.text}")

    def text(self) -> str:
        """The function as IR."""
        kind = "" if self.external else "internal "
        arguments = ", ".join(f"{t}{' noalias' if t == 'ptr' else ''} %{n}" for t, n in self.arguments)
        head = f"define {kind}{self.result} @{self.name}({arguments}) {self.attributes} {{"
        return "\n".join([head, "entry:", *self.allocations, "  br label %start", "start:", *self.lines, "}"])

    def declaration(self) -> str:
        """The function's type, for a module that calls it and does not hold it."""
        arguments = ", ".join(t for t, _ in self.arguments)
        return f"declare {self.result} @{self.name}({arguments}) nounwind"


def with_called(functions: Sequence[Function], library: Sequence[Function]) -> list[Function]:
    """The functions, and before them those of the library that they call, directly or not."""
    known = {f.name: f for f in library}
    needed: set[str] = set()
    stack = list(functions)
    while stack:
        for name in stack.pop().called & known.keys() - needed:
            needed.add(name)
            stack.append(known[name])
    return [*(f for f in library if f.name in needed), *functions]


def module_text(functions: Sequence[Function], elsewhere: Sequence[Function] = ()) -> str:
    """A module with the functions, the intrinsics they use, and declarations of those that are elsewhere."""
    declarations = sorted(set().union(*(f.intrinsics for f in functions)))
    declarations += [f.declaration() for f in elsewhere]
    return "\n".join([*declarations, "", *(f.text() + "\n" for f in functions)])
