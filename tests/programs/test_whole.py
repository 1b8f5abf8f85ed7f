"""Files that are there whole or not at all."""

import os
import time
from pathlib import Path

import pytest

from seedless.whole import cleared, whole


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    with pytest.raises(UnicodeEncodeError), whole(path) as part:
        part.write_text("half\ud800", "utf-8")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with whole(path) as first, whole(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # the last to end
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a.txt", "a.txt.partial"])
def test_no_link_is_followed(tmp_path: Path, name: str) -> None:
    mine, folder = tmp_path / "mine", tmp_path / "theirs"
    mine.write_text("mine")
    folder.mkdir()
    (folder / name).symlink_to(mine)
    with whole(folder / "a.txt") as part:
        part.write_text("new")
    assert mine.read_text() == "mine"
    assert (folder / "a.txt").read_text() == "new"
    assert not (folder / "a.txt").is_symlink()


def test_what_killed_writers_left_is_cleared(tmp_path: Path) -> None:
    for name in ("a.txt", "a.txt.01234567.partial", "a.txt.partial", "b.txt.01234567.partial"):
        (tmp_path / name).touch()
    cleared(tmp_path / "a.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt.01234567.partial"]


def test_of_what_may_be_written_now_only_what_is_old_is_cleared(tmp_path: Path) -> None:
    old, new = (tmp_path / f"a.txt.{name}.partial" for name in ("old", "new"))
    for part in (old, new):
        part.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    cleared(tmp_path / "a.txt", age=3600.0)
    assert list(tmp_path.iterdir()) == [new]


def test_it_is_on_the_disk_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    synced: list[tuple[str, str]] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append((os.pread(number, 9, 0).decode(), path.read_text())))
    with whole(path) as part:
        part.write_text("new")
    assert synced == [("new", "old")]
