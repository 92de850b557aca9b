"""The screens on which one logs in, switches accounts, and says what may be done with a login."""

from __future__ import annotations

import pytest
from textual import events
from textual.message import Message

from regbrowse.browser.accounts import THIS_RUN
from regbrowse.browser.states import Asks, Problem
from regbrowse.registry.errors import (
    ConnectionFailedError,
    CredentialError,
    RealmNotTrustedError,
    WrongLoginError,
)
from regbrowse.registry.text import SafeText
from regbrowse.tui.screens.account import AccountScreen
from regbrowse.tui.screens.dialogs import Change
from regbrowse.tui.screens.login import KeepingList, LoginScreen, SecretInput, UsernameInput
from regbrowse.tui.screens.questions import YesNoScreen, permission, realm_permission, shown_host, unsafe_permission
from regbrowse.tui.widgets.notice import Notice
from regbrowse.tui.widgets.virtual_list import VirtualList
from tests.tui.logging_in import (
    ADA,
    BROKEN,
    FILE,
    GRACE,
    HOST,
    KEYRING,
    NO_KEYRING,
    PASS,
    PASSWORD,
    USER,
    Dialog,
    FakeAccounts,
    fill,
    opened,
    type_burst,
)
from tests.tui.screens import SMALL, WIDE

# The login screen


@pytest.mark.parametrize("size", [WIDE, SMALL, (40, 10)])
async def test_login_is_asked_of_the_registry(size: tuple[int, int]) -> None:
    accounts = FakeAccounts()
    accounts.notice = SafeText("kept for this run only")
    async with opened(LoginScreen, accounts, size=size) as dialog:
        await dialog.session.until_shows(f"Log in to {HOST}")
        await fill(dialog.session)
        await dialog.until_gone()
    assert accounts.done == [(USER, PASSWORD)]
    assert dialog.results == [Change(SafeText("kept for this run only"))]


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_every_field_and_the_reason_can_be_read(size: tuple[int, int]) -> None:
    why = SafeText(f"{HOST} does not accept the password of ada (from docker config).")
    accounts = FakeAccounts(keepings=(PASS, FILE), unsafe="plain HTTP")
    async with opened(lambda accounts: LoginScreen(accounts, why), accounts, size=size) as dialog:
        for words in (why, "User name", "Password or token", "Keep it", "○ docker helper pass", NO_KEYRING):
            await dialog.session.until_shows(words)
        await dialog.session.until_shows("plain HTTP: whoever is on the way can read the password.")
        await dialog.session.until_shows("enter goes on, tab moves, esc leaves")


async def test_wrong_password_is_said_and_typed_anew() -> None:
    accounts = FakeAccounts()
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session, password="wrong")
        await dialog.session.until_shows("does not accept the password of canary-user")
        assert "docker login" not in dialog.session.text()
        assert dialog.session.app.focused is dialog.one(SecretInput)
        assert (dialog.one(UsernameInput).value, dialog.one(SecretInput).value) == (USER, "")
        await dialog.session.type(PASSWORD)
        await dialog.session.press("enter")
        await dialog.until_gone()
    assert [done[1] for done in accounts.done] == ["wrong", PASSWORD]


async def test_vendors_own_next_step_is_said() -> None:
    fails = [WrongLoginError("It is over.", "Get another one: aws ecr get-login-password", status=401)]
    async with opened(LoginScreen, FakeAccounts(fails=fails)) as dialog:
        await fill(dialog.session)
        await dialog.session.until_shows("Get another one: aws ecr get-login-password")


async def test_password_stays_where_the_registry_was_not_reached() -> None:
    accounts = FakeAccounts(fails=[ConnectionFailedError(f"{HOST} does not answer.")])
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.session.until_shows("does not answer.")
        await dialog.session.press("enter")
        await dialog.until_gone()


@pytest.mark.parametrize(("user", "password", "said"), [("", "x", "A user name"), ("ada", "", "A password or a token")])
async def test_what_is_missing_is_said_and_nothing_asked(user: str, password: str, said: str) -> None:
    accounts = FakeAccounts()
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session, user, password)
        await dialog.session.until_shows(f"{said} is needed.")
    assert accounts.done == []


