"""A coverage-guided fuzzer for one reader: `pip install atheris`, then for 100,000 mutated inputs

    PYTHONPATH=. python tests/safety/fuzz.py csv -runs=100000

libFuzzer stops at anything but an error of our family, at two seconds of processor time for one input (or a
minute, should the machine be busy), and at the memory below; then it writes the input to a file beside.
"""

import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]
MAX_MB = 2048  # resident, with torch and everything else that is imported
LONGEST_S = 2
LARGEST_INPUT = 20_000  # bytes

with atheris.instrument_imports(include=["fer_zoo", "batch_tab", "page"]):
    import readers


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in readers.READERS:
        raise SystemExit(f"Give one of {', '.join(readers.READERS)}.")
    warnings.simplefilter("ignore")
    os.environ["FER_ZOO_CACHE"] = "/proc/none"  # nothing is kept
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-", dir="/dev/shm"))
    path = folder / "input" / readers.READERS[name][0]
    path.parent.mkdir(parents=True)
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(readers.write_seeds(name)):
        (corpus / str(number)).write_bytes(seed)

    def test_one(encoded: bytes) -> None:
        start = time.process_time()
        readers.check(name, path, encoded)
        assert time.process_time() - start < LONGEST_S, "too slow"

    bounds = [f"-timeout={30 * LONGEST_S}", f"-rss_limit_mb={MAX_MB}", f"-max_len={LARGEST_INPUT}"]
    # Most of what reads a picture or an array is no Python and counts as no coverage: so every good input
    # stays one to begin from, at its length.
    keep = ["-keep_seed=1", "-reduce_inputs=0", "-len_control=0"]
    atheris.Setup([sys.argv[0], *sys.argv[2:], *bounds, *keep, str(corpus)], test_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
