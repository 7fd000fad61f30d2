"""The page as programs meet it: over HTTP on loopback, with no browser."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from fer_zoo import EMOTIONS

SESSION = "tests"


@pytest.fixture(scope="module")
def client(served: Any) -> Client:
    return Client(served.url, verbose=False)


def compare(client: Client, photo: Path, models: list[str] | None = None) -> dict[str, Any]:
    return client.predict(photo=handle_file(str(photo)), models=models, api_name="/compare")


def test_compare_gives_the_json_of_predict(client: Client, pair: Path) -> None:
    answer = compare(client, pair)
    assert answer["image"] == "pair.png" and len(answer["faces"]) == 2
    for face in answer["faces"]:
        assert list(face["models"]) == ["cnn-baseline", "resnet_48"]
        assert all(list(named) == list(EMOTIONS) for named in face["models"].values())
        assert all(sum(named.values()) == pytest.approx(1) for named in face["models"].values())
    x, y, width, height = max((face["box"] for face in answer["faces"]), key=lambda box: box[2])
    assert x > 20 and y > 20 and x + width < 532 and y + height < 620


def test_compare_asks_only_the_models_that_are_named(client: Client, portrait: Path) -> None:
    (face,) = compare(client, portrait, ["resnet_48"])["faces"]
    assert list(face["models"]) == ["resnet_48"]


def test_photo_without_a_face_has_an_empty_list(client: Client, no_face: Path) -> None:
    assert compare(client, no_face) == {"image": "plain.png", "faces": []}


@pytest.mark.parametrize("name", ["no-such-model", "/etc", "../weights"])
def test_model_that_is_not_offered_is_refused(client: Client, portrait: Path, name: str) -> None:
    with pytest.raises(AppError, match=r"Unknown model .*Known: cnn-baseline, resnet_48"):
        compare(client, portrait, [name])


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}], ids=["bare", "as uploaded"])
def test_endpoint_reads_no_file_of_the_server(served: Any, portrait: Path, meta: dict[str, Any]) -> None:
    for path in (str(portrait), f"{served.uploads}/../../{portrait.parent.name}/{portrait.name}"):
        answer = served.call({"path": path, **meta})
        assert "event: error" in answer and "faces" not in answer


def test_link_out_of_the_upload_folder_is_not_followed(served: Any, portrait: Path) -> None:
    link = served.uploads / "link.png"
    link.symlink_to(portrait)
    answer = served.call({"path": str(link)})
    link.unlink(missing_ok=True)  # the page deletes old uploads, on a slow machine before this
    assert "no uploaded picture" in answer


def test_upload_event_reads_no_file_of_the_server(served: Any, portrait: Path) -> None:
    for sent in ({"path": str(portrait)}, None, {}, "x", ["x"], {"path": 7}):
        try:
            told = served.add(sent, ["cnn-baseline"])
        except RuntimeError as error:
            told = str(error)
        assert re.search("no uploaded picture|does not fit the page|not in the cache folder", told)
        assert "fz-panel" not in told


def test_models_that_fail_leave_the_others_alone(
    served: Any, client: Client, portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from page.offered_models import create_recognizer

    def fail(_: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(create_recognizer(["resnet_48"]).models["resnet_48"], "forward", fail)
    html = served.add(portrait, ["cnn-baseline", "resnet_48"])
    assert html.count(">out of memory<") == 1 and "fz-answer" in html
    answer = compare(client, portrait)
    assert list(answer["faces"][0]["models"]) == ["cnn-baseline"]
    assert answer["errors"] == {"resnet_48": "out of memory"}


def test_heatmaps_come_for_the_asked_face_while_the_photo_is_held(served: Any, pair: Path) -> None:
    served.add(pair, ["cnn-baseline", "resnet_48"])
    maps = {}
    for emotion in ("happy", "sad"):
        asked = {"face": 1, "emotion": emotion}
        (html,) = served.press("show_heats", [None], asked, language="es")
        maps[emotion] = re.findall(r'src="(data:image/webp[^"]+)"', html)
        assert len(maps[emotion]) == 2 and f'data-of="1" data-emotion="{emotion}"' in html
    assert "cnn-baseline: zonas que más contaron para tristeza" in html and "El mapa es tosco" in html
    assert set(maps["happy"]).isdisjoint(maps["sad"])
    for wrong in ({"face": 2}, {"face": -1}, {"face": "x"}, {}, None, "x", {"face": 0, "emotion": "hungry"}):
        assert served.press("show_heats", [None], wrong) == [""]
    served.press("forget_photo", [])
    with pytest.raises(RuntimeError, match="Add it again"):
        served.press("show_heats", [None], {"face": 0, "emotion": "sad"})


def test_result_is_in_the_language_of_the_visitor(served: Any, portrait: Path, no_face: Path) -> None:
    html = served.add(portrait, ["cnn-baseline"], language="es-MX")
    assert "Cara 1" in html and "Olvidar la foto" in html and "tristeza" in html
    html = served.add(no_face, ["cnn-baseline"], language="es")
    assert "Usar la imagen entera" in html


def empty(path: Path) -> None:
    path.write_bytes(b"")


def words(path: Path) -> None:
    path.write_text("no picture", encoding="utf-8")


def cut_off(path: Path) -> None:
    Image.effect_noise((200, 200), 50).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:3000])


def bomb(path: Path) -> None:
    Image.new("1", (12000, 12000)).save(path, "PNG")


def vector(path: Path) -> None:
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', encoding="utf-8"
    )


@pytest.mark.parametrize("write", [empty, words, cut_off, bomb, vector])
def test_bad_file_is_told_in_one_line_with_its_name(
    client: Client, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    path = tmp_path / "bad.png"
    write(path)
    with pytest.raises(AppError) as raised:
        compare(client, path)
    message = str(raised.value)
    assert message.startswith("bad.png: ") and "\n" not in message and str(tmp_path.parent) not in message


def test_a_bad_file_takes_the_place_of_the_answer_before(served: Any, portrait: Path, broken: Path) -> None:
    served.add(portrait, ["cnn-baseline"])
    assert "broken.png: the picture is damaged" in served.add(broken, ["cnn-baseline"])
    assert "fz-panel" not in served.press("choose_models", [None, ["cnn-baseline"]], {"held": True})[1]


SPANISH = [
    (empty, "dañada"),
    (words, "no es una imagen de un tipo que se lea"),
    (cut_off, "dañada"),
    (bomb, "40 megapíxeles"),
    (vector, "no es una imagen de un tipo que se lea"),
    (lambda path: Image.new("L", (9, 90)).save(path), "desde 16 píxeles"),
    (lambda path: path.write_bytes(bytes(11_000_000)), "pasa de 10 MB"),
    (lambda path: Image.new("F", (90, 90), 7).save(path, "TIFF"), "Guárdala como JPEG"),
]


@pytest.mark.parametrize(("write", "told"), SPANISH)
def test_page_tells_a_bad_file_in_spanish_to_who_prefers_that(
    served: Any, tmp_path: Path, write: Callable[[Path], None], told: str
) -> None:
    path = tmp_path / "mala.png"
    write(path)
    assert re.search(rf"<p>mala\.png: .*{told}", served.add(path, ["cnn-baseline"], language="es"))


def test_picture_over_ten_and_upload_over_fifty_megabytes_are_refused(served: Any, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(bytes(11_000_000))
    assert "over 10 MB" in served.call(served.upload(large), ["cnn-baseline"])
    files = {"files": ("larger.zip", bytes(51_000_000))}
    assert httpx.post(f"{served.url}/gradio_api/upload", files=files).status_code == 413


def test_result_shows_each_face_and_the_page_keeps_no_file(served: Any, pair: Path) -> None:
    html = served.add(pair, ["cnn-baseline", "resnet_48"])
    assert html.count('class="fz-box"') == html.count('class="fz-chip"') == html.count('"fz-panel"') == 2
    assert (
        html.count('class="fz-top"') == 6
    )  # one for each face and model, and again for the model that leads
    assert "/file=" not in html and html.count('src="data:image/') == 5  # the photo, two crops twice
    deadline = time.monotonic() + 20
    while served.list_files() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not served.list_files()


def test_photo_is_held_for_other_models_until_it_is_forgotten(served: Any, portrait: Path) -> None:
    served.add(portrait, ["cnn-baseline"])
    _, html, _ = served.press("choose_models", [None, ["resnet_48"]], {"held": True})
    assert "resnet_<wbr>48" in html and "cnn-baseline" not in html
    session = served.page.app.state_holder.session_data[SESSION]
    assert any(session.state_data.values()) and "data:image/jpeg" in str(session.config_values)
    _, html, _ = served.press("choose_models", [None, []], {"held": True})
    assert "No model is selected" in html and "data-held" in html
    served.press("forget_photo", [])
    assert not any(session.state_data.values()) and "data:image/jpeg" not in str(session.config_values)


def test_a_photo_that_the_server_has_dropped_is_said_to_be_gone(served: Any, portrait: Path) -> None:
    """Not where no photo was given, or it was refused: what the page says of it stays."""
    assert "data-held" in served.add(portrait, ["cnn-baseline"])
    served.page.app.state_holder.session_data.pop(SESSION)
    chosen = [None, ["resnet_48"]]
    for name in ("choose_models", "use_whole"):
        told = served.press(name, chosen, {"held": True})[1]
        assert "no longer has this photo. Add it again." in told and "data-held" not in told
    assert "ya no tiene esta foto" in served.press("choose_models", chosen, {"held": True}, "es")[1]
    for sent in ({"held": False}, None):
        assert "fz-" not in str(served.press("choose_models", chosen, sent))


def test_words_of_welcome_that_come_late_leave_the_answer_alone(served: Any, portrait: Path) -> None:
    served.press("forget_photo", [])
    assert "Aquí aparece la respuesta" in served.press("show_welcome", [None], language="es")[0]
    served.add(portrait, ["cnn-baseline"])
    assert "respuesta" not in str(served.press("show_welcome", [None], language="es"))


def test_closing_the_page_drops_its_photo(served: Any, portrait: Path) -> None:
    served.add(portrait, ["cnn-baseline"])
    sessions = served.page.app.state_holder.session_data
    assert SESSION in sessions
    with httpx.stream("GET", f"{served.url}/gradio_api/heartbeat/{SESSION}") as beat:
        next(beat.iter_bytes())
    deadline = time.monotonic() + 20
    while SESSION in sessions and time.monotonic() < deadline:
        time.sleep(0.1)
    assert SESSION not in sessions


def test_whole_picture_is_read_as_one_face(served: Any, no_face: Path) -> None:
    html = served.add(no_face, ["cnn-baseline"])
    assert "No face found" in html and "Use the whole picture" in html
    _, html, _ = served.press("use_whole", [None, ["cnn-baseline"]])
    assert "The whole picture is read as one face" in html and html.count('"fz-panel"') == 1


def test_equal_photos_at_once_do_not_take_each_others_file(served: Any, portrait: Path) -> None:
    def ask(_: int) -> int:
        return len(compare(Client(served.url, verbose=False), portrait, ["resnet_48"])["faces"])

    with ThreadPoolExecutor(4) as pool:  # few: an upload that waits for 4 seconds is deleted here
        assert list(pool.map(ask, range(16))) == [1] * 16


def test_only_comparing_is_offered_to_programs(client: Client) -> None:
    assert list(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == [
        "/compare",
        "/compare_picture",
    ]


def test_nothing_is_recorded_or_fetched(served: Any) -> None:
    assert not served.page.analytics_enabled and served.page.config["run_history"] is False
    assert httpx.get(f"{served.url}/gradio_api/runs").status_code == 404
    assert httpx.get(f"{served.url}/monitoring").status_code in (403, 404)
    theme = httpx.get(f"{served.url}/theme.css").text
    assert "url(http" not in theme and "@import" not in theme
