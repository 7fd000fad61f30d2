"""A run that is killed, starved of disk or memory, or disturbed by another one loses no finished epoch."""

import errno
import json
import math
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from safety import toy
from safety.toy import EPOCHS

import fer_zoo.training.trainer as trainer
from fer_zoo.artifacts.hub import load
from fer_zoo.cli.main import main
from fer_zoo.errors import ArtifactError, TrainingError
from fer_zoo.training.best import NEXT_NAME
from fer_zoo.training.checkpoint import CHECKPOINT_NAME, PREVIOUS_NAME, load_checkpoint
from fer_zoo.training.run_dir import lock_run_dir
from fer_zoo.utils.tensors import read_tensors

KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed, with its number of file operations."""
    folder = tmp_path_factory.mktemp("whole")
    process = toy.start(toy.count_writes, folder, None)
    process.join()
    assert process.exitcode == 0
    return folder


def resume(folder: Path) -> None:
    process = toy.start(toy.train_toy, folder, True)
    process.join()
    assert process.exitcode == 0


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def kill_at(folder: Path, write: int) -> None:
    process = toy.start(toy.count_writes, folder, write)
    process.join()
    assert process.exitcode == KILLED


def check_killed_writes(whole: Path, tmp_path: Path, writes: list[int]) -> None:
    """The same command, with --resume, goes on after each kill, and before the first one begins the run."""
    for write in writes:
        folder = tmp_path / str(write)
        kill_at(folder, write)
        resume(folder)
        assert weights(folder) == weights(whole), f"killed in file operation {write}"
        check_whole(folder)


def check_whole(folder: Path) -> None:
    """Weights and config.json belong together, every epoch is told, and nothing half written is left."""
    toy.add_toy()
    calibration = load(folder).info["calibration"]
    assert calibration["statistics_faces"] == 96  # re-estimated: the last save changed the weights
    assert len((folder / "history.csv").read_text().splitlines()) == 1 + EPOCHS
    assert not list(folder.glob(".*.part")) and not (folder / NEXT_NAME).exists()


def test_killed_in_the_middle_of_a_write(whole: Path, tmp_path: Path) -> None:
    writes = int((whole / "writes").read_text())
    check_killed_writes(whole, tmp_path, random.Random(0).sample(range(1, writes + 1), 2))


def test_killed_between_weights_and_config(whole: Path, tmp_path: Path) -> None:
    """At each of the last file operations of the last save, whose weights are calibrated."""
    _, end = json.loads((whole / "saves").read_text())[-1]
    check_killed_writes(whole, tmp_path, list(range(end - 4, end + 1)))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_in_the_middle_of_every_write(whole: Path, tmp_path: Path) -> None:
    writes = int((whole / "writes").read_text())
    check_killed_writes(whole, tmp_path, list(range(1, writes + 1)))
    print(f"killed in each of {writes} file operations")


@pytest.mark.slow
def test_killed_again_and_again_at_random_moments(whole: Path, tmp_path: Path) -> None:
    generator, kills = random.Random(1), 0
    for run in range(10):
        folder = tmp_path / str(run)
        for _ in range(6):
            process = toy.start(toy.train_toy, folder, True)
            time.sleep(generator.uniform(0.1, 1.2))
            process.kill()
            process.join()
            kills += process.exitcode == KILLED
        resume(folder)
        assert weights(folder) == weights(whole)
    print(f"{kills} kills in 10 runs")
    assert kills >= 20


def test_a_damaged_newest_checkpoint_gives_way_to_the_one_before(whole: Path, tmp_path: Path) -> None:
    """Cut off at several lengths, and of the right length with zeros in it, as a cut in power leaves it."""
    newest = (whole / CHECKPOINT_NAME).read_bytes()
    zeroed = newest[:-400] + bytes(400)
    for number, damaged in enumerate([b"", newest[:7], newest[: len(newest) // 2], newest[:-1], zeroed]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / CHECKPOINT_NAME).write_bytes(damaged)
        (folder / PREVIOUS_NAME).write_bytes((whole / PREVIOUS_NAME).read_bytes())
        toy.add_toy()
        model, average, optimizer = toy.make_state()
        with pytest.warns(UserWarning, match=f"continuing from the one before it, after epoch {EPOCHS - 1}"):
            progress = load_checkpoint(folder, model, average, optimizer, {})
        assert len(progress.history) == EPOCHS - 1
        (folder / PREVIOUS_NAME).write_bytes(damaged)
        with pytest.raises(ArtifactError, match="No intact checkpoint"):
            load_checkpoint(folder, model, average, optimizer, {})


def test_a_damaged_newest_checkpoint_ends_with_the_same_weights(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    (tmp_path / CHECKPOINT_NAME).write_bytes((whole / CHECKPOINT_NAME).read_bytes()[:1000])
    with pytest.warns(UserWarning, match="continuing from the one before it"):
        toy.train_toy(tmp_path, resume=True)
    assert weights(tmp_path) == weights(whole)


def test_a_full_disk_keeps_the_finished_epochs(whole: Path, tmp_path: Path) -> None:
    """The system itself refuses: no file may grow beyond the size of the second epoch's checkpoint."""
    process = toy.start(toy.train_on_small_disk, tmp_path, (whole / PREVIOUS_NAME).stat().st_size)
    process.join()
    assert process.exitcode == 0
    assert not list(tmp_path.glob(".*.part"))
    resume(tmp_path)
    assert weights(tmp_path) == weights(whole)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fer_zoo.training.checkpoint.write_tensors", refuse)
    with pytest.raises(TrainingError, match=rf"{os.strerror(code)}.*--resume"):
        toy.train_toy(tmp_path / "run", epochs=1)
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(TrainingError, match=r"choose another --out"):
        toy.train_toy(tmp_path / "other", epochs=1)


