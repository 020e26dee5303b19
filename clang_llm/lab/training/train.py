"""Trains the bundled model: which recipes of the menu should be tried on a function, best first.

``python -m clang_llm.lab.training.train``. A standard causal language model reads a function's tokens and answers with
its sizes and the token of a profile (`clang_llm.lab.training.answers`): not which recipe is best, which is often a
matter of chance, but how the function reacts to all of them. From the distribution over profiles follows the set of
recipes with the smallest bytes expected.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clang_llm.lab.packages.split import Split
from clang_llm.lab.packages.workplace import run_command, say
from clang_llm.lab.training.answers import read_profiles, write_profiles
from clang_llm.lab.training.card import NAMES, card
from clang_llm.lab.training.dataset import DEFAULT_WORK as DEFAULT_DATA
from clang_llm.lab.training.dataset import load
from clang_llm.lab.training.examples import Example, batches, examples_of, forgetful
from clang_llm.lab.training.loss import loss_of_profiles, loss_of_sizes
from clang_llm.lab.training.network import Answers, load_model
from clang_llm.lab.training.prediction import said_freely, savings
from clang_llm.lab.training.profiles import NEAR, fixed_order, make_profiles, with_profiles
from clang_llm.lab.training.tokenizer import BEGIN, CUT, FRONT, PAD, token_id, train_tokenizer
from clang_llm.models.small import known_of
from clang_llm.plans.coreset import family_of, majors_in, read_menu, write_coreset
from clang_llm.system.errors import DataError
from clang_llm.system.settings import process_environment

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor
    from transformers import LlamaForCausalLM

DEFAULT_WORK = Path("build") / "model"
#: Recipes tried on each function for which results are told: what efforts leave beside the mix.
COUNTS = (1, 2, 3, 7, 15, 31)
#: Tokens of a batch, padding included: what two cores chew in about a second.
BATCH_TOKENS = 8192


def make_model(tokenizer: Tokenizer, width: int, layers: int, longest: int) -> LlamaForCausalLM:
    """Return a model with random weights: a small Llama, as `AutoModelForCausalLM` loads it."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 32,
        max_position_embeddings=longest,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.token_to_id(BEGIN),
        pad_token_id=tokenizer.token_to_id(PAD),
        eos_token_id=tokenizer.token_to_id(PAD),
    )
    return LlamaForCausalLM(config)


@dataclass(frozen=True)
class Options:
    """How to train.

    Attributes:
        data: Directory of the data set, with `train` and `validation`.
        menu: Directory of the menu's coreset files.
        major: Major version of the LLVM with which the data was measured.
        work: Where the model goes.
        start: Directory of a model to go on from, whose tokenizer and shape are kept; None for a new one.
        width: Hidden size of a new model.
        layers: Layers of a new model.
        longest: Tokens of a function, in a new model.
        rate: Learning rate at its peak.
        batch_tokens: Tokens of a batch, padding included.
        forget: Share of tokens that are left out.
        size_weight: Of the sizes in the loss.
        decay: Weight decay.
        vocabulary: Tokens of a new tokenizer, those of profiles not counted.
        profiles: How many kinds of functions a new model tells apart.
        near: Profiles among which each function is shared out.
        modules: Train on so many modules only, for learning curves; None for all.
    """

    data: Path
    menu: Path
    work: Path
    start: Path | None = None
    epochs: int = 8
    width: int = 128
    layers: int = 4
    longest: int = 512
    rate: float = 1e-3
    batch_tokens: int = BATCH_TOKENS
    forget: float = 0.15
    size_weight: float = 0.1
    decay: float = 0.1
    vocabulary: int = 2048
    profiles: int = 512
    near: int = NEAR
    modules: int | None = None
    seed: int = 1
    major: int = 19


