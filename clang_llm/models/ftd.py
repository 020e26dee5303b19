"""LLM Compiler's fine-tuned models (FTD), or any model that answers their prompts, from a local directory.

The directory holds what `transformers` reads, with the weights as safetensors: other formats are pickles, which can run
code. Nothing is ever downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clang_llm.models import Task
from clang_llm.models.flag_tuning import NEW_TOKENS, WINDOW, head_of, questions, recipes_of
from clang_llm.models.ir import text_of
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.system.errors import BackendError
from clang_llm.system.log import write_log
from clang_llm.system.settings import Settings, process_environment

if TYPE_CHECKING:
    import torch

#: Weights that only unpickling reads.
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


class FtdModel:
    """A causal language model that is asked for pass lists, greedily: the same module gives the same answer.

    Args:
        directory: See the module's description.
        say: Takes lines for the log; None writes to the log file of the settings.

    Raises:
        BackendError: The directory holds no model that may be loaded.
    """

    def __init__(self, directory: Path, say: Callable[[str], None] | None = None) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        _check(directory)
        self._say = say or _to_the_log
        device = "cuda" if torch.cuda.is_available() else "cpu"
        options, placed = _options(device)
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(
                directory, local_files_only=True, trust_remote_code=False
            )
            network: Any = AutoModelForCausalLM.from_pretrained(
                directory, local_files_only=True, use_safetensors=True, trust_remote_code=False, **options
            )
        except Exception as error:  # transformers and tokenizers raise whatever their files make them raise
            raise BackendError(f"{directory} holds no model that can be loaded: {error}") from error
        self._network = network if placed else network.to(device)
        self._network.eval()
        window = min(WINDOW, getattr(network.config, "max_position_embeddings", WINDOW))
        self._room = window - NEW_TOKENS
        if self._room <= 0:
            raise BackendError(
                f"{directory}: a window of {window} tokens is too short; {NEW_TOKENS} are for the answer"
            )
        self._say(f"model {directory} on {device}, {network.dtype}, {self._room} tokens for a module")

    def propose(self, tasks: Sequence[Task]) -> list[list[Recipe]]:
        """Return for each task the recipes that the answers make; none when the module cannot be read."""
        # One after the other: padding rounds sums otherwise, and an answer must not depend on its neighbours.
        return [self._recipes(task)[: task.budget] for task in tasks]

    def _recipes(self, task: Task) -> list[Recipe]:
        if task.module is None:
            return []
        try:
            text = text_of(task.module.bitcode)
        except BackendError as error:
            self._say(f"no answer for {task.key}: {error}")
            return []
        asked = questions(text, self._fits, task.budget, self._say)
        answers = [(question, self.answer(question.prompt)) for question in asked]
        try:
            like = head_of(read_coreset(task.major).lists)
        except BackendError:
            like = None
        return recipes_of(answers, task.major, like, self._say)

    def _fits(self, prompt: str) -> bool:
        return len(self._tokenizer(prompt)["input_ids"]) <= self._room

    def answer(self, prompt: str) -> str:
        """Return what the model says.

        Args:
            prompt: One that fits the window.
        """
        import torch

        encoded = self._tokenizer(prompt, return_tensors="pt").to(self._network.device)
        ids = encoded["input_ids"]
        with torch.inference_mode():
            tokens = self._network.generate(
                input_ids=ids,
                attention_mask=encoded["attention_mask"],
                max_new_tokens=NEW_TOKENS,
                do_sample=False,
                # A directory may bring defaults for sampling, which greedy decoding would warn about.
                temperature=None,
                top_p=None,
                top_k=None,
                pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id,
            )
        return str(self._tokenizer.decode(tokens[0, ids.shape[1] :], skip_special_tokens=True))


def _check(directory: Path) -> None:
    """See that a directory holds weights that can be read without running code."""
    if not directory.is_dir():
        raise BackendError(f"{directory} is no directory; set CLANG_LLM_MODEL to the directory of a downloaded model")
    if any(directory.glob("*.safetensors")):
        return
    pickles = sorted(path.name for pattern in _PICKLES for path in directory.glob(pattern))
    if pickles:
        raise BackendError(
            f"{directory} holds its weights as {pickles[0]}, which can run code when it is loaded; take the model's "
            "safetensors files, or convert it with transformers' save_pretrained where you trust it"
        )
    raise BackendError(f"{directory} holds no weights (*.safetensors); set CLANG_LLM_MODEL to a model's directory")


def _options(device: str) -> tuple[dict[str, object], bool]:
    """Return how to load, and whether the loading places the weights on the device already."""
    options: dict[str, object] = {"dtype": _dtype(device)}
    placed = device != "cpu" and find_spec("accelerate") is not None
    if placed:
        options["device_map"] = "auto"
    if placed and find_spec("bitsandbytes") is not None:
        from transformers import BitsAndBytesConfig

        options["quantization_config"] = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=_dtype(device))
    return options, placed


def _dtype(device: str) -> torch.dtype:
    """Return the number format of the weights: half the bytes where the device computes with it."""
    import torch

    if device != "cpu":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    # A processor without such instructions emulates bfloat16, many times slower than float32.
    supported = torch.cpu.get_capabilities().get("avx512_bf16", False)
    return torch.bfloat16 if supported else torch.float32


def _to_the_log(line: str) -> None:
    write_log(Settings.load(process_environment()).log, f"ftd: {line}")