async def test_escape_stops_asking_and_then_leaves() -> None:
    accounts = FakeAccounts()
    accounts.registry_answers.clear()
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.session.until_shows(f"Asking {HOST} …")
        await dialog.session.type("typed meanwhile")
        await dialog.session.press("escape")
        await dialog.session.until_shows("Not logged in: you stopped it.")
        assert dialog.one(SecretInput).value == PASSWORD
        await dialog.session.press("escape")
        await dialog.until_gone()
    assert dialog.results == [None]
    assert len(accounts.done) == 1


async def test_escape_while_a_login_is_kept_says_that_one_is_logged_in() -> None:
    accounts = FakeAccounts(keepings=(KEYRING,), no_keyring=SafeText(""))
    accounts.store_answers.clear()
    async with opened(LoginScreen, accounts) as dialog:
        await dialog.session.until_shows("● system keyring")
        await fill(dialog.session)
        await dialog.session.until_shows("Keeping it in system keyring …")
        secret = dialog.one(SecretInput)
        await dialog.session.press("escape")
        await dialog.until_gone()
        assert secret.value == ""
    assert dialog.results == [Change(SafeText("Logged in for this run; it is not kept."))]


async def test_why_a_login_is_not_kept_is_told() -> None:
    accounts = FakeAccounts(keepings=(KEYRING,), no_keyring=SafeText(""))
    accounts.notice, accounts.not_kept = SafeText("It did not ask."), SafeText("The keyring is locked.")
    async with opened(LoginScreen, accounts) as dialog:
        await dialog.session.until_shows("● system keyring")
        await fill(dialog.session)
        await dialog.until_gone()
    assert dialog.results == [Change(SafeText("It did not ask. The keyring is locked."))]


async def test_user_of_a_login_that_was_refused_is_filled_in() -> None:
    accounts = FakeAccounts(known=(ADA, GRACE))
    async with opened(lambda accounts: LoginScreen(accounts, SafeText("It is wrong.")), accounts) as dialog:
        await dialog.session.until(lambda: dialog.one(UsernameInput).value == "ada", "the user name")
        assert dialog.session.app.focused is dialog.one(SecretInput)
        await dialog.session.type(PASSWORD)
        await dialog.session.press("enter")
        await dialog.until_gone()
    assert accounts.done == [("ada", PASSWORD)]


@pytest.mark.parametrize(("typed", "keys"), [("x", []), ("x", ["backspace"])], ids=["typed", "typed and taken away"])
async def test_user_name_that_is_being_typed_stays(typed: str, keys: list[str]) -> None:
    accounts = FakeAccounts(keepings=None, known=(ADA,))
    async with opened(lambda accounts: LoginScreen(accounts, SafeText("It is wrong.")), accounts) as dialog:
        await dialog.session.type(typed)
        await dialog.session.press(*keys)
        accounts.keyring_answers.set()
        await dialog.session.until_shows(NO_KEYRING)
        await dialog.session.settle()
        user = dialog.one(UsernameInput)
        assert user.value == ("" if keys else typed)
        assert dialog.session.app.focused is user


@pytest.mark.parametrize("why", ["", "Who are you?"])
async def test_user_name_is_left_empty_where_no_login_was_refused(why: str) -> None:
    accounts = FakeAccounts(known=(ADA if not why else GRACE,))
    async with opened(lambda accounts: LoginScreen(accounts, SafeText(why)), accounts) as dialog:
        await dialog.session.until_shows(NO_KEYRING)
        await dialog.session.settle()
        assert dialog.one(UsernameInput).value == ""
        assert dialog.session.app.focused is dialog.one(UsernameInput)


