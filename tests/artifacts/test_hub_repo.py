"""Models go to the Hub and come back: over real HTTP, with faults on the way."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard, constants
from minihub import Fault, MiniHub, Repository

import fer_zoo
from fer_zoo.artifacts import hub_push
from fer_zoo.artifacts.artifact import list_embedded, read_config, write_config
from fer_zoo.artifacts.hub import pull_model, push_model
from fer_zoo.artifacts.resolve import fetch_model, resolve_folder
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.cli.main import main
from fer_zoo.errors import ArtifactError, HubError, WriteError

MODEL = "models/ada/faces"
NAME = "efficientnet_lite0.ferplus"
SOURCE = list_embedded()[NAME]
FACES = torch.randint(0, 256, (4, 1, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def put_model(hub: MiniHub) -> Repository:
    """As if it had been pushed: the two files that a download takes, and one that it must not take."""
    names = ("config.json", "model.safetensors")
    files = {name: (SOURCE / name).read_bytes() for name in names}
    hub.repos[MODEL] = Repository(files={**files, "setup.py": b"print('no')"})
    return hub.repos[MODEL]


def answer(name: str | Path, **options: str) -> torch.Tensor:
    with torch.inference_mode():
        return fer_zoo.load(name, **options)(FACES)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source without its metrics, so that no pictures are drawn at each push."""
    return forget_metrics(SOURCE, tmp_path_factory.mktemp("plain"))


def forget_metrics(source: Path, out: Path) -> Path:
    shutil.copytree(source, out, ignore=shutil.ignore_patterns("*.png"), dirs_exist_ok=True)
    config = read_config(out)
    config["fer_zoo"]["metrics"] = {}
    write_config(out, config)
    return out


def test_pushed_model_has_its_card_and_pictures(hub: MiniHub) -> None:
    address = push_model(SOURCE, "ada/faces")
    repo = hub.repos[MODEL]
    names = {path.name for path in SOURCE.iterdir()}
    assert repo.commits == [f"Upload {NAME}"]
    assert address == f"{hub.url}/ada/faces/commit/{repo.find_commit('main')}"
    assert set(repo.files) == {".gitattributes", *names}
    assert repo.files["model.safetensors"] == (SOURCE / "model.safetensors").read_bytes()
    check_card(repo.files["README.md"].decode())
    assert torch.equal(answer("ada/faces"), answer(SOURCE))


def test_pulled_model_gives_the_same_answers(hub: MiniHub, plain: Path, tmp_path: Path) -> None:
    push_model(plain, "ada/faces")
    pull_model("ada/faces", tmp_path / "pulled")
    assert {path.name for path in (tmp_path / "pulled").iterdir()} == {path.name for path in plain.iterdir()}
    origin = {"repo": "ada/faces", "commit": hub.repos[MODEL].find_commit("main")}
    for name in ("ada/faces", tmp_path / "pulled"):
        assert fer_zoo.load(name).info["hub"] == origin
        assert torch.equal(answer(name), answer(SOURCE))
    with pytest.raises(ArtifactError, match="another --out"):
        pull_model("ada/faces", tmp_path / "pulled")


def check_card(text: str) -> None:
    assert 'fer_zoo.load("ada/faces")' in text and '"hf-hub:ada/faces"' in text
    card = ModelCard(text)
    rows = card.data.eval_results or []
    told = {row.dataset_type: row.metric_value for row in rows if row.metric_type == "accuracy"}
    stored = read_config(SOURCE)["fer_zoo"]["metrics"]["private"]
    assert told == {
        "fer2013": round(stored["accuracy"], 4),
        "ferplus": round(stored["ferplus"]["agreement"], 4),
    }
    assert card.data.license == "mit"
    for picture in ("confusion", "reliability"):
        assert f"]({NAME}-{picture}.png)" in text


def test_ensemble_is_pushed_with_its_members_weights(hub: MiniHub, tmp_path: Path) -> None:
    folder = forget_metrics(list_embedded()["ensemble"], tmp_path)
    config = read_config(folder)
    members = config["fer_zoo"]["members"]
    config["fer_zoo"]["members"] = [row for row in members if row["name"] == "efficientnet_lite0"]
    write_config(folder, config)
    push_model(folder, "ada/faces")
    torch.testing.assert_close(answer("ada/faces"), answer(folder), rtol=0, atol=0)


def test_branch_private_and_dry_run(hub: MiniHub, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(plain)
    main(["push", folder, "ada/faces", "--dry-run"])
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[-1] for line in lines[:-1]} == {path.name for path in plain.iterdir()}
    assert lines[-1].endswith("files would be uploaded to ada/faces") and hub.log == []
    main(["push", folder, "ada/faces", "--private", "--revision", "next"])
    assert "Next: fer-zoo pull ada/faces@next\n" in capsys.readouterr().out
    repo = hub.repos[MODEL]
    assert repo.made_with["visibility"] == "private"
    assert "model.safetensors" in repo.branches["next"] and "model.safetensors" not in repo.files
    main(["pull", "ada/faces", "--revision", "next", "--json"])
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["commit"] == repo.find_commit("next") and Path(told["folder"], "config.json").is_file()
    assert resolve_folder("ada/faces@next") == Path(told["folder"])


