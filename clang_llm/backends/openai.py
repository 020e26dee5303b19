"""A large model behind an OpenAI-compatible server: vLLM, llama.cpp, text-generation-inference, `transformers serve`.

The prompt goes to ``/v1/completions`` as it is, since LLM Compiler's layout must be exact; a server that has only chat
gets what its template surrounds with ``[INST]``. Where the server can hold a model to some answers, and
CLANG_LLM_UNVETTED is ``refuse``, these are the shipped recipes. What was proposed is vetted, and the shipped recipes
follow it, or serve alone when there is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clang_llm.backends.large import LargeModelBackend
from clang_llm.models.asking import ANSWERED, BACKGROUND, FAILED, LATE, bound_s
from clang_llm.models.flag_tuning import NEW_TOKENS, WINDOW, Question, choices_of, head_of, questions, recipes_of
from clang_llm.models.ir import text_of
from clang_llm.plans.coreset import Coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request
from clang_llm.system.errors import BackendError, ClangLlmError, NoAnswer
from clang_llm.system.log import append_event, write_log
from clang_llm.system.process import run
from clang_llm.system.settings import Settings, process_environment
from clang_llm.system.web import WebServer, within
from clang_llm.toolchain.compiler import find_clang, inspect, running_clang

#: Characters of IR that certainly fit the window. Only the server has the tokenizer; two characters a token is little.
ROOM = 2 * (WINDOW - NEW_TOKENS)
#: Seconds for llvm-dis; it takes milliseconds.
_PRINT_S = 20.0
#: What servers answer to a path that they do not have, and to a field that they do not take.
_NO_SUCH_PATH, _REFUSED = frozenset({404, 405, 501}), frozenset({400, 422})
#: The first vLLM that knows `structured_outputs` only.
_VLLM_STRUCTURED = (0, 12)


@dataclass(frozen=True)
class Dialect:
    """How a kind of server is spoken to.

    Attributes:
        model: Name of the model to ask for.
        field: Fields of a request that hold the model to the choices; empty for none.
        generate: Whether it is text-generation-inference, whose own path takes constraints, and the other does not.
    """

    model: str
    field: Mapping[str, object]
    generate: bool = False


def no_answer_in_time(request: Request, settings: Settings, why: str) -> None:
    """Note that a module is left without the model's answer. Whoever can ask again later begins here."""
    write_log(settings.log, f"helper: key {request.key} openai: {why}; the shipped recipes serve")


class OpenaiBackend(LargeModelBackend):
    """Asks the server at CLANG_LLM_URL."""

    def asked(self, request: Request, coreset: Coreset | None) -> list[Recipe]:
        """Return what the model proposes; nothing when it does not answer, and the log says why.

        Raises:
            BackendError: No server is named.
        """
        if not self._settings.url:
            raise BackendError("backend 'openai' needs CLANG_LLM_URL, the base URL of a server")
        seconds = bound_s(self._settings)
        try:
            server = WebServer(self._settings.url or "", self._settings.api_key, seconds)
            if self._settings.infer == "background":
                raise NoAnswer("CLANG_LLM_INFER=background")
            if request.reader is None:
                raise BackendError("the module cannot be read")
            text, checked = self._text(request.reader.module().bitcode)
            asked = questions(text, lambda prompt: len(prompt) <= ROOM, request.budget, self._say, checked)
            held = self._settings.unvetted == "refuse" and coreset is not None
            choices = choices_of(coreset.lists) if held and coreset else {}
            conversation = Conversation(server, self._settings.model, list(choices))
            answers = within(seconds, lambda: [(each, conversation.answer(each)) for each in asked])
            self._count(ANSWERED)
            return recipes_of(answers, request.major, head_of(coreset.lists) if coreset else None, self._say, choices)
        except NoAnswer as error:
            self._count(BACKGROUND if self._settings.infer == "background" else LATE)
            no_answer_in_time(request, self._settings, str(error))
        except ClangLlmError as error:
            self._count(FAILED)
            self._say(f"{error}; the shipped recipes serve")
        return []

    def _text(self, bitcode: bytes) -> tuple[str, bool]:
        """Return the module as text, and whether llvmlite is there to look at parts of it."""
        try:
            return text_of(bitcode), True
        except ImportError:
            problem = "llvmlite is not installed: pip install 'clang-llm[model]'"
        except BackendError as error:
            problem = str(error)
        environ = process_environment()
        printer = inspect(running_clang() or find_clang(self._settings.clang, environ)).tool("llvm-dis")
        if not printer.exists():
            raise BackendError(f"{problem}; and there is no {printer}")
        done = run([printer, "-o", "-"], stdin=bitcode, timeout_s=_PRINT_S)
        if not done.ok:
            raise BackendError(f"{problem}; and {printer} cannot read it either")
        lines = done.stdout.decode("utf-8", errors="replace").split("\n")
        return "\n".join(line for line in lines if not line.startswith(("; ModuleID", "source_filename"))), False

    def _count(self, outcome: str) -> None:
        """Count what became of asking, as for the models that a server of ours holds."""
        if not self._settings.readonly and not self._settings.explaining:
            append_event(self._settings.cache_dir, f"model:{outcome}")

    def _say(self, line: str) -> None:
        write_log(self._settings.log, f"helper: openai: {line}")


