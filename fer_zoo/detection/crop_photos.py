"""A folder of photos becomes a folder of face crops for training, with a table of where each came from."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from fer_zoo.detection.crops import MAX_FACES, is_face_crop
from fer_zoo.detection.detector import Face, crop_face, name_sides
from fer_zoo.detection.orientation import find_upright_faces
from fer_zoo.emotions import SIDE
from fer_zoo.errors import DataError, ImageError, UnknownNameError, one_line
from fer_zoo.utils.files import as_utf8, remove_partial_files, write_atomically, write_csv
from fer_zoo.utils.images import SUFFIXES, Scale, read_scaled_photo, whole_picture
from fer_zoo.utils.photo_inputs import split_chunks

TABLE = "crops.csv"
COLUMNS = ("file", "source", "faces", "x", "y", "width", "height", "score", "angle", "status")
CROPPED, WHOLE, NO_FACE = "cropped", "already a face crop", "no face"  # any other status is an error
WHICH = ("largest", "all")
MIN_SIZE, MAX_SIZE = 16, 1024  # pixels
UNREADABLE = {".heic", ".heif", ".dng", ".cr2", ".cr3", ".nef", ".arw"}  # photos that Pillow does not decode
THREADS = 4  # that read and search: more wait for each other
CHUNK = 32  # photos: what Ctrl-C may have to wait for

Row = dict[str, Any]  # by COLUMNS


@dataclass
class CropSummary:
    """What `crop_photos` did. Names are paths relative to the photos' folder."""

    photos: int = 0  # in the table
    faces: int = 0  # crops
    already_there: int = 0  # photos of an earlier run of the same command
    no_face: list[str] = field(default_factory=list)
    several_faces: list[str] = field(default_factory=list)  # photos with more than one
    broken: dict[str, str] = field(default_factory=dict)  # the error of each photo that cannot be read
    # number of files by suffix that look like photos in a format that is not read, as .heic
    unreadable: dict[str, int] = field(default_factory=dict)


