"""A model of the smallest shape that the plugin computes: where the fuzzer of a model's files starts."""

from __future__ import annotations

import json
from pathlib import Path

_PROFILES, _RECIPES, _WIDTH = 3, 4, 16
_NAMED = ("<pad>", "<begin>", "<cut>", "<before>", "<after>", "<answer>", "<x86>")
_LETTERS = "abcdilmnoprtv0123; .\n"
#: The files in the order in which the first byte of an input chooses one (tests/fuzz/plugin_fuzz.cpp).
NAMES = ("config.json", "tokenizer.json", "model.safetensors", "profiles.safetensors")


def _tensors(shapes: dict[str, list[int]]) -> bytes:
    """Return a safetensors file of 32-bit floats that are all 1/8."""
    described, end = {}, 0
    for name, shape in shapes.items():
        size = 4
        for dimension in shape:
            size *= dimension
        described[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    header = json.dumps(described).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + b"\x00\x00\x00\x3e" * (end // 4)


def _tokenizer() -> tuple[bytes, int]:
    """Return tokenizer.json and the number of tokens."""
    named = [*_NAMED, *(f"<size {n}>" for n in range(60)), *(f"<profile {n}>" for n in range(_PROFILES))]
    merges = [["a", "d"], ["ad", "d"], ["r", "e"], ["re", "t"]]
    tokens = [*named, *_LETTERS, "e", "s", *("".join(pair) for pair in merges)]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "vocab": vocabulary, "merges": merges}
    split = {"type": "Split", "pattern": {"Regex": "\n"}, "behavior": "MergedWithPrevious", "invert": False}
    return json.dumps({"normalizer": None, "pre_tokenizer": split, "model": model}).encode(), len(vocabulary)


def files() -> dict[str, bytes]:
    """Return the model's files by their names."""
    tokenizer, words = _tokenizer()
    config = {
        "model_type": "llama", "hidden_act": "silu", "vocab_size": words, "hidden_size": _WIDTH, "num_hidden_layers": 1,
        "intermediate_size": _WIDTH, "num_attention_heads": 1, "max_position_embeddings": 16, "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0, "tie_word_embeddings": True,
    }  # fmt: skip
    layer = {f"self_attn.{name}_proj": [_WIDTH, _WIDTH] for name in "qkvo"}
    layer |= {f"mlp.{name}_proj": [_WIDTH, _WIDTH] for name in ("gate", "up", "down")}
    layer |= {f"{name}_layernorm": [_WIDTH] for name in ("input", "post_attention")}
    weights = {"model.embed_tokens.weight": [words, _WIDTH], "model.norm.weight": [_WIDTH]}
    weights |= {f"model.layers.0.{name}.weight": shape for name, shape in layer.items()}
    contents = (json.dumps(config).encode(), tokenizer, _tensors(weights), _tensors({"excess": [_PROFILES, _RECIPES]}))
    return dict(zip(NAMES, contents, strict=True))


def write(cache: Path) -> None:
    """Leave the model where the fuzz target looks for it."""
    directory = cache / "model"
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (directory / name).write_bytes(content)


def seeds() -> list[bytes]:
    """Return an input for each file that leaves the model as it is."""
    return [str(place).encode() + content for place, content in enumerate(files().values())]
