"""What programs answered about logins, for a while: one that asks for a password is not run for each page."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Final

from regbrowse.registry.auth import Credential
from regbrowse.registry.single_flight import SingleFlight

REMEMBERED_FOR: Final = 300.0
"""Seconds."""

Ask = Callable[[], Coroutine[Any, Any, Credential | None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and until when it holds.

    Attributes:
        until: As the clock has it.
    """

    credential: Credential | None
    until: float


class RememberedAnswers:
    """One answer for each host and each one who is asked; a failure is none. All who wait get the same.

    Args:
        clock: Seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._flights = SingleFlight()
        self._answers: dict[str, dict[Hashable, Answer]] = {}
        self._doubts: Counter[str] = Counter()

    def get(self, host: str, asked: Hashable) -> Answer | None:
        """The answer that holds; None if there is none."""
        answer = self._answers.get(host, {}).get(asked)
        return answer if answer and self._clock() < answer.until else None

    def put(self, host: str, asked: Hashable, credential: Credential | None) -> None:
        """Remember an answer from now on."""
        answer = Answer(credential, self._clock() + REMEMBERED_FOR)
        self._answers.setdefault(host, {})[asked] = answer

    async def answer(self, host: str, asked: Hashable, ask: Ask) -> Credential | None:
        """The answer that holds, or what `ask` gives; raises what that raises.

        Args:
            asked: Who is asked.
        """
        if known := self.get(host, asked):
            return known.credential
        doubts = self._doubts[host]

        async def fresh() -> Credential | None:
            credential = await ask()
            if doubts == self._doubts[host]:  # else it may be the very answer that was no good
                self.put(host, asked, credential)
            return credential

        return await self._flights.do((host, asked, doubts), fresh)

    def forget(self, host: str) -> None:
        """Have all be asked anew about a host. What is under way is for those who wait already."""
        self._doubts[host] += 1
        self._answers.pop(host, None)
