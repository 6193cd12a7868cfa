"""What onnxruntime answers, kept in .cache so that it is asked once."""
import hashlib
import os
from pathlib import Path

import numpy as np

from contender import OnnxRuntime


def digest_file(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_arrays(arrays):
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class Expected:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.peer = OnnxRuntime()

    def answers(self, model, inputs, key=None):
        """Outputs by name of the model at path `model`. `key` stands for the model's content where
        that is cheaper to tell than by reading the file."""
        import onnxruntime

        version = onnxruntime.__version__
        parts = f"{version} {key or digest_file(model)} {digest_arrays(inputs)}"
        file = self.folder / f"{hashlib.sha256(parts.encode()).hexdigest()[:32]}.npz"
        if not file.exists():
            outputs = self.peer.run(model, inputs)
            partial = file.with_suffix(".partial.npz")
            # Names are data, because a name of an output need not be one of a file.
            np.savez(partial, np.array(list(outputs)), *outputs.values())
            os.replace(partial, file)
        with np.load(file) as saved:
            names, *arrays = (saved[name] for name in saved.files)
        return dict(zip(names.tolist(), arrays))


def worst_difference(got, want):
    """The largest difference of one output over its largest magnitude. Infinite where shapes or
    types differ, or what is not finite does not stand in the same places."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return float("inf")
    a, b = got.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(b)
    if not np.array_equal(np.isfinite(a), finite):
        return float("inf")
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return float("inf")
    if not finite.any():
        return 0.0
    return float(np.abs(a - b)[finite].max() / max(np.abs(b[finite]).max(), 1e-30))


def expect_equal(got, want, tolerance=1e-3):
    """Raises AssertionError naming the output that differs by more than `tolerance` of its largest
    value; gives the worst difference."""
    missing = set(want) - set(got)
    assert not missing, f"outputs are missing: {', '.join(sorted(missing))}"
    worst = 0.0
    for name, expected in want.items():
        difference = worst_difference(got[name], expected)
        assert difference <= tolerance, (
            f"{name} differs by {difference:.1e} of its largest value, at most {tolerance:.0e}; "
            f"got {got[name].dtype}{list(got[name].shape)}, "
            f"expected {expected.dtype}{list(expected.shape)}")
        worst = max(worst, difference)
    return worst


def note(difference):
    return f"differs by at most {difference:.1e}"


def expect_boxes(got, want, share=0.95):
    """Raises AssertionError unless at least `share` of the wanted boxes have a partner of the same
    label, an intersection over union of at least 0.9 and a score within 0.01, in any order."""
    def area(boxes):
        return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)

    count = len(want["boxes"])
    a, b = want["boxes"][:, None], got["boxes"][None]
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    both = np.prod(np.maximum(high - low, 0), axis=-1)
    partner = both >= 0.9 * np.maximum(area(a) + area(b) - both, 1e-9)
    partner &= want["labels"][:, None] == got["labels"][None]
    partner &= np.abs(want["scores"][:, None] - got["scores"][None]) <= 0.01
    matched = int(partner.any(axis=1).sum())
    assert matched >= share * count and (count or not len(got["boxes"])), (
        f"{matched} of {count} boxes have a partner among {len(got['boxes'])}, "
        f"at least {share:.0%} must")
    return f"{matched} of {count} boxes matched"
