from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.browser.commands import present_command
from regbrowse.browser.shell_lines import CMD, POSIX, POWERSHELL, Dialect, break_script
from regbrowse.registry.text import SafeText, safe_text

HEX = "4b1be1de1a1e" + "0" * 52

SCRIPTS = st.lists(
    st.sampled_from(
        [*"ab'\"`$(){}#;&|\\<>- \t\n", "&&", "||", ";;", "if ", "then ", "fi", "do ", "done", "<<EOF", "EOF", "é"]
    ),
    max_size=40,
).map("".join)


def shown(created_by: str) -> tuple[str, ...]:
    command = present_command(created_by)
    return (command.instruction, *command.lines)


@pytest.mark.parametrize(
    ("created_by", "expected"),
    [
        ("", ("", "")),
        ('/bin/sh -c #(nop)  CMD ["nginx" "-g"]', ("CMD", '["nginx" "-g"]')),
        ("/bin/sh -c #(nop) WORKDIR /app", ("WORKDIR", "/app")),
        ("/bin/bash -o pipefail -c #(nop) ENV A=1", ("ENV", "A=1")),
        ("/bin/sh -c #(nop) something new", ("", "something new")),
        (f"/bin/sh -c #(nop) ADD file:{HEX} in / ", ("ADD", "file:4b1be1de1a1e… in /")),
        (f"/bin/sh -c #(nop) COPY multi:{HEX} in /app/ ", ("COPY", "multi:4b1be1de1a1e… in /app/")),
        ("/bin/sh -c #(nop)  EXPOSE map[80/tcp:{} 443/tcp:{}]", ("EXPOSE", "80/tcp 443/tcp")),
        ("COPY . /app # buildkit", ("COPY", ". /app")),
        ('ENTRYPOINT ["/entrypoint.sh"]', ("ENTRYPOINT", '["/entrypoint.sh"]')),
        ("ENV PATH=/usr/bin:/bin", ("ENV", "PATH=/usr/bin:/bin")),
        ("/bin/sh -c apt-get update", ("RUN", "apt-get update")),
        ("RUN /bin/sh -c apt-get update # buildkit", ("RUN", "apt-get update")),
        ("RUN /bin/bash -eo pipefail -c make # buildkit", ("RUN", "make")),
        ("RUN /usr/bin/env bash -lc make", ("RUN", "make")),
        ("|2 A=b C=d e /bin/sh -c make all", ("RUN", "make all")),
        ("RUN |1 VERSION=1.2 /bin/ash -eo pipefail -c make # buildkit", ("RUN", "make")),
        ("RUN apt-get update", ("RUN", "apt-get update")),
        ('RUN ["a", "&&", "b"]', ("RUN", '["a", "&&", "b"]')),
        ("RUN\tmake\t&& true", ("RUN", "make", "&& true")),
        ("cmd /S /C mkdir C:\\app && echo hi", ("RUN", "mkdir C:\\app", "&& echo hi")),
        ("powershell -Command $a = 'x;y'; if ($a) { b; c }", ("RUN", "$a = 'x;y';", "if ($a) { b; c }")),
        ("RUN powershell -NoProfile -ExecutionPolicy Bypass -Command dir", ("RUN", "dir")),
        ("Buildpacks Launcher", ("", "Buildpacks Launcher")),
        ("bazel build //app:image", ("", "bazel build //app:image")),
        ("# debian.sh --arch 'amd64' out/ 'bookworm'", ("", "# debian.sh --arch 'amd64' out/ 'bookworm'")),
        ("|3 no shell follows", ("", "|3 no shell follows")),
        ("store paths: [\n  /nix/store/x\n]", ("", "store paths: [", "  /nix/store/x", "]")),
    ],
)
def test_step_is_shown_as_in_a_dockerfile(created_by: str, expected: tuple[str, ...]) -> None:
    assert shown(created_by) == expected


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("a && b || c; d", ["a", "&& b", "|| c;", "d"]),
        ("apt-get install -y     curl     git     && rm x", ["apt-get install -y curl git", "&& rm x"]),
        ("echo 'a && b' && c", ["echo 'a && b'", "&& c"]),
        ('echo "it\'s; $(x && y; z)"; c', ['echo "it\'s; $(x && y; z)";', "c"]),
        ("x=$(a | b && (c; d)) && e", ["x=$(a | b && (c; d))", "&& e"]),
        ("x=`a; b`; c", ["x=`a; b`;", "c"]),
        ("find . -exec rm {} \\; && c", ["find . -exec rm {} \\;", "&& c"]),
        ("echo ${x:-a;b}; c", ["echo ${x:-a;b};", "c"]),
        ("a \\\n  --long \\\n  && b", ["a", "  --long", "&& b"]),
        ("a &&\n b", ["a", "&& b"]),
        ("a # it's && so\nb", ["a # it's && so", "b"]),
        ("echo a#b && c", ["echo a#b", "&& c"]),
        (
            "set -eux;   if [ -f a ] && b; then   c;   else d;   fi;   e",
            ["set -eux;", "if [ -f a ] && b; then", "  c;", "else", "  d;", "fi;", "e"],
        ),
        ("for k in 1 2; do a; b && c; done; d", ["for k in 1 2; do", "  a;", "  b", "  && c;", "done;", "d"]),
        ("while read x\ndo a\ndone", ["while read x", "do", "  a", "done"]),
        ("case $a in x) b;; y) c;; esac && d", ["case $a in x) b;;", "  y) c;;", "esac", "&& d"]),
        (
            "python3 <<EOF > out && a\nprint('x && y')\n  z; w\nEOF\nb && c",
            ["python3 <<EOF > out", "&& a", "print('x && y')", "  z; w", "EOF", "b", "&& c"],
        ),
        ("cat <<-'END'\n\tit's\n\tEND\na; b", ["cat <<-'END'", "\tit's", "\tEND", "a;", "b"]),
        ("cat <<< word; b", ["cat <<< word;", "b"]),
        ("echo 'a\n  b'; c", ["echo 'a", "  b';", "c"]),
        ("echo 'never closed && a; b", ["echo 'never closed && a; b"]),
        ("; ;", [";;"]),
        ("fi; fi; a", ["fi;", "fi;", "a"]),
        ("", [""]),
    ],
)
def test_script_is_broken_where_a_person_would(script: str, lines: list[str]) -> None:
    assert break_script(script) == lines


