"""A process that is forked after a model was used, as multiprocessing on Linux does, can use it too."""

import os
import subprocess
import sys

import pytest

WORK = """
import os, signal, sys
import numpy as np
import fer_zoo

photo = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
recognizer = fer_zoo.Recognizer(["cnn-baseline"])
model = recognizer.models["cnn-baseline"]
faces = [np.zeros((48, 48), np.uint8)] * 16

def work():
    recognizer.recognize(photo)
    return model.predict(faces)

expected = work()
child = os.fork()
if child == 0:
    signal.alarm(30)
    answers = work()
    os._exit(0 if all(np.allclose(list(a.values()), list(b.values()), atol=1e-5)
                      for a, b in zip(answers, expected)) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no process")
def test_a_forked_process_predicts() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-W", "ignore", "-c", WORK]
    ended = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, f"the child's exit code; 14 is its alarm: {ended}"
