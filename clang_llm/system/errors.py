"""The errors of the package: one tree, each class with its own exit code.

Library code raises these; one boundary per program turns them into a message (``clang-llm-tool``) or into plain -Oz
(the helper). Every message says what to do next. All classes take one argument, the message, so that they survive
pickling between processes.
"""


class ClangLlmError(Exception):
    """Base of every expected error of the package."""

    exit_code = 1


class SettingsError(ClangLlmError):
    """A setting has a value that cannot be used."""

    exit_code = 3


class ToolchainError(ClangLlmError):
    """No usable clang, or its plugin cannot be built.

    Attributes:
        retry_when: A path whose appearance may mend the problem, or None.
    """

    exit_code = 4
    retry_when: str | None = None


class PassListError(ClangLlmError):
    """A pass list does not parse, or holds what the vocabulary does not allow."""

    exit_code = 5


class PlanError(ClangLlmError):
    """A plan entry is corrupt, of another format, or belongs to another key."""

    exit_code = 6


class StoreError(ClangLlmError):
    """The cache cannot do what was asked for."""

    exit_code = 7


class ProcessError(ClangLlmError):
    """A command could not be started or ended in an unexpected way."""

    exit_code = 8


class ProcessTimeout(ProcessError):  # noqa: N818 - the noun says it
    """A command was killed because it ran longer than its limit."""

    exit_code = 9


class ProtocolError(ClangLlmError):
    """The other side of the plugin protocol said something that the protocol does not know."""

    exit_code = 10


class BackendError(ClangLlmError):
    """A backend is unknown or cannot propose pass lists."""

    exit_code = 11


class ObjectError(ClangLlmError):
    """An object file cannot be read."""

    exit_code = 12


class DataError(ClangLlmError):
    """What a command was given, or a file that it reads, is missing, not of its format or out of bounds."""

    exit_code = 13


class PackageError(ClangLlmError):
    """A source package cannot be fetched, prepared or built."""

    exit_code = 14


class SplitError(ClangLlmError):
    """A package may not be used for this purpose."""

    exit_code = 15


class ServerError(ClangLlmError):
    """The server that holds a model cannot be reached, or says something that its protocol does not know."""

    exit_code = 16


class ServerTimeout(ServerError):  # noqa: N818 - the noun says it
    """The server did not answer in time."""

    exit_code = 17


class RemoteError(ClangLlmError):
    """A team's store does not do its work; the message begins with the one word that is counted, and a colon."""

    exit_code = 18

    @property
    def word(self) -> str:
        """What is counted: `remote:error:<word>`."""
        return str(self).partition(":")[0]


class PlanFormatError(PlanError):
    """A plan entry is of a format that this version does not know; to a reader that is a miss."""

    exit_code = 20


class EndOfConversation(ProtocolError):  # noqa: N818 - an end, not a mistake
    """The plugin is gone; nobody waits for an answer."""

    exit_code = 21


class Abandoned(ClangLlmError):  # noqa: N818 - an outcome, not a mistake
    """A search gave no answer that may be kept; the message is the one word that is counted."""

    exit_code = 22


class UnvalidatedError(BackendError):
    """No recipes were validated for this LLVM."""

    exit_code = 26


class NoAnswer(BackendError):  # noqa: N818 - an outcome, not a mistake
    """A model did not answer in time."""

    exit_code = 25
