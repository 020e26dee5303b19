"""What the tool says about a team's stores: where they are, whether they answer, and how to mend it if not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clang_llm.cli.checks import NOTE, OK, WRONG, Finding
from clang_llm.cli.output import counted
from clang_llm.remote import outbox
from clang_llm.remote.address import Address, is_proposed_change, parse
from clang_llm.remote.guarded import NO_KEY, Guarded
from clang_llm.system import log
from clang_llm.system.errors import RemoteError
from clang_llm.system.settings import PREFIX, Settings

# What `remote:error:<word>` means, and what to do.
_WORDS = {
    "unreachable": ("the store cannot be reached", "start it, or correct the address"),
    "timeout": ("the store says nothing", "is it overloaded or far away? `|timeout-ms=600` waits longer"),
    "refused": ("the store refuses us", "correct the user, the password or token, or the server's rules"),
    "tls": ("the store's certificate is not believed", "name its certificate authority: `|ca=FILE`"),
    "full": ("the store is full", "Redis: maxmemory-policy allkeys-lru; a server with files: remove old ones"),
    "protocol": ("the store says what no such store says", "is it a server of that kind, and the path right?"),
    "config": ("the setting names no store", f"correct {PREFIX}REMOTE: docs/remote.md"),
    "package": ("a package is missing", "pip install 'clang-llm[remote]'"),
    "damaged": ("a damaged plan was dropped", "the next search replaces it; who writes into the store?"),
    "oversized": ("a plan of more than 512 KiB was dropped", "who writes into the store?"),
    "signature": ("a plan with another team's signature was dropped", "all use one key, or different namespaces"),
    "unvetted": ("a plan that nobody here vouches for was dropped", f"sign plans: {PREFIX}KEY_FILE"),
    "start": ("the courier did not start", f"{PREFIX}LOG=FILE while compiling tells more"),
    "courier": ("the courier did not answer", f"{PREFIX}LOG=FILE while compiling tells more"),
}
_PATIENCE_S = 5.0
# What `doctor` writes into a store to see whether it may; the name is that of no plan.
_TRIED = b"tried\n"


def describe(word: str) -> str:
    """Return what is counted as `remote:error:<word>`, in words."""
    return _WORDS.get(word, (word, ""))[0]


def shown(setting: str) -> str:
    """Return `CLANG_LLM_REMOTE` without anything secret."""
    found, problems = parse(setting)
    words = [f"{each.shown}{'|read-only' if each.read_only else ''}" for each in found]
    return " ".join([*words, *(f"({problem})" for problem in problems)])


def check_remote(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """The team's stores: each is asked for a sign of life and, where plans are sent, for whether it takes one."""
    found, problems = parse(settings.remote)
    for problem in problems:
        yield Finding(WRONG, "remote", f"{PREFIX}REMOTE, {problem}", "correct the value; that store is not used")
    for address in found:
        yield _check(
            address, environ, sends=not (address.read_only or settings.readonly or is_proposed_change(environ))
        )
        if address.secrets and not address.encrypted:
            yield Finding(NOTE, "remote", f"{address.shown}: a secret is sent that others on the way can read",
                          "take rediss: or https:")  # fmt: skip
    if not found:
        return
    if is_proposed_change(environ):
        yield Finding(NOTE, "remote", "nothing is sent: this is a build of a change that is proposed")
    if waiting := outbox.waiting(settings.cache_dir):
        yield Finding(NOTE, "remote", f"{counted(len(waiting), 'plan waits', 'plans wait')} to be sent by a build")
    for name, count in sorted(log.fold_events(settings.cache_dir).items()):
        if name.startswith("remote:error:"):
            text, remedy = _WORDS.get(name.rpartition(":")[2], (name, ""))
            yield Finding(NOTE, "remote", f"{counted(count, 'time', 'times')}: {text}", remedy)


def _check(address: Address, environ: Mapping[str, str], *, sends: bool) -> Finding:
    store = Guarded(address, environ)
    try:
        if store.why:
            raise RemoteError(store.why)
        store.get(NO_KEY, _PATIENCE_S)
        if sends:
            store.update(NO_KEY, lambda _: _TRIED, _PATIENCE_S)
    except RemoteError as error:
        remedy = _WORDS.get(error.word, ("", ""))[1]
        return Finding(WRONG, "remote", f"{address.shown}: {str(error).partition(': ')[2] or error}", remedy)
    how = "plans are fetched and sent" if sends else "plans are fetched"
    return Finding(OK, "remote", f"{address.shown} answers; {how}")
