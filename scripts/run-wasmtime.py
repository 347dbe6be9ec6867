"""Runs a wasm32-wasip1 command under Wasmtime with this process's arguments, streams and exit code.

    PYTHONPATH=bin/python python3 scripts/run-wasmtime.py MODULE [ARGUMENT ...]

The Python package of Wasmtime is the engine itself, and the only form of it that a package registry has. Files are seen
below the working directory. Compiled modules are kept in the user's cache, as by the command of the same name.
"""

import sys

from wasmtime import Config, Engine, ExitTrap, Linker, Module, Store, WasiConfig

config = Config()
config.cache = True
engine = Engine(config)
store = Store(engine)
wasi = WasiConfig()
wasi.argv = ["unroot", *sys.argv[2:]]
wasi.inherit_stdin()
wasi.inherit_stdout()
wasi.inherit_stderr()
wasi.preopen_dir(".", ".")
store.set_wasi(wasi)

linker = Linker(engine)
linker.define_wasi()
instance = linker.instantiate(store, Module.from_file(engine, sys.argv[1]))
try:
    instance.exports(store)["_start"](store)
except ExitTrap as end:
    sys.exit(end.code)