async def test_tab_and_arrows_go_round_the_fields() -> None:
    async with opened(LoginScreen, FakeAccounts(keepings=(PASS,))) as dialog:
        await dialog.session.until_shows("docker helper pass")
        fields = {kind: dialog.one(kind) for kind in (UsernameInput, SecretInput, KeepingList)}
        for key, kind in (
            ("tab", SecretInput),
            ("shift+tab", UsernameInput),
            ("down", SecretInput),
            ("tab", KeepingList),
            ("down", KeepingList),
            ("up", KeepingList),
            ("up", SecretInput),
            ("up", UsernameInput),
        ):
            await dialog.session.press(key)
            assert dialog.session.app.focused is (
                dialog.session.app.screen.query(UsernameInput).first() if kind is UsernameInput else fields[kind]
            ), key


@pytest.mark.parametrize("burst", [True, False])
async def test_enter_belongs_to_the_field_before_it_in_a_burst_too(burst: bool) -> None:
    accounts = FakeAccounts()
    async with opened(LoginScreen, accounts) as dialog:
        if burst:
            await type_burst(dialog.session, f"{USER}⏎{PASSWORD}⏎")
        else:
            await fill(dialog.session)
        await dialog.until_gone()
    assert accounts.done == [(USER, PASSWORD)]


@pytest.mark.parametrize(
    ("pasted", "value"),
    [
        ("canary-pass\n", "canary-pass"),
        ("canary-pass\r\n", "canary-pass"),
        ("\ncanary-pass", "canary-pass"),
        (" two words :q ", " two words :q "),
        ('{\r  "key": 1\r}\r', '{\n  "key": 1\n}'),
        ("", ""),
    ],
)
async def test_password_is_pasted_as_it_is(pasted: str, value: str) -> None:
    async with opened(LoginScreen, FakeAccounts()) as dialog:
        await dialog.session.press("tab")
        dialog.session.app.post_message(events.Paste(pasted))
        await dialog.session.settle()
        assert dialog.one(SecretInput).value == value


# Where it is kept


async def test_keyring_is_chosen_when_it_comes() -> None:
    accounts = FakeAccounts(keepings=None, no_keyring=SafeText(""))
    accounts.offered = (PASS, KEYRING, FILE)
    async with opened(LoginScreen, accounts) as dialog:
        await dialog.session.until_shows("looking for the system's keyring …")
        await dialog.session.type(USER)
        accounts.keyring_answers.set()
        await dialog.session.until_shows("● system keyring")
        assert "looking for" not in dialog.session.text()
        await dialog.session.press("enter")
        await dialog.session.type(PASSWORD)
        await dialog.session.press("enter")
        await dialog.until_gone()
    assert accounts.done == [(USER, PASSWORD), ("keep", "system keyring")]


async def test_keyring_that_comes_after_the_login_was_sent_is_not_chosen() -> None:
    accounts = FakeAccounts(keepings=None, no_keyring=SafeText(""))
    accounts.offered = (KEYRING,)
    accounts.registry_answers.clear()
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.session.until_shows("Asking")
        accounts.keyring_answers.set()
        await dialog.session.until_shows("○ system keyring")
        assert dialog.one(KeepingList).row == THIS_RUN
    assert accounts.done == [(USER, PASSWORD)]


async def test_choice_that_the_user_looks_at_does_not_change_by_itself() -> None:
    accounts = FakeAccounts(keepings=None, no_keyring=SafeText(""))
    accounts.offered = (KEYRING,)
    async with opened(LoginScreen, accounts) as dialog:
        await dialog.session.press("tab", "tab")
        accounts.keyring_answers.set()
        await dialog.session.until_shows("○ system keyring")
        assert dialog.one(KeepingList).row == THIS_RUN


async def test_without_a_keyring_the_reason_is_said_and_this_run_only_is_chosen() -> None:
    async with opened(LoginScreen, FakeAccounts(keepings=(PASS, FILE))) as dialog:
        await dialog.session.until_shows(NO_KEYRING)
        await dialog.session.until_shows("● this run only")


