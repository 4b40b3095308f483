"""Functions of the generated code, called on their own."""

import ctypes

import llvmlite.binding as llvm
import numpy as np

from hepatrial.engine import build
from hepatrial.engine.ir import Array, Function, Lanes, module_text, with_called
from hepatrial.engine.maths import library
from hepatrial.engine.special import special_functions


def machine(functions, name):
    """Address of a function of a module, and what keeps it alive."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), build._target())
    engine.add_object_file(llvm.ObjectFileRef.from_data(build.compile_text(module_text(functions))))
    engine.finalize_object()
    return engine.get_function_address(name), engine


def aligned(values):
    """The values at an address that is a multiple of 64, where vectors may be loaded from."""
    room = np.zeros(len(values) + 64, dtype=values.dtype)
    start = (-room.ctypes.data % 64) // room.itemsize
    view = room[start : start + len(values)]
    view[:] = values
    return view


def elementwise(name, width, *columns, scalar="double"):
    """A function of the library over whole arrays, ``width`` numbers at a time."""
    lanes = Lanes(width, scalar)
    dtype = np.float64 if scalar == "double" else np.float32
    pointers = ["out", *"xy"[: len(columns)]]
    f = Function("over", [*(("ptr", p) for p in pointers), ("i64", "n")], external=True)
    out, *given = (Array(f, f.argument(p), lanes.real) for p in pointers)
    with f.count(0, f.argument("n")) as i:
        out[i] = f.call(f"{name}_{lanes.tag}", [x[i] for x in given], lanes.real)
    f.finish()
    kinds = dict.fromkeys((Lanes(width), lanes))
    maths = [g for each in kinds for g in (*library(each), *special_functions(each))]
    address, keep = machine(with_called([f], maths), "over")
    length = len(columns[0])
    padding = -length % width
    memory = [aligned(np.append(c, np.ones(padding)).astype(dtype)) for c in (np.zeros(length), *columns)]
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(memory), ctypes.c_int64)(address)
    call(*(m.ctypes.data for m in memory), (length + padding) // width)
    assert keep is not None
    return memory[0][:length].copy()


def ulps(value, exact):
    """Distance to the exact value in units of the last place."""
    return np.abs((value.astype(np.longdouble) - exact) / np.spacing(np.abs(exact.astype(value.dtype))))