def test_download_takes_two_files_and_is_asked_for_once(hub: MiniHub) -> None:
    put_model(hub)
    commit = fetch_model("ada/faces").commit
    assert not [line for line in hub.log if "setup.py" in line]
    hub.log.clear()
    fetch_model("ada/faces", revision=commit)
    assert hub.log == []
    fetch_model("ada/faces")
    assert not [line for line in hub.log if line.startswith("GET /ada")]


def test_scores_are_not_written_into_the_cache(hub: MiniHub, capsys: pytest.CaptureFixture[str]) -> None:
    put_model(hub)
    with pytest.raises(SystemExit):
        main(["eval", "ada/faces", "--data", "faces.csv", "--record"])
    assert "--record stores into a folder: fer-zoo pull ada/faces --out DIR" in capsys.readouterr().err


def test_pinned_revision_stays_when_the_branch_moves(hub: MiniHub, tmp_path: Path) -> None:
    repo = put_model(hub)
    old = fetch_model("ada/faces").commit
    repo.files["config.json"] = repo.files["config.json"].replace(b'"label_names"', b'"label_names" ')
    assert fetch_model("ada/faces").commit == repo.find_commit("main") != old
    assert fer_zoo.load("ada/faces", revision=old).info["hub"]["commit"] == old


@pytest.mark.parametrize("how", ["unplugged", "offline switch"])
def test_offline_after_the_first_time(how: str, hub: MiniHub, monkeypatch: pytest.MonkeyPatch) -> None:
    put_model(hub)
    first = fetch_model("ada/faces")
    if how == "unplugged":
        monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
        with pytest.warns(UserWarning, match="cached commit"):
            assert fetch_model("ada/faces") == first
    else:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert fetch_model("ada/faces") == first
    with pytest.raises(HubError, match="cannot be reached"):
        fetch_model("ada/others")


def test_public_model_needs_no_token(hub: MiniHub, monkeypatch: pytest.MonkeyPatch) -> None:
    put_model(hub)
    hub.public = True
    monkeypatch.delenv("HF_TOKEN")
    assert fetch_model("ada/faces").repo == "ada/faces"


