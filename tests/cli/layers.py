"""The checks of what tells which layers cost accuracy, a part of run.py's: `drawbar diff` across
precisions and `--bisect`, and what `--precision auto` reports."""

import json

import numpy as np
from cli.page import self_contained


class Layers:
    def loud_samples(self):
        """60 samples of one colour each, with the model's own answers as classes, and a calibration
        cache whose range of x, and of nothing else, is far too small."""
        colours = np.random.default_rng(8).uniform(-4, 4, (60, 3, 1, 1)).astype(np.float32)
        tensors = np.broadcast_to(colours, (60, 3, 8, 8)).copy()
        np.save(self.folder / "colours.npy", tensors)
        self.run("run", self.model, "--input", "x=colours.npy", "--output", "answers")
        label = np.argmax(np.load(self.folder / "answers" / "y.npy"), axis=1)
        np.savez(self.folder / "colours.npz", x=tensors, label=label)
        cache = self.folder / "colours.json"
        cache.unlink(missing_ok=True)
        arguments = ["--calibrate", "colours.npz", "--calibration-cache", cache]
        self.run("compile", self.model, "-o", "colours.engine", "--precision", "int8", *arguments)
        ranges = json.loads(cache.read_text())
        ranges["ranges"]["x"] = [-0.5, 0.5]
        narrow = self.folder / "narrow_x.json"
        narrow.write_text(json.dumps(ranges))
        return tensors, arguments[:3] + [narrow]

    def diff_precisions(self):
        tensors, narrow = self.loud_samples()
        good = ["--calibrate", "colours.npz"]
        table = self.run("diff", self.model, "--precision", "int8", *good).stdout
        assert "16 samples of colours.npz" in table and "adds most noise" in table, table
        assert any(line.startswith("layer") and line.endswith(" r") for line in table.splitlines())

        # An engine's figures are those of its answers.
        np.save(self.folder / "one.npy", tensors[:1])
        arguments = ["diff", self.model, "colours.engine", "--input", "x=one.npy", "--json"]
        result = json.loads(self.run(*arguments).stdout)
        assert result["precision_a"] == "fp32" and result["precision_b"] == "int8", result
        answers = []
        for source in (self.model, "colours.engine"):
            self.run("run", source, "--input", "x=one.npy", "--output", "answers")
            answers.append(np.load(self.folder / "answers" / "y.npy").astype(np.float64))
        a, b = answers
        (output,) = result["outputs"]
        expected = 10 * np.log10((a**2).sum() / ((a - b) ** 2).sum())
        assert abs(output["snr_db"] - expected) < 0.01, (output, expected)
        cosine = (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())
        assert abs(output["cosine"] - cosine) < 1e-6, (output, cosine)
        assert abs(output["max_difference"] - np.abs(a - b).max()) < 1e-5, output
        (layer,) = [one for one in result["layers"] if one["name"] == "r"]
        assert layer["op"] == "QLinearConv" and 30 < layer["snr_db"] < 70, layer

        # The value behind what was made wrong adds most.
        page = self.folder / "diff.html"
        arguments = ["diff", self.model, "--precision", "fp32,int8", *narrow, "--samples", "0"]
        result = json.loads(self.run(*arguments, "--html", page, "--json").stdout)
        assert result["samples"] == 60 and result["worst"][0] == "r", result
        _, root = self_contained(page)
        tags = [element.tag for element in root.iter()]
        shown = len(result["layers"]) + len(result["outputs"])
        assert tags.count("circle") == shown and tags.count("polyline") == 1, tags
        half = ["diff", self.model, "--precision", "fp16", "--json"]
        (output,) = json.loads(self.run(*half).stdout)["outputs"]
        assert output["snr_db"] is None or output["snr_db"] > 40, output

        two = self.folder / "two.onnx"
        self.refuses("expected a second model", "diff", self.model)
        self.refuses("expected a second model", "diff", "colours.engine", "--precision", "int8")
        self.refuses("needs --calibrate", "diff", self.model, "--precision", "int8")
        self.refuses("3 of them", "diff", self.model, "--precision", "fp32,int8,fp16")
        self.refuses("no versions of one model", "diff", self.model, two)
        self.refuses("fp32, tf32, bf16", "diff", self.model, "--precision", "fp9", status=1)
        both = ["--dataset", "colours.npz", "--input", "x=one.npy"]
        self.refuses("--dataset", "diff", self.model, self.engine, *both)
        (self.folder / "bad.json").write_text("{")
        bad = ["--precision", "int8", "--calibration-cache", "bad.json"]
        self.refuses("bad.json: no calibration cache", "diff", self.model, *bad)

    def diff_bisect(self):
        _, narrow = self.loud_samples()
        bisect = ["diff", self.model, "--bisect", "--max-loss", "1%"]
        text = self.run(*bisect, *narrow).stdout
        assert '"f32": ["c"]' in text and "with 1 of 2 layers in f32" in text, text
        result = json.loads(self.run(*bisect, *narrow, "--json").stdout)
        (needed,) = result["needed"]
        assert needed["layer"] == "c" and needed["without"]["loss"] > 0.01, result
        assert result["on_bytes"]["loss"] > 0.01 >= result["chosen"]["loss"], result
        by_classes = ["--loss", "accuracy", "--json"]
        result = json.loads(self.run(*bisect, *narrow, *by_classes).stdout)
        assert [one["layer"] for one in result["needed"]] == ["c"], result
        assert result["on_bytes"]["accuracy_lost"] > 0.1, result
        assert result["chosen"]["accuracy_lost"] <= 0.01, result

        # What it says to do does it.
        ranges = json.loads(narrow[3].read_text())
        ranges["f32"] = ["c"]
        (self.folder / "mended.json").write_text(json.dumps(ranges))
        mended = ["--precision", "int8", "--calibration-cache", "mended.json"]
        mended += ["--calibrate", "colours.npz", "--json"]
        (output,) = json.loads(self.run("diff", self.model, *mended).stdout)["outputs"]
        assert output["snr_db"] > 20, output

        text = self.run(*bisect, "--calibrate", "colours.npz").stdout
        assert "no layer has to stay in f32" in text, text
        self.refuses("needs --calibrate", *bisect)
        self.refuses("one model", *bisect, *narrow, "--precision", "int8")
        self.refuses("one model", "diff", self.model, self.engine, "--bisect", *narrow)
        self.refuses("share like 0.5%", *bisect[:-1], "200%", *narrow)
        unnamed = ["--calibrate", "colours.npy", "--loss", "accuracy"]
        self.refuses("array 'label'", *bisect, *unnamed)
        by_classes = [*narrow, "--loss", "accuracy", "--class-offset", "10"]
        self.refuses("the model has 10", *bisect, *by_classes)
        self.refuses("output or accuracy", *bisect, *narrow, "--loss", "speed")

    def auto_report(self):
        """By labels: what was measured, as JSON and as a page; the choice is in the cache."""
        _, narrow = self.loud_samples()
        compiled = ["compile", self.model, "-o", "auto.engine"]
        auto = [*compiled, "--precision", "auto", *narrow, "--max-loss", "0", "--loss", "accuracy"]
        told = self.run(*auto, "--report", "auto.json").stderr
        assert "top-1" in told and "on 60 samples" in told, told
        report = json.loads((self.folder / "auto.json").read_text())
        assert report["counts"] == "accuracy" and report["samples"] == 60, report
        assert report["chosen"]["accuracy_lost"] <= 0 < report["f32_ms"], report
        assert {one["layer"] for one in report["layers"]} == {"c", "y"}, report
        precision = {one["layer"]: one["precision"] for one in report["layers"]}
        assert precision["c"] == "f32", report
        assert report["trials"][0]["in_f32"] == 0, report
        assert report["trials"][0]["accuracy_lost"] > 0.1, report
        kept = [layer for layer, chosen in precision.items() if chosen == "f32"]
        assert json.loads(narrow[3].read_text())["f32"] == sorted(kept), report

        page = self.folder / "auto.html"
        self.run(*auto, "--report", page)
        text, root = self_contained(page)
        tags = [element.tag for element in root.iter()]
        assert tags.count("svg") == 2 and tags.count("table") == 1, tags
        assert ": chosen" in text and tags.count("circle") >= 2 + 2, tags

        self.refuses("--report", *compiled, "--precision", "int8", *narrow, "--report", "no.html")
        unnamed = ["colours.npy" if word == "colours.npz" else word for word in auto]
        self.refuses("array 'label'", *unnamed)
        # What was measured is told, even where the page cannot be written.
        done = self.run(*auto, "--report", "nowhere/auto.html", status=2)
        assert "nowhere/auto.html" in done.stderr and "chosen: loss" in done.stderr, done
