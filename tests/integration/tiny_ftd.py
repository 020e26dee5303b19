"""A tiny language model that learned by heart a few answers in the manner of LLM Compiler, for tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm.compile.evaluator import Evaluator
from clang_llm.models.ir import function_modules, normalised, text_of
from clang_llm.models.prompt import flag_tuning
from clang_llm.plans.types import Module
from clang_llm.system.locks import locked
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin

#: Tokens of its window, of which an answer may take 800.
WINDOW = 1400
VOCABULARY = 1500
#: Steps of training in which it has to learn; it takes about sixty.
STEPS = 600
#: Cross-entropy of a token, in nats, at which every answer is known by heart.
LEARNED = 0.02


#: A module that fits the window.
SHORT = """
static int square(int x) { return x * x; }
int sum(const int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += square(a[i]); return s; }
"""
#: What the model says of it: a list that nothing vouches for.
OWN = "opt -p 'module(function<eager-inv>(sroa,early-cse<memssa>,made-up,simplifycfg),cgscc(inline),globaldce)'"
#: A module that does not fit, with one function that does not either.
LONG = "\n".join(
    [
        "int giant(int *p) { int r = 0;",
        *(f"r += p[{n}] * {n * 37 % 91} - (p[{n + 3}] ^ {n * n + 1});" for n in range(40)),
        "return r; }",
        *(f"int part{n}(int *p) {{ p[{n}] += {n}; return p[{n + 1}] * {n + 5} + p[{n + 2}]; }}" for n in range(3)),
    ]
)
#: What it says of its functions.
PARTS = {
    "part0": "Use opt -p 'function(sroa,instcombine)'",
    "part1": "Use opt -p 'cgscc(inline,function(mem2reg,early-cse<>)),globaldce'",
    "part2": "opt -p 'module(default<Oz>)' is best",
}


@dataclass(frozen=True)
class Taught:
    """The model, and the modules that it knows.

    Attributes:
        compiler: The clang that the modules are of.
        directory: Of the model.
        modules: The modules by the name of their source, as the plugin hands them out.
        lessons: Prompts with answers.
    """

    compiler: Compiler
    directory: Path
    modules: dict[str, Module]
    lessons: dict[str, str]

    @classmethod
    def make(cls, compiler: Compiler, builds: Path) -> Taught:
        """Compile the modules and train."""
        root = builds / "tiny-ftd"
        root.mkdir(parents=True, exist_ok=True)
        modules = {}
        for name, source in (("short", SHORT), ("long", LONG)):
            path = root / f"{name}.{os.getpid()}.c"
            path.write_text(source, encoding="utf-8")
            argv = [str(compiler.path), "-Oz", "-c", str(path), "-o", "/dev/null"]
            with Evaluator(argv, build_plugin(compiler, builds).stub, root, {"PATH": os.environ["PATH"]}) as evaluator:
                assert evaluator.request.reader is not None
                modules[name] = evaluator.request.reader.module()
        lessons = {flag_tuning(text_of(modules["short"].bitcode)): OWN}
        for name, text in function_modules(text_of(modules["long"].bitcode)):
            if name in PARTS:
                lessons[flag_tuning(normalised(text) or "")] = PARTS[name]
        return cls(compiler, teach(root / "model", list(lessons.items())), modules, lessons)


def teach(directory: Path, lessons: Sequence[tuple[str, str]]) -> Path:
    """Train a model until greedy decoding gives each answer to its prompt, and leave it in a directory.

    Args:
        directory: Where; when the model is there already (another worker was faster) it is taken as it is.
        lessons: Prompts with answers.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory / "lock", 300) as held:
        assert held
        if not (directory / "model.safetensors").exists():
            _train(directory, lessons)
    return directory


def _train(directory: Path, lessons: Sequence[tuple[str, str]]) -> None:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    texts = [prompt + answer for prompt, answer in lessons]
    # Bytes, as in Llama's: any text has tokens, and comes back as it was. Tokens are as long as lines of the lessons:
    # short prompts are learned in seconds.
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    torch.manual_seed(7)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads of a busy machine wait for each other longer than one takes
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=WINDOW,
        bos_token_id=0,
        eos_token_id=1,
    )
    network = LlamaForCausalLM(config)
    asked = [fast(prompt)["input_ids"] for prompt, _ in lessons]
    said = [[*fast(answer, add_special_tokens=False)["input_ids"], 1] for _, answer in lessons]
    longest = max(len(some) + len(more) for some, more in zip(asked, said, strict=True))
    ids = torch.ones((len(lessons), longest), dtype=torch.long)
    wanted = torch.full((len(lessons), longest), -100)
    for row, (some, more) in enumerate(zip(asked, said, strict=True)):
        ids[row, : len(some) + len(more)] = torch.tensor(some + more)
        wanted[row, len(some) - 1 : len(some) + len(more) - 1] = torch.tensor(more)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    loss = torch.inf
    for _ in range(STEPS):
        logits = network(ids).logits
        entropy = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        entropy.backward()
        optimiser.step()
        optimiser.zero_grad()
        loss = entropy.item()
        if loss < LEARNED:
            break
    assert loss < LEARNED, "the tiny model did not learn its lessons"
    torch.set_num_threads(threads)
    fast.save_pretrained(directory)
    network.save_pretrained(directory)
