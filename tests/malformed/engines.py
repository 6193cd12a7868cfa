"""Damaged engines. Row 13 of the table of bad input; every single byte is flipped by tests/fuzz."""

import struct
import subprocess

import numpy as np

from build import graph, model, node, tensor, value

INVALID, UNSUPPORTED = "INVALID_MODEL", "UNSUPPORTED"


def small_model():
    weight = tensor("w", np.linspace(-1, 1, 16 * 16 * 9, dtype=np.float32).reshape(16, 16, 3, 3))
    return model(
        graph(
            [node("Conv", ["x", "w"], pads=[1, 1, 1, 1])],
            [value("x", (1, 16, 8, 8))],
            weights=[weight],
        )
    )


def cases(drawbar, folder):
    source, engine = folder / "small.onnx", folder / "small.engine"
    source.write_bytes(small_model().SerializeToString())
    subprocess.run(
        [drawbar, "compile", source, "-o", engine, "--deterministic"],
        check=True,
        capture_output=True,
    )
    right = engine.read_bytes()
    path = folder / "damaged.engine"

    def case(name, content, code=INVALID, words=""):
        path.write_bytes(content)
        return f"{name}", path, code, words

    yield case("right", right, None)
    for part in (0, 1, 7, 8, 16, 63, 64, 65):
        yield case(f"first_{part}_bytes", right[:part], INVALID)
    for part in (10, 25, 50, 75, 90):
        yield case(f"cut_at_{part}", right[: len(right) * part // 100])
    yield case("cut_by_1", right[:-1])
    yield case("longer_by_1", right + b"\0")
    yield case("twice", right + right)
    for at in range(0, 64, 4):
        damaged = bytearray(right)
        damaged[at] ^= 0x40
        yield case(f"header_byte_{at}", bytes(damaged), UNSUPPORTED if at == 8 else INVALID)
    rng = np.random.default_rng(13)
    for at in sorted(int(i) for i in rng.integers(64, len(right), 24)):
        damaged = bytearray(right)
        damaged[at] ^= 1 << int(rng.integers(8))
        yield case(f"byte_{at}", bytes(damaged))
    newer = bytearray(right)
    newer[8:12] = struct.pack("<I", 99)
    yield case("version_99", bytes(newer), UNSUPPORTED, "99")