@pytest.mark.parametrize("key", ["down", "right", "j"])
async def test_file_is_chosen_with_a_plain_warning(key: str) -> None:
    accounts = FakeAccounts(keepings=(FILE,))
    async with opened(LoginScreen, accounts) as dialog:
        await dialog.session.until_shows("○ file")
        assert FILE.warning not in dialog.session.text()
        await dialog.session.type(USER)
        await dialog.session.press("tab")
        await dialog.session.type(PASSWORD)
        await dialog.session.press("tab", key)
        await dialog.session.until_shows(FILE.warning)
        await dialog.session.press("enter")
        await dialog.until_gone()
    assert accounts.done == [(USER, PASSWORD), ("keep", FILE.label)]


# What only the user can allow


@pytest.mark.parametrize("key", ["enter", "n", "escape"])
async def test_login_does_not_go_over_an_unsafe_connection_without_a_yes(key: str) -> None:
    accounts = FakeAccounts(unsafe="plain HTTP")
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.answer(key)
        await dialog.session.until_shows("Nothing was sent.")
        assert dialog.one(SecretInput).value == PASSWORD
    assert accounts.done == []


@pytest.mark.parametrize("keys", ["y", "down enter"])
async def test_login_goes_over_an_unsafe_connection_after_a_yes(keys: str) -> None:
    accounts = FakeAccounts(unsafe="plain HTTP")
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.until_has(YesNoScreen)
        await dialog.session.until_shows(HOST)
        *moves, last = keys.split()
        await dialog.session.until(lambda: dialog.session.app.screen.takes_answers, "it takes answers")  # type: ignore[attr-defined]
        await dialog.session.press(*moves)
        await dialog.answer(last)
        await dialog.until_gone()
    assert accounts.done == [("allowed",), (USER, PASSWORD)]


def not_trusted(realm: str = "auth.example.com") -> RealmNotTrustedError:
    return RealmNotTrustedError(f"{HOST} wants {realm} to be told.", registry=HOST, realm=realm)


async def test_token_server_is_not_told_the_login_without_a_yes() -> None:
    accounts = FakeAccounts(fails=[not_trusted()])
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.answer("enter")
        await dialog.session.until_shows(f"{HOST} wants auth.example.com to be told.")
    assert accounts.done == [(USER, PASSWORD)]


async def test_token_server_is_told_the_login_after_a_yes() -> None:
    accounts = FakeAccounts(fails=[not_trusted()])
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.answer("y")
        await dialog.until_gone()
    assert accounts.done[1:] == [("trusted", "auth.example.com"), (USER, PASSWORD)]


async def test_token_server_that_was_allowed_is_not_asked_for_again() -> None:
    accounts = FakeAccounts(fails=[not_trusted(), not_trusted()])
    async with opened(LoginScreen, accounts) as dialog:
        await fill(dialog.session)
        await dialog.answer("y")
        await dialog.session.until_shows(f"{HOST} wants auth.example.com to be told.")


async def test_question_takes_no_key_that_was_typed_before_it_could_be_read() -> None:
    accounts = FakeAccounts(unsafe="plain HTTP")
    async with opened(LoginScreen, accounts) as dialog:
        await type_burst(dialog.session, f"{USER}⏎{PASSWORD}⏎y⏎yy")
        await dialog.until_has(YesNoScreen)
        await dialog.session.press("y", "down", "enter")
        assert dialog.has(YesNoScreen)
        assert accounts.done == []


async def test_question_names_both_hosts_on_lines_of_their_own() -> None:
    wanted = realm_permission(HOST, "auth.corp:5001")
    assert wanted
    async with opened(lambda _: wanted.question(), FakeAccounts()) as dialog:
        lines = [line.strip(" │") for line in dialog.session.text(dialog.one(Notice)).splitlines()]
        assert {HOST, "auth.corp:5001"} <= set(lines)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("auth.example.com", "auth.example.com"),
        ("Auth.Example.com:5001", "auth.example.com:5001"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("аpple.com", "xn--pple-43d.com"),
        ("auth.example.com is fine", None),
        ("auth.example.com\nregistry", None),
        ("auth.example.com/[link]", None),
        ("user@auth.example.com", None),
        ("\u202eauth.example.com", None),
        ("", None),
    ],
)
def test_only_names_of_hosts_are_shown(name: str, shown: str | None) -> None:
    assert shown_host(name) == shown


