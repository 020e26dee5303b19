"""Runs WebAssembly programs one after the other: ``wasm_runner.py SECONDS PROGRAM…``; a line of JSON for each.

A program of its own, so that whoever starts it needs no WebAssembly runtime.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import threading
from pathlib import Path
from types import ModuleType


def run(wasmtime: ModuleType, engine: ModuleType, program: str, seconds: float) -> dict[str, object]:
    """Run one program; its status is None when it was ended, -1 when it trapped."""
    with tempfile.TemporaryDirectory(prefix="clang-llm-wasm-") as place:
        out = Path(place) / "out"
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        store, wasi = wasmtime.Store(engine), wasmtime.WasiConfig()
        wasi.argv = ["program"]
        wasi.stdout_file = str(out)
        store.set_wasi(wasi)
        store.set_epoch_deadline(1)
        timer = threading.Timer(seconds, engine.increment_epoch)
        timer.start()
        status: int | None = 0
        try:
            linker.instantiate(store, wasmtime.Module.from_file(engine, program)).exports(store)["_start"](store)
        except wasmtime.ExitTrap as ended:
            status = int(ended.code)
        except wasmtime.Trap as trap:
            status = None if "interrupt" in str(trap) else -1
        except wasmtime.WasmtimeError:
            status = -2
        finally:
            timer.cancel()
            del store
        return {"status": status, "output": out.read_bytes().hex() if out.exists() else ""}


def main(argv: list[str]) -> int:
    """Run all."""
    wasmtime = importlib.import_module("wasmtime")
    config = wasmtime.Config()
    config.epoch_interruption = True
    engine = wasmtime.Engine(config)
    for program in argv[1:]:
        sys.stdout.write(json.dumps(run(wasmtime, engine, program, float(argv[0]))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