def crop_photos(
    photos: str | Path,
    out: str | Path,
    *,
    size: int = SIDE,
    faces: str = "largest",
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> CropSummary:
    """Find the faces of a folder's photos and write them as gray PNG files into the same folder structure.

    Faces are turned upright and framed as in FER2013. A picture that already is a small square is taken as
    it is. OUT/crops.csv has a row for each crop, and one for each photo without a face or that cannot be
    read; the box is in pixels of the photo, `angle` the face's tilt in degrees clockwise. A second run
    continues: it skips the photos in that table, and tries those again that could not be read.

    Args:
        photos: A folder, searched recursively. Hidden files are skipped.
        out: A new or empty folder, or that of an earlier run.
        size: Side of the crops in pixels. Training needs no more than the default.
        faces: "largest" takes one face of each photo, "all" up to 32.
        progress: Called with the numbers of finished photos and of all photos.

    Raises:
        ImageError: There is no photo in the folder.
        DataError: The size is out of range, or OUT holds other files, crops of another size, or more crops
            of a photo than `faces` takes.
        UnknownNameError: Another value of `faces`.
    """
    root, folder = Path(photos).expanduser(), Path(out).expanduser()
    if faces not in WHICH:
        raise UnknownNameError("value of faces", faces, WHICH)
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise DataError(f"A crop of {size} pixels; allowed are {MIN_SIZE} to {MAX_SIZE}.")
    most = 1 if faces == "largest" else MAX_FACES
    done = _read_done(folder, most, size)
    sources, unreadable = _list_photos(root, folder)
    summary = CropSummary(unreadable=unreadable, already_there=sum(source in done for source in sources))
    todo = {source: path for source, path in sources.items() if source not in done}
    taken = {row["file"].lower() for rows in done.values() for row in rows}
    stored = ([row[column] for column in COLUMNS] for rows in done.values() for row in rows)
    write_csv(folder / TABLE, [COLUMNS, *stored], lineterminator="\n")
    with (
        (folder / TABLE).open("a", newline="", encoding="utf-8") as file,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        for count, (source, found) in enumerate(_crop_each(todo, size, most, pool), 1):
            done[source] = _save(folder, todo[source].relative_to(root), source, found, taken)
            writer.writerows(done[source])
            file.flush()
            progress(summary.already_there + count, len(sources))
    return _summarize(summary, {source: done[source] for source in sources})


def _list_photos(root: Path, out: Path) -> tuple[dict[str, Path], dict[str, int]]:
    """Photos by name, sorted, and the number of unreadable files by suffix."""
    if not root.is_dir():
        raise ImageError(f"{root}: no such folder. Give a folder of photos, with a folder for each class.")
    outside, found, unreadable = out.resolve(), {}, Counter[str]()
    for path in sorted(root.rglob("*")):
        inner, suffix = path.relative_to(root), path.suffix.lower()
        if any(part.startswith(".") for part in inner.parts) or outside in path.resolve().parents:
            continue
        if suffix in SUFFIXES and path.is_file():
            found[as_utf8(inner.as_posix())] = path
        elif suffix in UNREADABLE:
            unreadable[suffix] += 1
    if not found:
        skipped = f" {_describe_unreadable(unreadable)}" if unreadable else ""
        raise ImageError(f"{root}: no picture in this folder.{skipped}")
    return found, dict(unreadable)


def _read_done(out: Path, most: int, size: int) -> dict[str, list[Row]]:
    """Rows of an earlier run by photo, without those that are incomplete or have to be tried again."""
    table = out / TABLE
    if not table.is_file():
        if out.is_dir() and any(out.iterdir()):
            raise DataError(f"{str(out)!r} holds other files, and no {TABLE}: give a new or an empty folder.")
        return {}
    remove_partial_files(out)
    by_source: dict[str, list[Row]] = {}
    try:
        with table.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise DataError(f"{str(table)!r} is not the table of an earlier run: give another folder.")
            for row in reader:
                by_source.setdefault(row["source"], []).append(row)
        _check_counts(out, by_source, most)
        done = {source: rows for source, rows in by_source.items() if _is_done(out, rows, most)}
        _check_size(out, done, size)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{str(table)!r} cannot be read ({one_line(error)}): give another folder.") from None
    return done


def _is_done(out: Path, rows: Sequence[Row], most: int) -> bool:
    if any(row["status"] not in (CROPPED, WHOLE, NO_FACE) or not row["faces"].isdecimal() for row in rows):
        return False
    count = int(rows[0]["faces"])
    return len(rows) == max(1, min(count, most)) and all(
        (out / row["file"]).is_file() for row in rows if row["status"] != NO_FACE
    )


def _check_counts(out: Path, by_source: dict[str, list[Row]], most: int) -> None:
    """Training would learn the crops that a run with fewer faces leaves without a row."""
    for source, rows in by_source.items():
        if len(rows) > most:
            raise DataError(
                f"{str(out)!r} holds {len(rows)} crops of {source!r}, not {most}: give another folder, or "
                "take all faces again."
            )


def _check_size(out: Path, done: dict[str, list[Row]], size: int) -> None:
    name = next((row["file"] for rows in done.values() for row in rows if row["file"]), None)
    if name is None:
        return
    with PIL.Image.open(out / name, formats=["PNG"]) as first:
        if first.size != (size, size):
            raise DataError(
                f"{str(out)!r} holds crops of {first.width} pixels, not of {size}: give another folder."
            )


def _crop_each(
    photos: dict[str, Path], size: int, most: int, pool: ThreadPoolExecutor
) -> Iterator[tuple[str, tuple[list[Row], list[np.ndarray]]]]:
    """Name, rows without a file, and crops of each photo, in order."""
    for chunk in split_chunks(photos, CHUNK):
        yield from zip(chunk, pool.map(lambda name: _crop(photos[name], size, most), chunk), strict=True)


def _crop(path: Path, size: int, most: int) -> tuple[list[Row], list[np.ndarray]]:
    try:
        image, scale = read_scaled_photo(path)
    except ImageError as error:
        return [{"status": str(error).removeprefix(f"{path}: ")}], []
    if is_face_crop(image):
        return [{"faces": 1, **name_sides((0, 0, *image.size)), "angle": 0, "status": WHOLE}], [
            whole_picture(image, size)
        ]
    found, _ = find_upright_faces(image)
    if not found:
        return [{"faces": 0, "status": NO_FACE}], []
    rows = [_describe_face(face, scale, len(found)) for face in found[:most]]
    return rows, [crop_face(image, face, size) for face in found[:most]]


def _describe_face(face: Face, scale: Scale, count: int) -> Row:
    angle = round(float(np.degrees(face.tilt)), 1)
    return {
        "faces": count,
        **name_sides(face.scale_box(scale)),
        "score": face.score,
        "angle": angle,
        "status": CROPPED,
    }


def _save(
    out: Path, inner: Path, source: str, found: tuple[list[Row], list[np.ndarray]], taken: set[str]
) -> list[Row]:
    """Write the crops of one photo; the complete rows."""
    rows, crops = found
    for number, crop in enumerate(crops, 1):
        name = _choose_name(inner, number, taken)
        write_atomically(out / name, partial(PIL.Image.fromarray(crop).save, format="PNG"))
        rows[number - 1]["file"] = as_utf8(name.as_posix())
    return [{**dict.fromkeys(COLUMNS, ""), **row, "source": source} for row in rows]


def _choose_name(inner: Path, number: int, taken: set[str]) -> Path:
    """A new name beside that of the photo, also where names differ in case only: see `taken`."""
    end = f"-{number}" if number > 1 else ""
    stem, suffix = inner.stem, inner.suffix.lower().lstrip(".")
    attempt = 0
    while True:
        middle = "" if attempt == 0 else f"-{suffix}" if attempt == 1 else f"-{suffix}-{attempt}"
        name = inner.with_name(f"{stem}{middle}{end}.png")
        if (key := as_utf8(name.as_posix()).lower()) not in taken:
            taken.add(key)
            return name
        attempt += 1


def _summarize(summary: CropSummary, done: dict[str, list[Row]]) -> CropSummary:
    for source, rows in done.items():
        status = rows[0]["status"]
        summary.photos += 1
        if status in (CROPPED, WHOLE):
            summary.faces += len(rows)
            if int(rows[0]["faces"]) > 1:
                summary.several_faces.append(source)
        elif status == NO_FACE:
            summary.no_face.append(source)
        else:
            summary.broken[source] = status
    return summary


def format_crop_summary(summary: CropSummary, out: Path, faces: str = "largest") -> str:
    """One line: what was written, and what was not."""
    photos = f"{summary.photos:,} photo{'' if summary.photos == 1 else 's'}"
    parts = [f"{photos}: {summary.faces:,} face{'' if summary.faces == 1 else 's'} in {out}"]
    if summary.already_there:
        parts.append(f"{summary.already_there:,} photos were there already")
    if several := len(summary.several_faces):
        parts.append(f"{several:,} with several faces ({'all' if faces == 'all' else 'the largest'} taken)")
    if none := len(summary.no_face):
        parts.append(f"{none:,} without a face")
    if broken := len(summary.broken):
        parts.append(f"{broken:,} cannot be read")
    text = f"{', '.join(parts)}. {TABLE} lists them."
    return f"{text} {_describe_unreadable(summary.unreadable)}" if summary.unreadable else text


def _describe_unreadable(unreadable: dict[str, int]) -> str:
    counts = ", ".join(f"{count:,} {suffix}" for suffix, count in sorted(unreadable.items()))
    return f"Not read: {counts}; save them as JPEG."