class Trainer:
    """One training run; the model is written after each epoch that is the best so far."""

    def __init__(self, arguments: Options) -> None:
        import torch

        torch.manual_seed(arguments.seed)
        self.arguments = arguments
        self.train = load(arguments.data / Split.TRAIN.value)
        self.validation = load(arguments.data / Split.VALIDATION.value)
        self.menu = read_menu(arguments.major, arguments.menu).lists
        if any(len(module.functions) != len(self.menu) for module in (*self.train, *self.validation)):
            raise DataError(f"{arguments.data} was measured with another menu; begin a new directory with --work")
        if arguments.modules is not None:
            # For learning curves: a part of the data, the same for the same seed.
            self.train = random.Random(arguments.seed).sample(self.train, min(arguments.modules, len(self.train)))
        if arguments.start is None:
            texts = [text for module in self.train for text in module.texts]
            kinds = min(arguments.profiles, len(texts))
            self.tokenizer = train_tokenizer(dict.fromkeys(texts), kinds, arguments.vocabulary)
            self.model = make_model(self.tokenizer, arguments.width, arguments.layers, arguments.longest)
        else:
            self.tokenizer, self.model = load_model(arguments.start)
        if torch.cuda.is_available():
            self.model.cuda()
        self.longest = self.model.config.max_position_embeddings
        examples = examples_of(self.train, self.tokenizer, self.longest)
        if arguments.start is None:
            profiles = make_profiles(examples, arguments.profiles, arguments.seed)
        else:
            profiles = self._profiles_of(arguments.start)
        self.examples = with_profiles(examples, profiles, arguments.near)
        self.answers = Answers(self.model, self.tokenizer, profiles)
        self.fixed = fixed_order(self.examples, profiles)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=arguments.rate, betas=(0.9, 0.95), weight_decay=arguments.decay
        )

    def _profiles_of(self, start: Path) -> Tensor:
        """Return a model's profiles for the recipes of the menu."""
        excess, recipes = read_profiles(start)
        places = known_of(self.menu, recipes, self.arguments.major)
        if len(places) < len(self.menu):
            raise DataError(f"{start} does not know all recipes of {self.arguments.menu}; train a new model")
        return excess[:, list(places.values())]

    def run(self) -> list[dict[str, Any]]:
        """Train, and return the results of each epoch."""
        begun = time.monotonic()
        # What one starts from is a result, too: no training may make it worse.
        history = [] if self.arguments.start is None else [{"epoch": 0, **self._validated()}]
        for epoch in range(self.arguments.epochs):
            rng = random.Random(self.arguments.seed * 1000 + epoch)
            total, seen, groups = 0.0, 0, list(batches(self.examples, rng, self.arguments.batch_tokens))
            for number, group in enumerate(groups):
                self._set_rate((epoch + number / len(groups)) / self.arguments.epochs)
                total += self._step([forgetful(each, rng, self.arguments.forget, FRONT) for each in group])
                seen += len(group)
            history.append({"epoch": epoch + 1, "loss": total / seen, **self._validated()})
            shown = " ".join(f"{100 * each:.2f}" for each in history[-1]["model"])
            shown += f"; sizes off by {' and '.join(f'{each:.3f}' for each in history[-1]['mape'].values())}"
            say(f"epoch {epoch + 1}: loss {total / seen:.3f}, {time.monotonic() - begun:.0f} s; validation {shown}\n")
            if history[-1] is best_epoch(history):
                self.save(history)
            self._tell(history)
        if best_epoch(history)["epoch"] == 0 and self.arguments.start is not None:
            self.tokenizer, self.model = load_model(self.arguments.start)
            self.save(history)
        self._tell(history)
        return history

    def _validated(self) -> dict[str, Any]:
        """Return what the model as it is would save on the validation modules."""
        self.model.eval()
        found, errors = savings(self.validation, self.answers, self.fixed, self.longest, COUNTS)
        self.model.train()
        return {"counts": COUNTS, **found, "mape": errors}

    def _set_rate(self, done: float) -> None:
        """Warm up over a twentieth, then fall as a cosine to a thirtieth."""
        rate = min(1.0, done / 0.05) * (1 / 30 + (1 - 1 / 30) * 0.5 * (1 + math.cos(math.pi * done)))
        for group in self.optimizer.param_groups:
            group["lr"] = self.arguments.rate * rate

    def _step(self, group: Sequence[Example]) -> float:
        import torch

        profiles, sizes = self.answers([example.tokens for example in group])
        losses = loss_of_profiles(profiles, group)
        if self.arguments.size_weight:
            losses = losses + self.arguments.size_weight * loss_of_sizes(sizes, group)
        self.optimizer.zero_grad()
        losses.mean().backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return float(losses.detach().sum())

    def save(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write the model as transformers reads it, the tokenizer, the profiles, the menus and the model card."""
        place = self.arguments.work
        place.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(place)
        self.tokenizer.save(str(place / "tokenizer.json"))
        write_profiles(place, self.answers.excess, self.menu)
        families = {family_of(module.target) for module in self.train}
        for major in majors_in(self.arguments.menu):
            menu = read_menu(major, self.arguments.menu)
            # The families with an order are those that the model is for (`backends.model.menu_for`).
            orders = dict.fromkeys((*menu.orders, *families), menu.lists)
            columns = known_of(menu.lists, self.menu, major)
            write_coreset(major, menu.lists, menu.evidence, place, menu.closings, orders, columns)
        (place / "README.md").write_text(card(self.train, len(self.validation), best_epoch(history)), encoding="utf-8")

    def _tell(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write the results of all epochs, those included whose model is not kept."""
        place = self.arguments.work
        place.mkdir(parents=True, exist_ok=True)
        (place / "history.json").write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")


def best_epoch(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the results of the epoch whose model is kept: the best on validation, over all counts of `COUNTS`."""
    return max(history, key=lambda each: sum(each["model"]))


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Train and print what validation says."""
    del environ
    trainer = Trainer(Options(**{field.name: getattr(arguments, field.name) for field in fields(Options)}))
    parameters = sum(each.numel() for each in trainer.model.parameters())
    lengths = sorted(len(example.tokens) for example in trainer.examples)
    instructions = sum(text.count(";") for module in trainer.train for text in module.texts)
    sys.stdout.write(
        f"{len(trainer.train)} train modules, {len(lengths)} functions, {sum(lengths)} tokens (median "
        f"{lengths[len(lengths) // 2]}, longest {lengths[-1]}, {sum(lengths) / instructions:.2f} an instruction), "
        f"{len(trainer.validation)} validation modules, "
        f"{parameters} parameters\n"
    )
    cut = token_id(trainer.tokenizer, CUT)
    shortened = sum(cut in example.tokens for example in trainer.examples)
    sys.stdout.write(f"{shortened} functions are too long and lose their middle\n")
    last = best_epoch(trainer.run())
    free = said_freely(trainer.validation, trainer.answers, trainer.longest)
    sys.stdout.write(f"without constraint {100 * free:.1f} % of answers would be profiles\n")
    sys.stdout.write(f"epoch {last['epoch']} is kept; sizes off by {last['mape']}\n")
    for name in NAMES:
        shown = ", ".join(
            f"{100 * each:.2f} % at {count}" for each, count in zip(last[name], last["counts"], strict=True)
        )
        sys.stdout.write(f"{name}: {shown}\n")
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.training.train``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.training.train", description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="what the data set command made (%(default)s)")
    parser.add_argument("--menu", type=Path, required=True, help="directory of the menu's coreset files")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="where the model goes (%(default)s)")
    parser.add_argument("--start", type=Path, help="a model to go on from (default: a new one)")
    parser.add_argument("--modules", type=int, help="train on so many modules only, for learning curves")
    # `Options` says what they mean.
    for name in (
        "epochs",
        "width",
        "layers",
        "longest",
        "batch_tokens",
        "vocabulary",
        "profiles",
        "near",
        "seed",
        "major",
    ):
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=getattr(Options, name), help="(%(default)s)"
        )
    for name in ("rate", "forget", "size_weight", "decay"):
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=float, default=getattr(Options, name), help="(%(default)s)"
        )
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
