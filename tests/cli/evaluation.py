"""The checks of `drawbar eval`, a part of run.py's."""

import json

import numpy as np
from cli.page import self_contained
from tally import Skip


class Evaluation:
    def eval(self):
        """Six samples, of which the model's own answers are the classes, but for two."""
        dataset = self.folder / "dataset"
        dataset.mkdir()
        tensors = np.random.default_rng(4).standard_normal((6, 3, 8, 8)).astype(np.float32)
        np.save(self.folder / "all.npy", tensors)
        self.run("run", self.model, "--input", "x=all.npy", "--output", "answers")
        order = np.argsort(-np.load(self.folder / "answers" / "y.npy"), axis=1)
        places = [0, 0, 1, 0, 7, 0]  # the class of sample i is the model's places[i]-th choice
        for i, place in enumerate(places):
            np.save(dataset / f"{order[i][place]}_{i}.npy", tensors[i : i + 1])
        arguments = ["eval", self.model, "--dataset", dataset, "--threads", "1"]
        quantised = [*arguments, "--precision", "fp32,int8", "--calibrate", dataset]
        results = json.loads(self.run(*quantised, "--json").stdout)["results"]
        assert [r["precision"] for r in results] == ["fp32", "int8"], results
        assert abs(results[0]["top1"] - 4 / 6) < 1e-9, results
        assert abs(results[0]["top5"] - 5 / 6) < 1e-9, results
        assert results[1]["images"] == 6 and results[1]["p99_ms"] >= results[1]["p50_ms"] > 0
        table = self.run(*quantised).stdout
        for words in ("6 images", "top-1", "66.67%", "fp32", "int8", "in all"):
            assert words in table, table
        own = self.run("eval", self.engine, "--dataset", dataset, "--json").stdout
        own = json.loads(own)["results"]
        assert len(own) == 1 and own[0]["precision"] == "fp32", own
        assert abs(own[0]["top1"] - 4 / 6) < 1e-9, own

        self.refuses("the model has 10", *arguments, "--class-offset", "1000")
        np.save(dataset / "x_7.npy", tensors[:1])
        self.refuses("x_7.npy", *arguments)
        words = "fp32, tf32, bf16, fp16, int8 or auto"
        self.refuses(words, *arguments, "--precision", "fp9", status=1)

    def eval_report(self):
        """The classes that ranges made too small by hand lose, by name; the page with them."""
        colours = np.random.default_rng(8).uniform(-4, 4, (60, 3, 1, 1)).astype(np.float32)
        tensors = np.broadcast_to(colours, (60, 3, 8, 8)).copy()
        np.save(self.folder / "loud.npy", tensors)
        cache = self.folder / "narrow.json"
        quantise = ["--precision", "int8", "--calibration-cache", cache, "--calibrate", "loud.npy"]
        self.run("compile", self.model, "-o", "narrow.engine", *quantise)
        ranges = json.loads(cache.read_text())
        ranges["ranges"]["x"] = [-0.5, 0.5]
        cache.write_text(json.dumps(ranges))
        self.run("compile", self.model, "-o", "narrow.engine", *quantise)
        answers = []
        for source in (self.model, "narrow.engine"):
            self.run("run", source, "--input", "x=loud.npy", "--output", "answers")
            answers.append(np.argmax(np.load(self.folder / "answers" / "y.npy"), axis=1))
        classes, now = answers
        np.savez(self.folder / "loud.npz", x=tensors, label=classes)
        expected = []
        for number in range(10):
            of_class = classes == number
            right = int((now[of_class] == number).sum())
            if right < of_class.sum():
                expected.append((number, int(of_class.sum()), right))
        assert len(expected) > 1, f"{expected}: too few classes lost an image"
        expected = sorted(expected, key=lambda lost: lost[2] - lost[1])[:5]

        names = [f"<{i}> & 'crane'" for i in range(10)]
        labels, page = self.folder / "names.txt", self.folder / "eval.html"
        labels.write_text("".join(name + "\r\n" for name in names))
        quantise[1] = "fp32,int8"
        arguments = ["eval", self.model, "--dataset", "loud.npz", "--threads", "1", *quantise]
        done = self.run(*arguments, "--labels", labels, "--html", page, "--json")
        results = json.loads(done.stdout)["results"]
        assert results[0]["top1"] == 1 and "lost_most" not in results[0], results
        got = [
            (one["class"], one["right_before"], one["right_now"]) for one in results[1]["lost_most"]
        ]
        assert got == expected, f"expected {expected}, got {got}"
        for one in results[1]["lost_most"]:
            assert one["name"] == names[one["class"]] and one["images"] == one["right_before"], one
        table = self.run(*arguments, "--labels", labels).stdout
        assert "lost most in int8" in table, table
        assert table.endswith(names[expected[-1][0]] + "\n"), table
        assert "lost" not in self.run(*arguments).stdout
        arguments[-5:] = ["fp32,fp32"]
        table = self.run(*arguments, "--labels", labels).stdout
        assert table.endswith("no class lost an image in fp32\n"), table

        text, root = self_contained(page)
        tags = [element.tag for element in root.iter()]
        assert tags.count("circle") == 2 and tags.count("table") == 2, tags
        shown = [td.text for td in root.iter("td")]
        assert "100.00 %" in shown and f"{100 * results[1]['top1']:.2f} %" in shown, shown
        assert names[expected[0][0]] in shown, shown

        labels.write_text("\n".join(names) + "\neleventh\n")
        few = ["eval", self.model, "--dataset", "loud.npz"]
        self.refuses("names.txt: 11 names, the model has 10 classes", *few, "--labels", labels)
        self.refuses("nowhere.txt", *few, "--labels", "nowhere.txt")
        self.refuses("not a plain file", *few, "--labels", "/dev/zero")
        # What was measured is told, even where the page cannot be written.
        done = self.run(*few, "--html", "nowhere/page.html", status=2)
        assert "nowhere/page.html" in done.stderr and "fp32" in done.stdout, done

    def eval_imagenet(self):
        """34 photographs; onnxruntime is right on 31 of them, and always within its first five."""
        names = ["models/efficientnet_lite0.onnx", "imagenet34.tfrecord", "imagenet_labels.txt"]
        model, dataset, labels = (self.data / name for name in names)
        for path in (model, dataset, labels):
            if not path.exists():
                raise Skip(f"no ../shared/data/{path.relative_to(self.data)}")
        how = ["--preprocess", "efficientnet_lite", "--dataset", dataset, "--labels", labels]
        (result,) = json.loads(self.run("eval", model, *how, "--json").stdout)["results"]
        assert result["images"] == 34 and result["precision"] == "fp32", result
        assert abs(34 * result["top1"] - 31) < 1.5 and 34 * result["top5"] > 32.5, result
        return f"{34 * result['top1']:.0f} of 34 right"