def ink(text: str, escape: str = "\\") -> str:
    """What is left without blanks and without the escapes, which may be line continuations."""
    return "".join(text.split()).replace(escape, "")


@pytest.mark.parametrize(("dialect", "escape"), [(POSIX, "\\"), (POWERSHELL, "`"), (CMD, "^")])
@given(script=SCRIPTS)
def test_script_loses_nothing_but_blanks_and_continuations(dialect: Dialect, escape: str, script: str) -> None:
    assert ink("".join(break_script(script, dialect)), escape) == ink(script, escape)


@given(script=SCRIPTS.map(lambda script: script.replace("\\\n", "")))
def test_script_without_continuations_keeps_its_escapes(script: str) -> None:
    assert "".join("".join(break_script(script)).split()) == "".join(script.split())


@given(
    prefix=st.sampled_from(["/bin/sh -c ", "RUN /bin/sh -c ", "|1 A=b /bin/sh -c ", "RUN "]),
    script=SCRIPTS.map(lambda script: f"x {script} y"),
)
def test_run_step_loses_nothing_but_what_the_builder_added(prefix: str, script: str) -> None:
    assert ink("".join(present_command(f"{prefix}{script} # buildkit").lines)) == ink(script)


@given(st.text() | SCRIPTS)
def test_any_text_gives_safe_lines(created_by: str) -> None:
    command = present_command(created_by)
    assert command.lines
    assert all(type(line) is SafeText and safe_text(str(line)) == line for line in command.lines)


def test_longest_step_is_not_cut_twice() -> None:
    script = "x" * 50_000
    assert shown(f"RUN /bin/sh -c {script} && y") == ("RUN", script, "&& y")