def test_a_second_run_into_the_same_folder_is_refused(tmp_path: Path) -> None:
    process = toy.start(toy.hold_until_killed, tmp_path)
    while not (tmp_path / "held").exists():
        time.sleep(0.02)
    for again in (False, True):
        with pytest.raises(TrainingError, match="Another run is writing"):
            toy.train_toy(tmp_path, resume=again)
    process.kill()
    process.join()
    with lock_run_dir(tmp_path, resume=True) as saved:  # what the killed run left locks nobody out
        assert not saved


@pytest.mark.parametrize("place", ["train_epoch", "validate"])
def test_a_loss_that_is_no_number_is_named_and_the_weights_before_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    work, calls = getattr(trainer, place), []

    def explode(*arguments: object) -> tuple[float, float]:
        calls.append(1)
        return work(*arguments) if len(calls) < 3 else (math.nan, 0.5)

    monkeypatch.setattr(trainer, place, explode)
    name = {"train_epoch": "training", "validate": "PublicTest"}[place]
    with pytest.raises(TrainingError, match=f"The {name} loss is nan in epoch 3.*learning_rate 0.03"):
        toy.train_toy(tmp_path)
    tensors, metadata, _ = read_tensors(tmp_path / CHECKPOINT_NAME)
    assert len(json.loads(metadata["history"])) == 2
    assert all(torch.isfinite(value).all() for value in tensors.values())
    load(tmp_path)


def test_too_little_memory_names_the_batch_that_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = toy.Toy.forward

    def limited(self: toy.Toy, faces: torch.Tensor) -> torch.Tensor:
        if self.training and len(faces) > most:
            raise torch.OutOfMemoryError
        return forward(self, faces)

    monkeypatch.setattr(toy.Toy, "forward", limited)
    for most, advice in ((5, "4 fits"), (0, "not even 1 fits")):
        with pytest.raises(TrainingError, match=f"batch_size 16; {advice}"):
            toy.train_toy(tmp_path / str(most))


def test_ctrl_c_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    toy.add_toy()
    monkeypatch.setattr(trainer, "train_epoch", interrupt)
    monkeypatch.setattr("fer_zoo.data.fer2013.read_faces", lambda *_, **__: toy.make_faces())
    run = ["train", "--arch", "toy", "--recipe", "tutorial", "--data", ".", "--out", str(tmp_path)]
    with pytest.raises(SystemExit) as stopped:
        main([*run, "--device", "cpu"])
    assert stopped.value.code == 130 and "--resume to continue" in capsys.readouterr().err
