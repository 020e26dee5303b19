"""The team's key, where there is one: whose plans are applied without being measured again."""

from __future__ import annotations

from clang_llm.plans.plan import Plan, encode
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.team import TeamKey
from clang_llm.system.errors import DataError, RemoteError
from clang_llm.system.log import write_log
from clang_llm.system.settings import Settings


class Signing:
    """Signs and verifies, or does neither without a key."""

    def __init__(self, settings: Settings) -> None:
        self._key: TeamKey | None = None
        if settings.key_file is not None:
            try:
                self._key = TeamKey.load(settings.key_file)
            except DataError as error:
                write_log(settings.log, f"courier: {error}")

    def verifies(self, checksum: str, signature: str) -> bool:
        """Whether the team has signed an entry.

        Raises:
            RemoteError: Somebody else has.
        """
        if self._key is None or ":" not in signature:
            return False  # what is not signed is measured first
        if not self._key.verifies(checksum, signature):
            raise RemoteError("signature: an entry that is not signed with the team's key")
        return True

    def adopt(self, local: LocalStore, plan: Plan) -> bool:
        """Keep a plan of the team as if it had been measured here."""
        return local.adopt(plan)

    def encode(self, plan: Plan) -> bytes:
        """Return the entry of a plan that was measured here, for others: signed, if there is a key that signs."""
        return encode(plan, self._key.sign if self._key is not None and self._key.can_sign else None)

    def outranks(self, new: bytes, old: bytes) -> bool | None:
        """Whether one entry is the team's and the other is not; None when that does not tell them apart."""
        ours, theirs = self._is_signed(new), self._is_signed(old)
        return None if ours == theirs else ours

    def _is_signed(self, data: bytes) -> bool:
        from clang_llm.plans.plan import seal_on

        try:
            return self.verifies(*seal_on(data))
        except RemoteError:
            return False
