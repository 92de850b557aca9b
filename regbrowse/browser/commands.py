"""Turn a history entry's `created_by` into something like the line of the Dockerfile that it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from regbrowse.browser.shell_lines import CMD, POSIX, POWERSHELL, Dialect, break_script
from regbrowse.registry.text import SafeText, safe_text

_NONE: Final = SafeText("")
_INSTRUCTION: Final = re.compile(
    r"(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|STOPSIGNAL|USER"
    r"|VOLUME|WORKDIR)(?:\s+|$)"
)
_BUILDKIT: Final = " # buildkit"
_POSIX_SHELL: Final = (
    r"(?:/usr/bin/env )?(?:/(?:[\w./-]{0,80}/)?)?(?:ba|da|a|z|k|mk)?sh"
    r"(?: [-+][A-Za-z]+| (?:errexit|nounset|pipefail|xtrace))*? -[A-Za-z]*c(?:\s|\Z)"
)
_POWERSHELL: Final = (
    r"(?i:(?:[\w:./\\-]{0,80}[/\\])?(?:powershell|pwsh)(?:\.exe)?"
    r"(?: -\w+(?: \w+)?)*? -(?:command|c)(?:\s|\Z))"
)
_CMD: Final = r"(?i:(?:[\w:\\]{0,80}\\)?cmd(?:\.exe)?(?: /s)? /c(?:\s|\Z))"
_SHELLS: Final[tuple[tuple[re.Pattern[str], Dialect], ...]] = (
    (re.compile(_POSIX_SHELL), POSIX),
    (re.compile(_POWERSHELL), POWERSHELL),
    (re.compile(_CMD), CMD),
)
_BUILD_ARGUMENTS: Final = re.compile(rf"\|\d+ (?:[^\n]*? )?(?={_POSIX_SHELL}|{_POWERSHELL}|{_CMD})")
_NO_OPERATION: Final = re.compile(r"#\(nop\)\s*")
_SOURCE_SUM: Final = re.compile(r"\b([a-z0-9+]+:[0-9a-f]{12})[0-9a-f]{20,}")
_EXPOSE_MAP: Final = re.compile(r"map\[((?:[\w./-]+:\{\} ?)+)\]")


@dataclass(frozen=True, slots=True)
class Command:
    """One build step, to be read.

    Attributes:
        instruction: `RUN`, `COPY`, ...; empty if the text is of no Dockerfile.
        lines: What follows the instruction, at least one line. Lines after the first of a RUN begin with the shell's
            operator where there is one, and with two blanks for each level of `if` and `for`.
    """

    instruction: SafeText
    lines: tuple[SafeText, ...]


def present_command(created_by: str) -> Command:
    """Read what Docker, BuildKit, Buildah and others write as `created_by`.

    What the builder added goes away: the shell before a command, its build arguments, `#(nop)`, `# buildkit`. Of a
    RUN no other character is lost, but blanks and line continuations are laid out anew. A text of another kind
    comes back as it is.

    Args:
        created_by: Any text; it need not be safe yet.
    """
    text = safe_text(created_by, multiline=True)
    body = text.strip().removesuffix(_BUILDKIT).strip()
    instruction, arguments = _split_instruction(body)
    if instruction in ("", "RUN"):
        script, dialect = _strip_shell(arguments)
        nothing = _NO_OPERATION.match(script) if dialect else None
        if nothing:
            instruction, arguments = _split_instruction(script[nothing.end() :])
        elif dialect or instruction:
            is_array = script.startswith("[")
            return _command("RUN", script.split("\n") if is_array else break_script(script, dialect or POSIX))
    if not instruction and arguments == body:
        return _command("", text.split("\n"))
    if instruction in ("ADD", "COPY"):
        arguments = _SOURCE_SUM.sub(r"\1…", arguments)
    if instruction == "EXPOSE":
        arguments = _EXPOSE_MAP.sub(lambda found: found[1].replace(":{}", ""), arguments)
    return _command(instruction, arguments.split("\n"))


def _split_instruction(text: str) -> tuple[str, str]:
    match = _INSTRUCTION.match(text)
    return (match[1], text[match.end() :]) if match else ("", text)


def _strip_shell(text: str) -> tuple[str, Dialect | None]:
    arguments = _BUILD_ARGUMENTS.match(text)
    start = arguments.end() if arguments else 0
    for shell, dialect in _SHELLS:
        match = shell.match(text, start)
        if match:
            return text[match.end() :].strip(" "), dialect
    return text, None


def _command(instruction: str, lines: list[str]) -> Command:
    # A part of a safe text is safe, and so is what is put together from such parts with blanks.
    return Command(SafeText(instruction), tuple(SafeText(line) for line in lines) or (_NONE,))
