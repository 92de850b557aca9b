from __future__ import annotations

import os
from pathlib import Path

import pytest

from regbrowse.registry.small_files import SIZE_LIMIT, read_small_file


def test_content_is_given(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * SIZE_LIMIT)
    assert read_small_file(tmp_path / "file") == b"x" * SIZE_LIMIT


def test_missing_file_is_none(tmp_path: Path) -> None:
    assert read_small_file(tmp_path / "file") is None


def test_path_through_a_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert read_small_file(tmp_path / "file" / "config.json") is None


def test_larger_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * (SIZE_LIMIT + 1))
    with pytest.raises(OSError, match="1 MiB"):
        read_small_file(tmp_path / "file")


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"irectory|regular"):
        read_small_file(tmp_path)


def test_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="regular"):
        read_small_file(tmp_path / "pipe")
