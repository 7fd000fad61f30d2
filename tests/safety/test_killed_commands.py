"""A command that writes a model or a page and is killed leaves nothing that is taken for a whole one."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safety import toy

import fer_zoo
from fer_zoo.cli.main import main
from fer_zoo.errors import FerZooError

SOURCE = "cnn-baseline"


def run_killed(arguments: list[str], kill_at: int | None, counted: Path) -> None:
    """Run a command; die in the middle of its file operation `kill_at`, or write how many there are."""
    done = 0

    def guard(work: Callable[..., object]) -> Callable[..., object]:
        def guarded(*given: Any, **options: Any) -> object:
            nonlocal done
            reads = work.__name__ == "open" and "r" in options.get("mode", [*given, "r"][1])
            if reads or threading.current_thread() is not threading.main_thread():
                return work(*given, **options)
            done += 1
            if done == kill_at:
                if done % 2:
                    work(*given, **options)
                os.kill(os.getpid(), signal.SIGKILL)
            return work(*given, **options)

        return guarded

    originals = [(owner, name, getattr(owner, name)) for owner, name in toy.WRITES]
    for owner, name, work in originals:
        setattr(owner, name, guard(work))
    main(arguments)
    for owner, name, work in originals:
        setattr(owner, name, work)
    counted.write_text(str(done), encoding="utf-8")


def start_killed(arguments: list[str], kill_at: int | None, counted: Path) -> int | None:
    process = toy.start(run_killed, arguments, kill_at, counted)
    process.join()
    return process.exitcode


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_an_export_killed_in_a_file_operation_is_done_again(tmp_path: Path) -> None:
    def export(out: Path) -> list[str]:
        return ["export", SOURCE, "--out", str(out)]

    counted = tmp_path / "count"
    assert start_killed(export(tmp_path / "whole"), None, counted) == 0
    weights = (tmp_path / "whole" / "model.safetensors").read_bytes()
    operations = int(counted.read_text())
    assert operations > 5
    for number in range(1, operations + 1, 5):  # all of them passed once, in two minutes
        out = tmp_path / f"killed-{number}"
        assert start_killed(export(out), number, counted) == -signal.SIGKILL
        if not (out / "config.json").exists():
            main(export(out))
        assert (out / "model.safetensors").read_bytes() == weights
        try:
            fer_zoo.load(out)
        except FerZooError as error:
            raise AssertionError(f"killed in operation {number}: {error}") from error


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_file_killed_while_it_is_replaced_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    page, counted = tmp_path / "drawn.csv", tmp_path / "count"
    command = ["data", "synth", str(page), "--count", "35", "--force"]
    assert start_killed(command, None, counted) == 0
    new, operations = page.read_bytes(), int(counted.read_text())
    for number in range(1, operations + 1):
        page.write_text("old")
        assert start_killed(command, number, counted) == -signal.SIGKILL
        assert page.read_bytes() in (b"old", new)