class Conversation:
    """Questions to one server.

    Args:
        server: The server.
        model: Name under which the model is served; None takes the first that the server names.
        choices: Answers to which the model is to be held, where the server can do that.
    """

    def __init__(self, server: WebServer, model: str | None, choices: Sequence[str] = ()) -> None:
        self._server = server
        self._model = model
        self._choices = choices
        self._dialect: Dialect | None = None
        self._held = True
        self._chat = False

    def answer(self, question: Question) -> str:
        """Return what the model says, greedily.

        Raises:
            BackendError: The server refuses, or its reply makes no sense.
        """
        if self._dialect is None:
            self._dialect = self._recognised()
        field = self._dialect.field if self._held else {}
        status, reply = self._sent(question.prompt, field)
        if status in _REFUSED and field:
            # It does not know the field after all; what it says unheld is vetted like anything else.
            self._held = False
            status, reply = self._sent(question.prompt, {})
        if not 200 <= status < 300:
            raise BackendError(f"the server answers {status}: {reply}")
        return _text_in(reply)

    def _sent(self, prompt: str, field: Mapping[str, object]) -> tuple[int, object]:
        dialect = self._dialect
        if dialect is not None and dialect.generate:
            parameters = {"max_new_tokens": NEW_TOKENS, "do_sample": False, "return_full_text": False, **field}
            status, reply = self._server.ask("/generate", {"inputs": prompt, "parameters": parameters})
            if status not in _NO_SUCH_PATH:
                return status, reply
            field = {}
        body = {"model": dialect.model if dialect else "", "max_tokens": NEW_TOKENS, "temperature": 0, **field}
        if not self._chat:
            status, reply = self._server.ask("/v1/completions", {**body, "prompt": prompt})
            if status not in _NO_SUCH_PATH:
                return status, reply
            self._chat = True
        # The template of a chat puts the marks around it.
        content = prompt.removeprefix("[INST] ").removesuffix(" [/INST]")
        return self._server.ask("/v1/chat/completions", {**body, "messages": [{"role": "user", "content": content}]})

    def _recognised(self) -> Dialect:
        """Find out which server it is, and how it is told the choices."""
        try:
            status, reply = self._server.ask("/v1/models")
        except BackendError as error:
            if self._model is None or isinstance(error, NoAnswer):
                raise
            status, reply = 0, None
        first = _first(reply, "data") if status == 200 else {}
        owner, name = first.get("owned_by"), first.get("id")
        model = self._model or (name if isinstance(name, str) else None)
        if model is None:
            raise BackendError("the server names no model; set CLANG_LLM_MODEL to the name under which it is served")
        if not self._choices:
            return Dialect(model, {}, generate=False)
        if owner == "llamacpp":
            return Dialect(model, {"grammar": gbnf(self._choices)})
        if owner == name and owner is not None:
            regex = "|".join(f"({re.escape(choice)})" for choice in self._choices)
            return Dialect(model, {"grammar": {"type": "regex", "value": regex}}, generate=True)
        if owner == "vllm" and self._vllm_version() < _VLLM_STRUCTURED:
            return Dialect(model, {"guided_choice": list(self._choices)})
        # vLLM; others refuse a field that they do not know, or do not look at it.
        return Dialect(model, {"structured_outputs": {"choice": list(self._choices)}})

    def _vllm_version(self) -> tuple[int, ...]:
        _, reply = self._server.ask("/version")
        version = reply.get("version") if isinstance(reply, dict) else None
        match = re.match(r"(\d+)\.(\d+)", version) if isinstance(version, str) else None
        return tuple(map(int, match.groups())) if match else _VLLM_STRUCTURED


def gbnf(choices: Sequence[str]) -> str:
    """Return llama.cpp's grammar of one choice out of some."""
    quoted = ('"' + choice.replace("\\", "\\\\").replace('"', '\\"') + '"' for choice in choices)
    return f"root ::= {' | '.join(quoted)}"


def _text_in(reply: object) -> str:
    """Return the text of a completion, of a chat or of text-generation-inference."""
    if isinstance(reply, dict) and isinstance(reply.get("generated_text"), str):
        return str(reply["generated_text"])
    choice = _first(reply, "choices")
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else choice.get("text")
    if not isinstance(text, str):
        raise BackendError("the server's reply holds no text")
    return text


def _first(reply: object, name: str) -> dict[str, object]:
    """Return the first object of a list in a reply; empty when there is none."""
    some = reply.get(name) if isinstance(reply, dict) else None
    first = some[0] if isinstance(some, list) and some else None
    return first if isinstance(first, dict) else {}