def test_token_server_without_a_proper_name_is_not_asked_about() -> None:
    problem = Problem(SafeText(""), SafeText(""), SafeText(""), Asks.TRUST_REALM, SafeText("auth example"))
    assert permission(problem, HOST) is None


def test_common_end_of_the_names_is_no_reason_to_trust() -> None:
    def words(one: str, other: str) -> str:
        wanted = realm_permission(one, other)
        assert wanted
        return " ".join(text for text, _ in wanted.words)

    assert "Both names end in corp.example; that alone is no reason" in words("r.corp.example:5000", "a.corp.example")
    assert "Both names" not in words("registry.corp:5000", "auth.corp")
    assert "Both names" not in words("10.0.0.1:5000", "10.1.0.1")


def test_connection_is_called_what_it_is() -> None:
    assert "(TLS not verified)" in unsafe_permission(HOST, SafeText("TLS not verified")).words[0][0]


# Nobody else gets the password


async def test_password_is_nowhere_but_in_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    posted = SecretInput.post_message

    def noted(self: SecretInput, message: Message) -> bool:
        if not isinstance(message, events.Key | events.Paste) and posted(self, message):
            sent.append(repr(message))
            return True
        return posted(self, message)

    accounts = FakeAccounts(keepings=(KEYRING,), no_keyring=SafeText(""))
    accounts.registry_answers.clear()
    async with opened(LoginScreen, accounts) as dialog:
        monkeypatch.setattr(SecretInput, "post_message", noted)
        session = dialog.session
        secret = dialog.one(SecretInput)
        await fill(session)
        await session.until_shows("Asking")
        seen = [session.text(), repr(secret), repr(secret.parent), repr(session.app.screen), repr(session.app.tree)]
        seen += [worker.description + repr(worker) for worker in session.app.workers]
        await session.press("escape")
        secret.select_all()
        await session.press("ctrl+c", "ctrl+x")
        await session.until_shows("A password is not copied.")
        seen += [session.app.clipboard, session.text(), *(toast.message for toast in session.app._notifications)]
        await session.press("escape")
        await dialog.until_gone()
        assert secret.value == ""
    assert [text for text in (*seen, *sent) if PASSWORD in text] == []


# Accounts


async def account_list(dialog: Dialog) -> list[str]:
    """What the lines say, once all are there."""
    await dialog.session.until(lambda: len(dialog.one(VirtualList).rows) > 1, "the accounts")
    await dialog.session.settle()
    lines = dialog.session.text(dialog.one(VirtualList)).splitlines()
    return [" ".join(line.strip("▌ ").split()) for line in lines if line.strip()]


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_accounts_are_listed_with_where_they_are_from(size: tuple[int, int]) -> None:
    async with opened(AccountScreen, FakeAccounts(known=(ADA, GRACE, BROKEN)), size=size) as dialog:
        assert await account_list(dialog) == [
            "Log in …",
            "ada docker config in use",
            "grace system keyring",
            "? docker helper pass cannot be asked",
            "Without a login",
            "Log out ada",
        ]
        await dialog.session.until_shows("The docker helper pass failed.")


async def test_without_an_account_one_is_without_a_login() -> None:
    async with opened(AccountScreen, FakeAccounts()) as dialog:
        assert await account_list(dialog) == ["Log in …", "Without a login in use"]


async def test_store_that_fails_leaves_it_open_who_one_is_and_the_cursor_where_it_goes_without() -> None:
    async with opened(AccountScreen, FakeAccounts(known=(BROKEN,))) as dialog:
        assert await account_list(dialog) == [
            "Log in …",
            "? docker helper pass cannot be asked",
            "Without a login",
        ]
        await dialog.session.until_shows("The docker helper pass failed.")
        await dialog.session.press("enter")
        await dialog.until_gone()
    assert dialog.accounts.done == [("use", None)]


async def test_stores_that_cannot_be_asked_leave_it_open_who_one_is() -> None:
    accounts = FakeAccounts(known_fails=CredentialError("The docker config cannot be read.", "Correct it."))
    async with opened(AccountScreen, accounts) as dialog:
        assert await account_list(dialog) == ["Log in …", "Without a login"]
        await dialog.session.until_shows("The docker config cannot be read.")


