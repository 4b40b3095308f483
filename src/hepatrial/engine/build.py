"""Model specification to machine code, kept in the user's cache folder.

An object is found again by what it was made from: the model's SBML and scales, the lane width, the text of
the generator itself, the versions of llvmlite and LLVM, and the processor. The folder is ``HEPATRIAL_CACHE``
if set, else the platform's; when it cannot be written, everything works, only slower the next time.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

from hepatrial.model.spec import ModelSpec

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


def cache_folder() -> Path:
    """Where compiled models are kept."""
    chosen = os.environ.get("HEPATRIAL_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "hepatrial" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "hepatrial"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hepatrial"


def clear_cache() -> int:
    """Remove all compiled models; how many there were."""
    files = list(cache_folder().glob("*.o"))
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)


def module_of(spec: ModelSpec, width: int, scalar: str = "double") -> str:
    """The whole LLVM IR text of a model's simulator.

    Args:
        spec: the model.
        width: lanes.
        scalar: 'double', or 'float' for the screening mode.
    """
    from hepatrial.engine.ir import Lanes, module_text, with_called
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
    functions.append(Stepper(kernels).write())
    return module_text(with_called(functions, maths))


class Machine:
    """Machine code of one model, ready to call.

    Attributes:
        run: function of (address of the argument block, first patient, one past the last); holds no lock.
    """

    def __init__(self, code: bytes) -> None:
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
        self.run: Callable[[int, int, int], None] = signature(self._engine.get_function_address("simulate"))


def machine_of(spec: ModelSpec, width: int, scalar: str = "double") -> Machine:
    """The model's machine code, from the cache if it is there."""
    file = cache_folder() / f"{_key(spec, width, scalar)}.o"
    code = _read(file)
    if code is None:
        code = compile_text(module_of(spec, width, scalar))
        _write(file, code)
    return Machine(code)


def compile_text(text: str) -> bytes:
    """Object code of an LLVM module."""
    module = llvm.parse_assembly(text)
    module.verify()
    target = _target()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    code: bytes = target.emit_object(module)
    return code


def _target() -> llvm.TargetMachine:
    """A fresh target machine: an execution engine takes possession of the one it is given."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=3, jit=True
    )


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
    machine = (llvmlite.__version__, llvm.llvm_version_info, llvm.get_host_cpu_name(), _features())
    digest.update(repr((spec.hash, spec.scales.tolist(), width, scalar, machine)).encode())
    return digest.hexdigest()


def _read(file: Path) -> bytes | None:
    """The object in the file; None if there is none or it is damaged (linking it would crash the process)."""
    try:
        kept = file.read_bytes()
    except OSError:
        return None
    digest, code = kept[:32], kept[32:]
    return code if hashlib.sha256(code).digest() == digest else None


def _write(file: Path, code: bytes) -> None:
    """Put the file in place in one move, so that another process sees all of it or nothing."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "wb") as out:
            out.write(hashlib.sha256(code).digest() + code)
        os.replace(name, file)
    except OSError:
        return
