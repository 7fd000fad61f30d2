"""Untrusted pictures and videos are decoded in child processes with bounded memory and CPU time: a malicious
file that passes every check costs a bounded amount, and kills only the child.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import LifoQueue
from typing import Any

import numpy as np
import PIL.Image

from fer_zoo.errors import ImageError
from fer_zoo.recognition import video as frames
from fer_zoo.utils import images as photos

CHILDREN = 4  # pictures decoded at a time; each video has a child of its own
PICTURE_CPU_S = 10  # for one picture; 40 megapixels take 0.4 to 3.3
PICTURE_WALL_S = 60.0  # the same on a busy machine
VIDEO_S = 600.0  # default for a video
PICTURE_MEMORY = 1_200_000_000  # bytes beyond those of a new child; 40 megapixels take 0.2 to 0.84e9
VIDEO_MEMORY = 2_000_000_000  # FFmpeg buffers some frames a thread, and thread stacks count
MAX_REPLY = 3 * photos.MAX_PIXELS + 1000  # bytes: a frame

# The child imports the package from the same path as this process.
_CODE = "import sys; fd = int(sys.argv[1]); sys.path[:] = sys.argv[2:]\n"
_CODE += "from fer_zoo.recognition.decoder_process import serve; serve(fd)"
# Libraries that start a thread a core get one thread: stacks count as memory.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class _ChildDiedError(Exception):
    """The child took too long, or ended without a reply."""


class _Child:
    """A decoding process, started by the constructor. Call `stop` at the end."""

    def __init__(self) -> None:
        self._pipe, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _CODE, str(theirs.fileno()), *sys.path],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **_ENVIRONMENT},
                start_new_session=True,  # Ctrl-C reaches only the parent
            )

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def send(self, request: dict[str, Any], body: bytes = b"") -> None:
        try:
            _send(self._pipe, request, body)
        except OSError:
            raise _ChildDiedError from None

    def receive(self, until: float) -> tuple[dict[str, Any], bytes]:
        """until: deadline on the monotonic clock. Raises the child's ImageError, _ChildDiedError."""
        try:
            if not self._pipe.poll(max(0.0, until - time.monotonic())):
                raise _ChildDiedError
            reply = json.loads(self._pipe.recv_bytes(MAX_REPLY))
            body = self._pipe.recv_bytes(MAX_REPLY)
        except (OSError, EOFError, ValueError):
            raise _ChildDiedError from None
        if "error" in reply:
            raise ImageError(reply["error"], reply["kind"])
        return reply, body

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._pipe.close()


_idle: "LifoQueue[_Child | None]" = LifoQueue()
for _ in range(CHILDREN):
    _idle.put(None)  # started on demand


def isolate_decoding() -> bool:
    """Decode pictures given as bytes, and all videos, in child processes from now on.

    For programs that read untrusted files, such as the web demo. A picture may take 10 s of CPU time and
    1.2 GB, a video 2 GB; what takes more raises ImageError, as a damaged file does. The overhead is some
    milliseconds a picture.

    Returns:
        False, with no effect, where the resources of a process cannot be limited (Windows).
    """
    if os.name != "posix":
        return False
    photos.decode_bytes_with(decode_photo)
    frames.read_frames_with(read_frames)
    atexit.register(stop_children)
    return True


def stop_children() -> None:
    """Stop the idle children; new ones are started on demand."""
    for _ in range(CHILDREN):
        child = _idle.get()
        if child:
            child.stop()
        _idle.put(None)


def decode_photo(encoded: bytes) -> tuple[PIL.Image.Image, photos.Scale]:
    """As `photos.decode_photo`, in a child. Raises ImageError."""
    child = _idle.get()
    try:
        if child is None or not child.is_alive:
            child = _Child()
        child.send({"cpu_s": PICTURE_CPU_S, "memory": PICTURE_MEMORY}, encoded)
        reply, pixels = child.receive(time.monotonic() + PICTURE_WALL_S)
        return PIL.Image.frombytes("RGB", tuple(reply["size"]), pixels), tuple(reply["scale"])
    except _ChildDiedError:
        assert child
        child.stop()
        child = None
        raise ImageError(
            "The bytes: decoding takes more time or memory than a picture of up to 40 megapixels needs; save "
            "it again as JPEG or PNG.",
            "limit",
        ) from None
    finally:
        _idle.put(child)


def read_frames(path: Path, per_second: float, longest_s: float | None) -> Iterator[frames.RawFrame]:
    """As `frames.read_frames`, in a child of its own. Raises ImageError."""
    limit = VIDEO_S if longest_s is None else longest_s
    until = time.monotonic() + limit
    child = _Child()
    try:
        cpu_s = int(limit * (os.cpu_count() or 1)) + 1  # also ends a child whose parent has died
        request = {"video": str(path), "per_second": per_second, "cpu_s": cpu_s, "memory": VIDEO_MEMORY}
        child.send(request)
        while time.monotonic() < until:  # `receive` returns a waiting reply even after the deadline
            reply, pixels = child.receive(until)
            if "shape" not in reply:
                return
            array = np.frombuffer(pixels, np.uint8).reshape(reply["shape"])
            yield frames.RawFrame(reply["seconds"], array, reply["length"])
        raise frames.make_time_error(path, limit)
    except _ChildDiedError:
        if time.monotonic() >= until:
            raise frames.make_time_error(path, limit) from None
        raise ImageError(f"{path}: decoding it takes more memory than is allowed.", "limit") from None
    finally:
        child.stop()


def serve(handle: int) -> None:
    """The child: answers requests until the parent closes the pipe."""
    import resource

    pipe = Connection(handle)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the parent has died, or needs no more frames
    while True:
        try:
            request, body = json.loads(pipe.recv_bytes()), pipe.recv_bytes()
        except EOFError:
            return
        try:
            if "video" in request:
                _answer_video(pipe, request)
            else:
                _answer_photo(pipe, request, body)
        except (ImageError, MemoryError) as error:
            message = str(error) or "there is not enough memory to decode it."
            _send(pipe, {"error": message, "kind": getattr(error, "kind", "damaged")})


def _answer_photo(pipe: Connection, request: dict[str, Any], encoded: bytes) -> None:
    _limit_process(request["cpu_s"], request["memory"])
    photo, scale = photos.decode_photo(encoded)
    _send(pipe, {"size": photo.size, "scale": scale}, photo.tobytes())


def _answer_video(pipe: Connection, request: dict[str, Any]) -> None:
    import cv2  # noqa: F401 - before the memory is limited

    _limit_process(request["cpu_s"], request["memory"])
    for seconds, pixels, length in frames.read_frames(Path(request["video"]), request["per_second"]):
        _send(pipe, {"seconds": seconds, "length": length, "shape": pixels.shape}, pixels.reshape(-1).data)
    _send(pipe, {})


def _send(pipe: Connection, header: dict[str, Any], body: bytes | memoryview = b"") -> None:
    pipe.send_bytes(json.dumps(header).encode())
    pipe.send_bytes(body)


def _limit_process(cpu_s: int, memory: int) -> None:
    """Limit CPU seconds and bytes of memory beyond those used so far."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
    size = Path("/proc/self/statm")
    if size.exists():  # Linux; macOS has no such file, and does not enforce the limit
        pages = int(size.read_text(encoding="utf-8").split()[0])
        resource.setrlimit(
            resource.RLIMIT_AS, (pages * resource.getpagesize() + memory, resource.RLIM_INFINITY)
        )