def test_architecture_without_weights_is_looked_up_at_the_owner(
    hub: MiniHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FER_ZOO_HUB_OWNER", "ada")
    save_artifact(tmp_path / "tiny", fer_zoo.create_model("vit_tiny"), {"metrics": {}})
    push_model(tmp_path / "tiny", "ada/vit_tiny")
    assert fer_zoo.load("vit-tiny").name == "vit_tiny"
    assert resolve_folder("cnn_baseline") == list_embedded()["cnn-baseline"]


def refuse(expected: str, address: str = "ada/faces", revision: str | None = None) -> None:
    with pytest.raises(HubError, match=expected) as raised:
        fetch_model(address, revision)
    assert "\n" not in str(raised.value)


def test_what_the_hub_does_not_give(hub: MiniHub, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse("has no model 'ada/faces'. Check the name")
    repo = put_model(hub)
    refuse("no revision 'v9'", revision="v9")
    refuse("'../x' is not a revision", revision="../x")
    refuse("differ: give one", "ada/faces@v1", "v2")
    refuse("is not a repository name", "a/b/c")
    repo.gated = True
    refuse(f"is gated: accept its terms at {hub.url}/ada/faces")
    monkeypatch.setenv("HF_TOKEN", "hf_old")
    refuse("has no model 'ada/faces'|the token was refused")
    with pytest.raises(HubError, match=r"There is no folder 'runs/mine' here"):
        fer_zoo.load("runs/mine")
    with pytest.raises(HubError, match="on this machine and has no revision"):
        fer_zoo.load("cnn-baseline", revision="main")


def test_half_finished_upload_and_another_kind_of_repository(hub: MiniHub) -> None:
    repo = put_model(hub)
    del repo.files["model.safetensors"]
    refuse("no fer_zoo model: it has no model.safetensors. If an upload stopped half-way")
    repo.files = {"pytorch_model.bin": b"code"}
    refuse("it has no config.json and no model.safetensors")
    repo.files = {"config.json": b'{"architecture": "resnet18"}', "model.safetensors": b"x"}
    with pytest.raises(ArtifactError, match="not a fer_zoo config"):
        fetch_model("ada/faces")


def test_a_cache_that_cannot_be_written_is_not_called_a_missing_network(
    hub: MiniHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put_model(hub)
    (tmp_path / "file").touch()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / "cache"))
    refuse("A file of this machine cannot be read or written .*file")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache/models--ada--faces").mkdir(parents=True)
    (tmp_path / "cache/models--ada--faces/.fer_zoo").touch()  # the files can be written, our record cannot
    with pytest.raises(WriteError, match=r"^'.*\.json' cannot be written \("):
        fetch_model("ada/faces")


def test_too_large_a_model_is_not_downloaded(hub: MiniHub, monkeypatch: pytest.MonkeyPatch) -> None:
    put_model(hub)
    monkeypatch.setattr("fer_zoo.artifacts.resolve.LARGEST", 1_000_000)
    refuse("would take 7 MB; fer_zoo downloads at most 1 MB")
    assert not [line for line in hub.log if "resolve" in line]


def test_weights_of_another_push_are_refused(hub: MiniHub, plain: Path) -> None:
    push_model(plain, "ada/faces")
    other = hub.repos[MODEL].files["model.safetensors"]
    hub.repos[MODEL].files["model.safetensors"] = other[:-1] + bytes([other[-1] ^ 1])
    with pytest.raises(ArtifactError, match=r"not the file that its config\.json was written with"):
        fer_zoo.load("ada/faces")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_changed_bytes_are_never_accepted(name: str, hub: MiniHub, tmp_path: Path) -> None:
    put_model(hub)
    fault = Fault(f"GET /ada/faces/resolve/main/{name}", change=True, times=2)
    hub.faults = [fault]
    refuse(f"{name} of ada/faces was downloaded twice and did not match")
    kept = [path for path in (tmp_path / "hub-cache").rglob("*") if path.name == name]
    assert kept == [] and fault.times == 0
    fetched = fetch_model("ada/faces").path / name
    assert fetched.read_bytes() == (SOURCE / name).read_bytes()


def test_one_fault_on_the_way_is_made_good(hub: MiniHub) -> None:
    put_model(hub)
    hub.faults = [
        Fault("GET /ada/faces/resolve/main/config.json", change=True),
        Fault("GET /ada/faces/resolve/main/model", cut=True),
        Fault("HEAD /ada/faces/resolve/main/model", status=500),
    ]
    fetched = fetch_model("ada/faces").path / "model.safetensors"
    digest = hashlib.sha256(fetched.read_bytes()).hexdigest()
    assert digest == hashlib.sha256((SOURCE / "model.safetensors").read_bytes()).hexdigest()
    assert [fault.times for fault in hub.faults] == [0, 0, 0]


def test_server_fault_and_slow_answer_are_told_soon(hub: MiniHub, monkeypatch: pytest.MonkeyPatch) -> None:
    put_model(hub)
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
    hub.faults = [Fault("GET /api/models", status=500), Fault("GET /api/models", wait=0.6)]
    refuse("Internal Error .status 500.; run it again later")
    refuse("cannot be reached .*timed out")
    assert fetch_model("ada/faces").repo == "ada/faces"


def test_push_makes_good_what_fails_on_the_way(
    hub: MiniHub, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_push, "PAUSE", 0.01)
    hub.faults = [Fault("POST .*/commit/main", status=503), Fault("POST .*/commit/main", cut=True)]
    hub.faults += [Fault("PUT /large/", status=500)]
    push_model(plain, "ada/faces")
    assert [fault.times for fault in hub.faults] == [0, 0, 0]
    torch.testing.assert_close(answer("ada/faces"), answer(SOURCE), rtol=0, atol=0)


def test_push_that_fails_keeps_what_was_there_and_is_simply_run_again(
    hub: MiniHub, plain: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hub_push, "PAUSE", 0.01)
    save_artifact(tmp_path / "old", fer_zoo.create_model("resnet_48"), {"metrics": {}})
    push_model(tmp_path / "old", "ada/faces")
    before = hub.repos[MODEL].find_commit("main")
    hub.faults = [Fault("POST .*/commit/main", status=500, times=3)]
    with pytest.raises(HubError, match="status 500"):
        push_model(plain, "ada/faces")
    assert hub.repos[MODEL].find_commit("main") == before
    hub.log.clear()
    push_model(plain, "ada/faces")
    assert not [line for line in hub.log if "/large/" in line], "what was uploaded is not sent twice"
    assert read_config(fetch_model("ada/faces").path)["fer_zoo"]["tag"] == "ferplus"


def test_push_is_refused_in_one_line(
    hub: MiniHub, plain: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(SOURCE, tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"short")
    with pytest.raises(ArtifactError, match="is not a safetensors file"):
        push_model(tmp_path / "broken", "ada/faces")
    hub.read_only = True
    with pytest.raises(HubError, match="no write permission"):
        push_model(plain, "ada/faces")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="run `hf auth login`, or set HF_TOKEN"):
        push_model(plain, "ada/faces")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with pytest.raises(HubError, match="cannot be reached"):
        push_model(plain, "ada/faces")
    assert hub.repos == {}


def test_commands_take_a_name_on_the_hub(hub: MiniHub, capsys: pytest.CaptureFixture[str], tmp_path) -> None:
    put_model(hub)
    main(["card", "ada/faces"])
    assert f"# {NAME}\n" in capsys.readouterr().out
    main(["export", "ada/faces", "--half", "--out", str(tmp_path / "half")])
    photo = Path(fer_zoo.__file__).parents[1] / "space" / "examples" / "drawn-faces.png"
    main(["predict", str(photo), "--models", "ada/faces", "--json"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(found[0]["faces"][0]["models"]) == [NAME]
    main(["data", "synth", str(tmp_path / "drawn.csv"), "--count", "70"])
    main(["eval", "ada/faces", "--data", str(tmp_path / "drawn.csv"), "--json"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["model"] == NAME
