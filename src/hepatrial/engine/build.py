"""Model specification to machine code, kept in the user's cache folder.

An object is found again by what it was made from: the model's SBML and scales, the lane width, the text of
the generator itself, the versions of llvmlite and LLVM, and the processor.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import llvmlite
import llvmlite.binding as llvm

from hepatrial.cache import keep, read_kept
from hepatrial.model.spec import ModelSpec

if TYPE_CHECKING:
    from hepatrial.engine.ir import Function

_GENERATOR = (
    "engine/call.py",
    "engine/ir.py",
    "engine/maths.py",
    "engine/special.py",
    "engine/linear.py",
    "engine/jacobian.py",
    "engine/lower.py",
    "engine/kernels.py",
    "engine/pivoting.py",
    "engine/stepper.py",
    "engine/tableau.py",
    "engine/build.py",
    "model/expr.py",
    "model/sbml.py",
    "model/spec.py",
)


_PASSES = (
    *("always_inliner", "sroa", "simplify_cfg", "instruction_combine", "simplify_cfg"),
    *("loop_simplify", "loop_rotate", "loop_unroll", "instruction_combine"),
    *("dead_code_elimination", "global_dead_code_eliminate"),
)
"""What the generated code gains from; LLVM's own list takes three times as long and ends no faster."""
_COLD = ("pivoted_step", "dense_factor", "dense_solve", "event_", "action_")
"""Names (or their beginnings) of functions that run too seldom to be worth optimising."""

_LENGTH = 8
"""Bytes in which a kept object says how long its first part is."""
_STATES_FOR_EIGHT = 40
_LARGE = 200_000
"""Characters of a module from which compiling it takes longer than starting a process."""


def module_of(spec: ModelSpec, width: int, scalar: str = "double") -> str:
    """The whole LLVM IR text of a model's simulator.

    Args:
        spec: the model.
        width: lanes.
        scalar: 'double', or 'float' for the screening mode.
    """
    from hepatrial.engine.ir import module_text, with_called

    step, kernels, maths = _functions(spec, width, scalar)
    return module_text(with_called([*kernels, step], maths))


def _modules_of(spec: ModelSpec, width: int, scalar: str) -> tuple[str, str]:
    """The same in two modules of about the same size: the step, and the functions that it calls."""
    from hepatrial.engine.ir import module_text, with_called

    step, kernels, maths = _functions(spec, width, scalar)
    shared = [f for f in kernels if f.name in step.called]
    for f in shared:
        f.external = True
    return (
        module_text(with_called([step], maths), shared),
        module_text(with_called(kernels, maths)),
    )


def _functions(spec: ModelSpec, width: int, scalar: str) -> tuple[Function, list[Function], list[Function]]:
    """The step, the functions of the model, and the library of which they use a part."""
    from hepatrial.engine.ir import Lanes
    from hepatrial.engine.kernels import write_kernels
    from hepatrial.engine.maths import library
    from hepatrial.engine.pivoting import LARGEST, write_dense_factor, write_dense_solve, write_pivoted_step
    from hepatrial.engine.special import special_functions
    from hepatrial.engine.stepper import Stepper, write_crossing

    lanes = Lanes(width, scalar)
    kernels = write_kernels(spec, lanes)
    maths = [
        f
        for each in dict.fromkeys((Lanes(1), Lanes(width), lanes))
        for f in (*library(each, inlined=each == lanes), *special_functions(each))
    ]
    functions = [*kernels.functions, write_crossing()]
    if kernels.n <= LARGEST:
        functions += [write_dense_factor(), write_dense_solve(), write_pivoted_step(kernels)]
    for f in functions:
        if f.name.startswith(_COLD):
            f.attributes = f"{f.attributes} optnone"
    return Stepper(kernels).write(), functions, maths


class Machine:
    """Machine code of one model, ready to call.

    Args:
        objects: object code of its modules.

    Attributes:
        run: function of (address of the argument block, first patient, one past the last); holds no lock.
    """

    def __init__(self, *objects: bytes) -> None:
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target())
        for code in objects:
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
        self.run: Callable[[int, int, int], None] = signature(self._engine.get_function_address("simulate"))


def machine_of(spec: ModelSpec, width: int, scalar: str = "double") -> Machine:
    """The model's machine code, from the cache if it is there."""
    name = f"{_key(spec, width, scalar)}.o"
    kept = read_kept(name)
    if kept is not None:
        length = int.from_bytes(kept[:_LENGTH])
        return Machine(kept[_LENGTH : _LENGTH + length], kept[_LENGTH + length :])
    first, second = _compile_both(*_modules_of(spec, width, scalar))
    keep(name, len(first).to_bytes(_LENGTH) + first + second)
    return Machine(first, second)


def _compile_both(first: str, second: str) -> tuple[bytes, bytes]:
    """Object code of two modules; large ones side by side (llvmlite lets in one thread at a time)."""
    if min(len(first), len(second)) < _LARGE or (os.cpu_count() or 1) == 1:
        return compile_text(first), compile_text(second)
    import subprocess

    from hepatrial.model.children import child_command, child_environment

    try:
        other = subprocess.Popen(
            child_command("hepatrial.engine.build"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
        )
    except OSError:  # no more processes; a limit of memory
        return compile_text(first), compile_text(second)
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(other.communicate, second.encode())
        mine = compile_text(first)
        theirs, _ = told.result()
    return mine, theirs if other.returncode == 0 and theirs else compile_text(second)


def child() -> None:
    """The other process of a compilation: a module's text on stdin, its object code on stdout."""
    sys.stdout.buffer.write(compile_text(sys.stdin.buffer.read().decode()))
    sys.stdout.buffer.flush()


def compile_text(text: str) -> bytes:
    """Object code of an LLVM module."""
    module = llvm.parse_assembly(text)
    module.verify()
    target = _target()
    passes = llvm.create_new_module_pass_manager()
    for name in _PASSES:
        getattr(passes, f"add_{name}_pass")()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    passes.run(module, llvm.create_pass_builder(target, options))
    code: bytes = target.emit_object(module)
    return code


def _target() -> llvm.TargetMachine:
    """A fresh target machine: an execution engine takes possession of the one it is given."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=2, jit=True
    )


def usual_lanes(n_states: int) -> int:
    """Patients abreast that are fastest here; results do not depend on it.

    Eight where the processor computes with eight doubles at once and what a step works on (some 12 vectors a
    state, and the matrix) about fits its nearest cache; else four.
    """
    wide = llvm.get_host_cpu_features().get("avx512f", False)
    return 8 if wide and n_states <= _STATES_FOR_EIGHT else 4


def translator() -> tuple[object, ...]:
    """What decides the machine code of a module besides its text: LLVM and the processor."""
    return llvmlite.__version__, llvm.llvm_version_info, llvm.get_host_cpu_name(), _features()


def _features() -> str:
    features: str = llvm.get_host_cpu_features().flatten()
    return features


@cache
def _generator_digest() -> bytes:
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for name in _GENERATOR:
        digest.update((package / name).read_bytes())
    return digest.digest()


def _key(spec: ModelSpec, width: int, scalar: str) -> str:
    digest = hashlib.sha256(_generator_digest())
    digest.update(
        repr((spec.hash, spec.scales.tolist(), spec.nonnegative, width, scalar, translator())).encode()
    )
    return digest.hexdigest()