@pytest.mark.parametrize(
    ("keys", "change"),
    [
        ("down down enter", Change()),
        ("G k enter", Change(is_nobody=True)),
        (
            "G enter",
            Change(
                SafeText("It is not used any more in this run. You stopped its removal: it may still be kept."),
                is_nobody=True,
            ),
        ),
    ],
)
async def test_escape_does_not_wait_for_what_was_chosen(keys: str, change: Change) -> None:
    accounts = FakeAccounts(known=(ADA, GRACE))
    accounts.registry_answers.clear()
    async with opened(AccountScreen, accounts) as dialog:
        await account_list(dialog)
        await dialog.session.press(*keys.split())
        await dialog.session.until(lambda: accounts.done, "what was chosen")
        assert not dialog.is_gone
        await dialog.session.press("escape")
        await dialog.until_gone()
    assert dialog.results == [change]


@pytest.mark.parametrize(
    ("row", "done", "change"),
    [
        (1, [], None),
        (2, [("use", "grace")], Change()),
        (4, [("use", None)], Change(is_nobody=True)),
        (5, [("log out", "ada")], Change(SafeText("To remove it: docker logout registry.corp:5000"), is_nobody=True)),
    ],
)
async def test_chosen_line_does_what_it_says(row: int, done: list[tuple[object, ...]], change: Change | None) -> None:
    accounts = FakeAccounts(known=(ADA, GRACE, BROKEN))
    async with opened(AccountScreen, accounts) as dialog:
        await account_list(dialog)
        await dialog.session.press(*["down"] * row, "enter")
        await dialog.until_gone()
    assert accounts.done == done
    assert dialog.results == [change]


async def test_account_that_cannot_be_asked_cannot_be_chosen() -> None:
    accounts = FakeAccounts(known=(ADA, GRACE, BROKEN))
    async with opened(AccountScreen, accounts) as dialog:
        await account_list(dialog)
        await dialog.session.press("down", "down", "down", "enter")
        assert (dialog.is_gone, accounts.done) == (False, [])


async def test_login_that_cannot_be_removed_is_told_and_not_used_any_more() -> None:
    accounts = FakeAccounts(known=(ADA,), fails=[CredentialError("The keyring does not answer.", "Unlock it.")])
    async with opened(AccountScreen, accounts) as dialog:
        await account_list(dialog)
        await dialog.session.press("G", "enter")
        await dialog.until_gone()
    assert dialog.results == [Change(SafeText("The keyring does not answer. Unlock it."), is_nobody=True)]


async def test_one_can_log_in_while_the_stores_are_still_asked() -> None:
    accounts = FakeAccounts(keepings=None)
    async with opened(AccountScreen, accounts) as dialog:
        await dialog.session.until_shows("Looking for the logins that are known here …")
        await dialog.session.press("enter")
        await dialog.until_has(LoginScreen)
        await fill(dialog.session)
        await dialog.until_gone()
    assert dialog.results == [Change()]


async def test_leaving_the_login_comes_back_to_the_accounts() -> None:
    async with opened(AccountScreen, FakeAccounts(known=(ADA,))) as dialog:
        await dialog.session.press("enter")
        await dialog.until_has(LoginScreen)
        await dialog.session.press("escape")
        await dialog.until_has(AccountScreen)
        await dialog.session.press("escape")
        await dialog.until_gone()
    assert dialog.results == [None]


async def test_permission_can_be_given_from_the_accounts() -> None:
    accounts = FakeAccounts()
    wanted = realm_permission(HOST, "auth.example.com")
    async with opened(lambda accounts: AccountScreen(accounts, wanted), accounts) as dialog:
        await dialog.session.until_shows("Allow that auth.example.com is told the login …")
        await dialog.session.press("enter")
        await dialog.answer("y")
        await dialog.until_gone()
    assert accounts.done == [("trusted", "auth.example.com")]
