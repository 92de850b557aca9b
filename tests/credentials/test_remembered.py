"""What programs answered, for a while."""

from __future__ import annotations

import asyncio

import pytest

from regbrowse.credentials.remembered import REMEMBERED_FOR, RememberedAnswers
from regbrowse.registry.auth import Credential
from regbrowse.registry.errors import CredentialError
from regbrowse.registry.text import SafeText

HOST = "registry.corp"


class Program:
    """Answers with another user each time, when it is told to."""

    def __init__(self) -> None:
        self.runs = 0
        self.go = asyncio.Event()
        self.go.set()
        self.error: CredentialError | None = None
        self.has_login = True

    async def ask(self) -> Credential | None:
        self.runs += 1
        run = self.runs
        await self.go.wait()
        if self.error:
            raise self.error
        return Credential(f"user-{run}", "canary-pass", SafeText("helper")) if self.has_login else None


class Clock:
    """Time that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answers(clock: Clock) -> RememberedAnswers:
    return RememberedAnswers(clock)


async def test_answer_is_remembered(answers: RememberedAnswers) -> None:
    program = Program()
    first, second = [await answers.answer(HOST, "pass", program.ask) for _ in range(2)]
    assert (first, program.runs) == (second, 1)


async def test_having_none_is_remembered_too(answers: RememberedAnswers) -> None:
    program = Program()
    program.has_login = False
    assert [await answers.answer(HOST, "pass", program.ask) for _ in range(2)] == [None, None]
    assert program.runs == 1


async def test_failure_is_not_remembered(answers: RememberedAnswers) -> None:
    program = Program()
    program.error = CredentialError("No.")
    for _ in range(2):
        with pytest.raises(CredentialError):
            await answers.answer(HOST, "pass", program.ask)
    assert program.runs == 2


@pytest.mark.parametrize(("later", "runs"), [(REMEMBERED_FOR - 1, 1), (REMEMBERED_FOR, 2)])
async def test_answer_holds_for_five_minutes(answers: RememberedAnswers, clock: Clock, later: float, runs: int) -> None:
    program = Program()
    await answers.answer(HOST, "pass", program.ask)
    clock.now += later
    await answers.answer(HOST, "pass", program.ask)
    assert program.runs == runs


@pytest.mark.parametrize(("host", "asked"), [("other.corp", "pass"), (HOST, "keyring")])
async def test_answer_is_for_one_host_and_who_was_asked(answers: RememberedAnswers, host: str, asked: str) -> None:
    program = Program()
    await answers.answer(HOST, "pass", program.ask)
    await answers.answer(host, asked, program.ask)
    assert program.runs == 2


async def test_all_who_wait_get_one_answer(answers: RememberedAnswers) -> None:
    program = Program()
    program.go.clear()
    waiting = [asyncio.create_task(answers.answer(HOST, "pass", program.ask)) for _ in range(10)]
    await asyncio.sleep(0)
    program.go.set()
    assert len(set(await asyncio.gather(*waiting))) == 1
    assert program.runs == 1


async def test_first_who_gives_up_takes_it_from_nobody(answers: RememberedAnswers) -> None:
    program = Program()
    program.go.clear()
    first, second = [asyncio.create_task(answers.answer(HOST, "pass", program.ask)) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    program.go.set()
    assert await second is not None
    assert program.runs == 1


async def test_forgotten_answer_is_asked_for_anew(answers: RememberedAnswers) -> None:
    program = Program()
    await answers.answer(HOST, "pass", program.ask)
    answers.forget("other.corp")
    await answers.answer(HOST, "pass", program.ask)
    assert program.runs == 1
    answers.forget(HOST)
    assert answers.get(HOST, "pass") is None
    await answers.answer(HOST, "pass", program.ask)
    assert program.runs == 2


async def test_answer_under_way_while_it_is_doubted_is_not_remembered(answers: RememberedAnswers) -> None:
    program = Program()
    program.go.clear()
    old = asyncio.create_task(answers.answer(HOST, "pass", program.ask))
    await asyncio.sleep(0)
    answers.forget(HOST)
    new = asyncio.create_task(answers.answer(HOST, "pass", program.ask))
    await asyncio.sleep(0)
    program.go.set()
    users = [credential.username for credential in (await old, await new) if credential]
    assert users == ["user-1", "user-2"]
    known = answers.get(HOST, "pass")
    assert known
    assert known.credential
    assert known.credential.username == "user-2"


async def test_secret_is_in_no_repr(answers: RememberedAnswers) -> None:
    await answers.answer(HOST, "pass", Program().ask)
    assert "user-1" in repr(vars(answers))
    assert "canary-pass" not in repr(vars(answers))
