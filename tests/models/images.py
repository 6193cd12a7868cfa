"""Images as the models of ../shared/data want them."""
import functools

import numpy as np
from PIL import Image

SHORT_SIDE, CROP = 256, 224


def rgb(path):
    return Image.open(path).convert("RGB")


def grey(path):
    """0…255 as float32 height×width."""
    return np.asarray(Image.open(path).convert("L"), np.float32)


def classification(path):
    """The centre of an image whose short side was made 256 (bilinear), as uint8 224×224×3."""
    image = rgb(path)
    scale = SHORT_SIDE / min(image.size)
    width, height = (round(side * scale) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - CROP) // 2, (height - CROP) // 2
    return np.asarray(image.crop((left, top, left + CROP, top + CROP)))


@functools.cache
def imagenet500(folder):
    """(paths, labels, uint8 pixels N×224×224×3) of the sample images, NNN_WNID.jpg."""
    paths = sorted(folder.glob("*.jpg"))
    labels = np.array([int(path.name[:3]) for path in paths])
    return paths, labels, np.stack([classification(path) for path in paths])


def planar(pixels):
    """N×H×W×C to N×C×H×W."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def normalised(pixels, mean, scale):
    """RGB as float32, (x - mean) / scale."""
    return planar((pixels.astype(np.float32) - np.float32(mean)) / np.float32(scale))


def bgr_minus_mean(pixels, dtype):
    means = np.array([103.94, 116.78, 123.68], np.float32)
    return planar((pixels[..., ::-1].astype(np.float32) - means).astype(dtype))


def letterboxed(path, size=416, fill=114):
    """BGR 0…255 in the upper left of a square, the rest filled, as 1×3×size×size; and the scale."""
    image = rgb(path)
    scale = min(size / image.width, size / image.height)
    small = image.resize((int(image.width * scale), int(image.height * scale)),
                         Image.Resampling.BILINEAR)
    square = np.full((size, size, 3), fill, np.float32)
    square[:small.height, :small.width] = np.asarray(small)[..., ::-1]
    return planar(square[None]), scale


def stretched(path, width, height):
    """RGB (x - 127) / 128 of the whole image at another size, as 1×3×height×width."""
    image = rgb(path).resize((width, height), Image.Resampling.BILINEAR)
    return normalised(np.asarray(image)[None], 127, 128)
