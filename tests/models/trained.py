"""The trained models of ../shared/data answer as its README says."""
import json
import shutil

import numpy as np
import onnx

import images
from dequantised import dequantise
from expected import expect_equal, note
from tally import Skip

SLACK = 2  # images by which a count may differ
COCO = {"person": 0, "bicycle": 1, "car": 2, "bus": 5, "truck": 7, "dog": 16}


def probabilities(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def count_right(logits, classes):
    order = np.argsort(-logits.astype(np.float32), axis=1, kind="stable")[:, :5]
    hits = order == classes[:, None]
    return int(hits[:, 0].sum()), int(hits.any(axis=1).sum())


def expect_counts(found, wanted):
    for kind, got, want in zip(("top 1", "top 5"), found, wanted):
        assert abs(got - want) <= SLACK, f"{kind}: {got} of 500 right, expected {want} ± {SLACK}"
    return f"{found[0]} and {found[1]} of 500 right, expected {wanted[0]} and {wanted[1]}"


def kept_after_suppression(boxes, scores, overlap):
    """Indices of the boxes (corners) that greedy non-maximum suppression keeps, best first."""
    kept = []
    low, high = boxes[:, :2], boxes[:, 2:]
    area = np.prod(np.maximum(high - low, 0), axis=1)
    for index in np.argsort(-scores):
        both = np.prod(np.maximum(np.minimum(high[index], high[kept])
                                  - np.maximum(low[index], low[kept]), 0), axis=1)
        if not (both > overlap * (area[index] + area[kept] - both)).any():
            kept.append(int(index))
    return kept


def in_single_precision(model):
    """Weights and edges of f16 become f32."""
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    for weights in model.graph.initializer:
        if weights.data_type == half:
            numbers = onnx.numpy_helper.to_array(weights).astype(np.float32)
            weights.CopyFrom(onnx.numpy_helper.from_array(numbers, weights.name))
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type == half:
            value.type.tensor_type.elem_type = single


class Trained:
    def __init__(self, shared, contender, expected, folder):
        self.data, self.folder = shared / "data", folder
        self.contender, self.expected = contender, expected

    def checks(self):
        return {
            "efficientnet_lite0: 500 images": self.efficientnet,
            "efficientnet_lite0: image files": self.efficientnet_files,
            "efficientnet_lite0: int8": self.efficientnet_int8,
            "efficientnet_lite0: smallest": self.efficientnet_smallest,
            "efficientnet_lite0: halves": self.efficientnet_halves,
            "mobilenet_v2_qat: 500 images": self.mobilenet,
            "mobilenet_v2: int8": self.mobilenet_int8,
            "squeezenet_fp16: as onnxruntime": self.squeezenet,
            "squeezenet_fp16: 500 images": self.squeezenet_counts,
            "cifar10_resnet20: auto": self.cifar_auto,
            "squeezenet: int8": self.squeezenet_int8,
            "yolox_nano: dog.jpg": self.yolox_dog,
            "yolox_nano: bus.jpg": self.yolox_bus,
            "ultraface_rfb_320: grace_hopper.bmp": lambda: self.ultraface("grace_hopper.bmp", 1),
            "ultraface_rfb_320: zidane.jpg": lambda: self.ultraface("zidane.jpg", 2),
            "g2p_gru: hello": lambda: self.g2p("hello", "HH EH1 L OW0"),
            "g2p_gru: tensor": lambda: self.g2p("tensor", "T EH1 N S ER0"),
            "cifar10_resnet20: 1 image": lambda: self.cifar(1),
            "cifar10_resnet20: 7 images": lambda: self.cifar(7),
            "mnist: mnist_nine.bmp": self.mnist,
        }

    def path(self, *parts):
        path = self.data.joinpath(*parts)
        if not path.exists():
            raise Skip(f"no {'/'.join(('../shared/data', *parts))}")
        return path

    def model(self, name):
        return self.path("models", f"{name}.onnx")

    def samples(self):
        return images.imagenet500(self.path("imagenet500"))

    def as_expected(self, model, inputs, tolerance=1e-3):
        """The contender's answer, after it was found equal to onnxruntime's; and how far
        it differs."""
        got = self.contender.run(model, inputs)
        return got, expect_equal(got, self.expected.answers(model, inputs), tolerance)

    def logits(self, model, name, prepare, batch=50):
        """The one output for all sample images, N×classes."""
        _, _, pixels = self.samples()
        results = []
        for start in range(0, len(pixels), batch):
            inputs = {name: prepare(pixels[start:start + batch])}
            (output,) = self.contender.run(model, inputs).values()
            results.append(output.reshape(len(inputs[name]), -1))
        return np.concatenate(results)

    def efficientnet(self):
        engine = self.contender.compile(self.model("efficientnet_lite0"))
        logits = self.logits(engine, "input", lambda p: images.normalised(p, 127, 128))
        return expect_counts(count_right(logits, self.samples()[1]), (435, 482))

    def efficientnet_files(self):
        """The binary's own decoding and resizing: the same best class wherever onnxruntime is not
        in doubt, and probabilities near its own."""
        if not self.contender.reads_images:
            raise Skip(f"{self.contender.name} reads no image files")
        model = self.model("efficientnet_lite0")
        engine = self.contender.compile(
            model, "--preprocess", "resize=256,crop=224,mean=127,std=128,order=rgb")
        paths = [*self.samples()[0][::50], self.path("images", "dog.jpg"),
                 self.path("images", "zidane.jpg")]
        prepared = np.stack([images.classification(path) for path in paths])
        inputs = {"input": images.normalised(prepared, 127, 128)}
        want = probabilities(self.expected.answers(model, inputs)["logits"])
        got = probabilities(self.contender.run_images(engine, paths)["logits"])
        assert got.shape == want.shape, f"{got.shape} for {len(paths)} images"
        best = np.sort(want, axis=1)
        sure = best[:, -1] - best[:, -2] > 0.1
        differ = (got.argmax(axis=1) != want.argmax(axis=1)) & sure
        others = [paths[index].name for index in differ.nonzero()[0]]
        assert not others, f"another best class for {', '.join(others)}"
        worst = float(np.abs(got - want).max())
        assert worst < 0.05, f"a probability differs by {worst:.3f}, at most 0.05"
        return f"{len(paths)} files, probabilities differ by at most {worst:.4f}"

    def quantised(self, model, input_name, prepared, classes, *options,
                  precision="int8"):
        """Calibrated on every fifth sample; how many of the others are right in f32 and in bytes.

        Without classes, what f32 says is right.
        """
        samples = self.folder / f"{model.stem}_samples"
        shutil.rmtree(samples, ignore_errors=True)
        samples.mkdir()
        chosen = np.arange(len(prepared)) % 5 == 0
        for index in chosen.nonzero()[0]:
            np.save(samples / f"{index:03}.npy", prepared[index:index + 1])
        right = []
        for arguments in ((), ("--precision", precision, "--calibrate", samples, *options)):
            engine = self.contender.compile(model, *arguments)
            (scores,) = self.contender.run(engine, {input_name: prepared[~chosen]}).values()
            found = scores.reshape(len(scores), -1).argmax(axis=1)
            if classes is None:
                classes = np.zeros(len(prepared), found.dtype)
                classes[~chosen] = found
            right.append(int((found == classes[~chosen]).sum()))
        text = f"{right[1]} right in {precision}, {right[0]} in f32, of {(~chosen).sum()}"
        assert right[1] >= 0.99 * right[0], text
        return text

    def needs_quantiser(self):
        if self.contender.name != "drawbar":
            raise Skip(f"{self.contender.name} is not asked to quantise")

    def efficientnet_int8(self):
        self.needs_quantiser()
        _, classes, pixels = self.samples()
        prepared = images.normalised(pixels, 127, 128)
        return self.quantised(self.model("efficientnet_lite0"), "input", prepared, classes)

    def efficientnet_smallest(self):
        """Engines without packed weights: int8 takes a quarter, and answers as with them."""
        self.needs_quantiser()
        model = self.model("efficientnet_lite0")
        inputs = {"input": images.normalised(self.samples()[2][:10], 127, 128)}
        cache, samples = self.folder / "smallest.json", self.folder / "smallest.npy"
        np.save(samples, inputs["input"])
        cache.unlink(missing_ok=True)
        quantise = ["--precision", "int8", "--calibrate", samples, "--calibration-cache", cache]
        sizes, scores = {}, {}
        for name, arguments in (("fp32", ["--optimize", "size"]),
                                ("int8", [*quantise, "--optimize", "size"]),
                                ("packed", quantise)):
            engine = self.contender.compile(model, *arguments)
            sizes[name] = engine.stat().st_size
            (scores[name],) = self.contender.run(engine, inputs).values()
        assert np.array_equal(scores["int8"], scores["packed"]), "other answers than with packed"
        share = sizes["int8"] / sizes["fp32"]
        text = ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in sizes.items())
        assert share <= 0.27 and sizes["int8"] < sizes["packed"], f"{text}: {share:.3f}"
        return f"{text}: {share:.3f}"

    def cifar_auto(self):
        """The images shrunk to 32 by 32, in the units CIFAR-10 is usually brought to."""
        self.needs_quantiser()
        small = [np.asarray(images.rgb(path).resize((32, 32))) for path in self.samples()[0]]
        prepared = images.normalised(np.stack(small), (125.3, 123.0, 113.9), (63.0, 62.1, 66.7))
        return self.quantised(self.model("cifar10_resnet20"), "input", prepared, None,
                              "--max-loss", "0.003%", precision="auto")

    def efficientnet_halves(self):
        """Weights in f16 cost an image at most, in bf16 one in a hundred."""
        self.needs_quantiser()
        right = {}
        for precision in ("fp32", "fp16", "bf16"):
            engine = self.contender.compile(
                self.model("efficientnet_lite0"), "--precision", precision)
            logits = self.logits(engine, "input", lambda p: images.normalised(p, 127, 128))
            right[precision], _ = count_right(logits, self.samples()[1])
        text = ", ".join(f"{count} right in {precision}" for precision, count in right.items())
        assert abs(right["fp16"] - right["fp32"]) <= 1, text
        assert right["bf16"] >= 0.99 * right["fp32"], text
        return text

    def mobilenet(self):
        engine = self.contender.compile(self.model("mobilenet_v2_qat"))
        logits = self.logits(engine, "input", lambda p: images.normalised(p, 128, 128))
        return expect_counts(count_right(logits, self.samples()[1] + 1), (435, 485))

    def mobilenet_int8(self):
        """Drawbar's own quantisation of the model in f32."""
        self.needs_quantiser()
        model = onnx.load(self.model("mobilenet_v2_qat"))
        dequantise(model)
        path = self.folder / "mobilenet_v2_f32.onnx"
        onnx.save(model, path)
        _, classes, pixels = self.samples()
        return self.quantised(path, "input", images.normalised(pixels, 128, 128), classes + 1)

    def squeezenet(self):
        model = self.model("squeezenet_fp16")
        differences = []
        for pixels in self.samples()[2][:100:25]:
            inputs = {"data_0": images.bgr_minus_mean(pixels[None], np.float16)}
            differences.append(self.as_expected(model, inputs, 1e-2)[1])
        return note(max(differences))

    def squeezenet_of_any_batch(self, name, change=lambda model: None):
        """The file is for one image at a time; its graph holds for any number."""
        model = onnx.load(self.model("squeezenet_fp16"))
        del model.graph.value_info[:]
        for value in (*model.graph.input, *model.graph.output):
            if value.type.tensor_type.shape.dim[0].dim_value == 1:
                value.type.tensor_type.shape.dim[0].dim_param = "N"
        change(model)
        path = self.folder / f"{name}.onnx"
        onnx.save(model, path)
        return path

    def squeezenet_counts(self):
        engine = self.contender.compile(self.squeezenet_of_any_batch("squeezenet_fp16_batch"))
        logits = self.logits(engine, "data_0", lambda p: images.bgr_minus_mean(p, np.float16))
        return expect_counts(count_right(logits, self.samples()[1]), (289, 406))

    def squeezenet_int8(self):
        self.needs_quantiser()
        model = self.squeezenet_of_any_batch("squeezenet_f32_batch", in_single_precision)
        _, classes, pixels = self.samples()
        prepared = images.bgr_minus_mean(pixels, np.float32)
        return self.quantised(model, "data_0", prepared, classes,
                              "--calibrator", "percentile")

    def yolox(self, image):
        """{class: scores, best first}, of what is over 0.3, after suppression of each class."""
        pixels, _ = images.letterboxed(self.path("images", image))
        outputs, difference = self.as_expected(self.model("yolox_nano"), {"images": pixels})
        raw = outputs["output"][0]
        cells, strides = [], []
        for stride in (8, 16, 32):
            side = pixels.shape[2] // stride
            y, x = np.mgrid[:side, :side]
            cells.append(np.stack([x, y], axis=-1).reshape(-1, 2))
            strides.append(np.full((side * side, 1), stride))
        cells, strides = np.concatenate(cells), np.concatenate(strides)
        centre, half = (raw[:, :2] + cells) * strides, np.exp(raw[:, 2:4]) * strides / 2
        boxes = np.concatenate([centre - half, centre + half], axis=1)
        found = {}
        for name, index in COCO.items():
            scores = raw[:, 4] * raw[:, 5 + index]
            (over,) = np.nonzero(scores > 0.3)
            kept = kept_after_suppression(boxes[over], scores[over], 0.45)
            if kept:
                found[name] = [round(float(s), 2) for s in scores[over][kept]]
        return found, f"{found}, {note(difference)}"

    def yolox_dog(self):
        found, text = self.yolox("dog.jpg")
        for name in ("dog", "bicycle", "car"):
            assert max(found.get(name, [0])) > 0.8, f"no {name} above 0.8: {text}"
        return text

    def yolox_bus(self):
        found, text = self.yolox("bus.jpg")
        assert len(found.get("person", [])) == 3, f"3 persons expected: {text}"
        assert len(found.get("bus", [])) == 1 and abs(found["bus"][0] - 0.91) < 0.02, (
            f"1 bus of 0.91 expected: {text}")
        return text

    def ultraface(self, image, faces):
        pixels = images.stretched(self.path("images", image), 320, 240)
        outputs, difference = self.as_expected(
            self.model("ultraface_rfb_320"), {"input": pixels})
        boxes, scores = outputs["boxes"][0], outputs["scores"][0, :, 1]
        (over,) = np.nonzero(scores > 0.7)
        kept = kept_after_suppression(boxes[over], scores[over], 0.3)
        assert len(kept) == faces, f"{len(kept)} faces, expected {faces}"
        return f"{faces} found, {note(difference)}"

    def g2p(self, word, sounds):
        """The encoder reads the letters; the decoder is stepped until it says it is done."""
        vocabulary = json.loads(self.path("models", "g2p_vocab.json").read_text())
        letters, phonemes = vocabulary["graphemes"], vocabulary["phonemes"]
        chars = np.array([[letters.index(c)] for c in [*word, "</s>"]], np.int64)
        inputs = {"chars": chars, "h0": np.zeros((1, 1, 256), np.float32)}
        outputs, _ = self.as_expected(self.model("g2p_gru_encoder"), inputs)
        state, token, spoken = outputs["h"], phonemes.index("<s>"), []
        for _ in range(20):
            inputs = {"phoneme": np.array([[token]], np.int64), "h_in": state}
            outputs = self.contender.run(self.model("g2p_gru_decoder_step"), inputs)
            state, token = outputs["h"], int(outputs["logits"][0].argmax())
            if phonemes[token] == "</s>":
                break
            spoken.append(phonemes[token])
        assert " ".join(spoken) == sounds, f"'{' '.join(spoken)}', expected '{sounds}'"
        return sounds

    def cifar(self, count):
        pixels = np.random.default_rng(count).standard_normal((count, 3, 32, 32), np.float32)
        return note(self.as_expected(self.model("cifar10_resnet20"), {"input": pixels})[1])

    def mnist(self):
        digit = images.grey(self.path("images", "mnist_nine.bmp"))[None, None]
        outputs, difference = self.as_expected(self.model("mnist"), {"Input3": digit})
        answer = int(outputs["Plus214_Output_0"].argmax())
        assert answer == 9, f"{answer}, expected 9"
        return f"9, {note(difference)}"
