"""Read the tensors of a torch checkpoint of the legacy format, without torch.

Before torch 1.6, torch.save wrote five pickles one after another: a magic number, the protocol
version, a table of type sizes, the object, and the list of storage keys; then, for every key, the
number of elements and the raw elements, little endian. A tensor in the object is a call of
_rebuild_tensor_v2 on a storage, which the pickle names by a persistent id.

A pickle is a program. This reader resolves the few names that a dictionary of tensors needs, all
of them to code of its own, and refuses every other, so nothing in the file is ever executed.
"""
import pickle
import struct
from collections import OrderedDict

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
STORAGES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ByteStorage": np.dtype("u1"),
}


class Tensor:
    """A strided window into a storage whose bytes come later in the file."""

    def __init__(self, storage, offset, shape, strides):
        self.key, self.dtype, self.size = storage
        self.offset, self.shape, self.strides = offset, tuple(shape), tuple(strides)

    def over(self, storages):
        elements = storages[self.key]
        reach = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides)) + 1
        numbers = (self.offset, *self.shape, *self.strides)
        if len(self.shape) != len(self.strides) or min(numbers) < 0:
            raise pickle.UnpicklingError(f"tensor of shape {self.shape}, strides {self.strides}")
        if 0 not in self.shape and reach > len(elements):
            raise pickle.UnpicklingError(
                f"tensor reaches element {reach} of storage {self.key}, which has {len(elements)}")
        strides = [s * elements.itemsize for s in self.strides]
        window = np.lib.stride_tricks.as_strided(elements[self.offset:], self.shape, strides)
        return np.ascontiguousarray(window).reshape(self.shape)


def rebuild_tensor(storage, offset, shape, strides, *_requires_grad_and_hooks):
    return Tensor(storage, offset, shape, strides)


class Reader(pickle.Unpickler):
    """An unpickler that knows only the names in `allowed`."""

    allowed = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
        **{("torch", name): dtype for name, dtype in STORAGES.items()},
    }

    def find_class(self, module, name):
        try:
            return self.allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"the name {module}.{name} is not allowed") from None

    def persistent_load(self, identity):
        kind, dtype, key, _location, size, view = identity
        if kind != "storage" or not isinstance(dtype, np.dtype) or view is not None:
            raise pickle.UnpicklingError(f"persistent id {identity!r} is not a whole storage")
        return key, dtype, size


def read(path):
    """The checkpoint's tensors by name, as NumPy arrays. Raises pickle.UnpicklingError for a file
    of another format, a name that is not allowed, or data that does not fit its shape."""
    with open(path, "rb") as file:
        if Reader(file).load() != MAGIC or Reader(file).load() != PROTOCOL:
            raise pickle.UnpicklingError("not a legacy torch checkpoint")
        if Reader(file).load().get("little_endian") is not True:
            raise pickle.UnpicklingError("a big-endian checkpoint")
        tensors = Reader(file).load()
        if not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
            raise pickle.UnpicklingError("more than a dictionary of tensors")
        dtypes = {t.key: (t.dtype, t.size) for t in tensors.values()}
        storages = {}
        for key in Reader(file).load():
            dtype, size = dtypes[key]
            (count,) = struct.unpack("<q", file.read(8))
            data = file.read(size * dtype.itemsize)
            if count != size or len(data) != size * dtype.itemsize:
                raise pickle.UnpicklingError(f"storage {key} is truncated")
            storages[key] = np.frombuffer(data, dtype)
        return {name: tensor.over(storages) for name, tensor in tensors.items()}
