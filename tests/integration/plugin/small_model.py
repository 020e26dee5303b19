"""The shipped model as `model_driver.cpp` reads it: what plugin/model/files.cpp finds in its files, in one.

``PYTHONPATH=tests:. python -m integration.plugin.small_model`` renews the golden file, after a model has been trained.
"""

from __future__ import annotations

import json
import platform
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

from clang_llm.backends.model import BUNDLED
from clang_llm.system import process
from clang_llm.toolchain.builder import SOURCES, float_options
from clang_llm.toolchain.compiler import installed_compilers

DRIVER = Path(__file__).with_name("model_driver.cpp")
#: Texts of functions and what the shipped model says of them.
GOLDEN = Path(__file__).resolve().parents[2] / "data" / "small_model.json"
#: Recipes that are asked for, among so many.
COUNT, RECIPES = 8, 32

LAYER = (
    "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "post_attention_layernorm", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
)  # fmt: skip


def tensors_of(path: Path) -> dict[str, bytes]:
    """Return the bytes of each tensor of a safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    header.pop("__metadata__", None)
    return {name: body[slice(*each["data_offsets"])] for name, each in header.items()}


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<I", len(data)) + data


def packed(directory: Path, texts: Sequence[str], columns: Sequence[int], count: int) -> bytes:
    """Return a model with questions.

    Args:
        directory: The model's.
        texts: Of functions, for x86.
        columns: Recipes among which it chooses.
        count: Recipes for each function.
    """
    config = json.loads((directory / "config.json").read_text())
    names = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    shape = [*(config[name] for name in names), config["max_position_embeddings"]]
    parts = [struct.pack("<6I", *shape)]
    parts.append(struct.pack("<2d", config["rms_norm_eps"], config["rope_parameters"]["rope_theta"]))
    weights = tensors_of(directory / "model.safetensors")
    parts.append(weights["model.embed_tokens.weight"])
    for layer in range(config["num_hidden_layers"]):
        parts += [weights[f"model.layers.{layer}.{name}.weight"] for name in LAYER]
    parts.append(weights["model.norm.weight"])
    excess = tensors_of(directory / "profiles.safetensors")["excess"]
    tokenizer = json.loads((directory / "tokenizer.json").read_text())
    profiles = sum(each["content"].startswith("<profile ") for each in tokenizer["added_tokens"])
    parts += [struct.pack("<2I", profiles, len(excess) // 4 // profiles), excess]
    vocabulary, merges = tokenizer["model"]["vocab"], tokenizer["model"]["merges"]
    parts.append(struct.pack("<I", len(vocabulary)))
    parts += [struct.pack("<I", number) + _text(text) for text, number in vocabulary.items()]
    parts.append(struct.pack("<I", len(merges)))
    parts += [_text(first) + _text(second) for first, second in merges]
    parts.append(_text("x86"))
    parts.append(struct.pack(f"<{len(columns) + 1}I", len(columns), *columns))
    parts.append(struct.pack("<2I", count, len(texts)))
    return b"".join([*parts, *map(_text, texts)])


def build(
    compiler: Sequence[str | Path], options: Sequence[str], program: Path, machine: str = platform.machine()
) -> process.Completed:
    """Build the driver with the options of the plugin, and some more."""
    words = ["-std=c++17", "-fno-exceptions", "-fno-rtti", *float_options(machine), f"-I{SOURCES}", *options]
    return process.run([*compiler, *words, DRIVER, "-o", program], timeout_s=600)


def questions(place: Path, texts: Sequence[str], directory: Path = BUNDLED) -> Path:
    """Write the file that the driver reads."""
    path = place / "questions"
    path.write_bytes(packed(directory, texts, range(RECIPES), COUNT))
    return path


def renew() -> None:
    """Write what the driver says on this machine into the golden file."""
    golden = json.loads(GOLDEN.read_text(encoding="ascii"))
    with tempfile.TemporaryDirectory() as name:
        program = Path(name) / "driver"
        built = build([installed_compilers()[-1].path, "--driver-mode=g++"], ["-O2"], program)
        assert built.ok, built.stderr
        golden["answers"] = process.run([program, questions(Path(name), golden["texts"])]).output.splitlines()
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n", encoding="ascii")
    print(f"{len(golden['answers'])} answers, on {platform.machine()}")


if __name__ == "__main__":
    renew()
