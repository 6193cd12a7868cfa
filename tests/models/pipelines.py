"""Pipelines of scikit-learn as skl2onnx writes them. The runner of the ONNX cases compares the
answers, maps among them, with onnxruntime's."""
import json
import subprocess
import warnings

import numpy as np
from onnx import SequenceProto, TensorProto, numpy_helper

from expected import note

ROWS = 200
NAMES = np.array(["setosa", "versicolor", "virginica"])


def data(features=30, classes=3, seed=0):
    """Rows of three clouds, their classes and a number for each."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, ROWS)
    x = rng.standard_normal((ROWS, features)).astype(np.float32)
    x[:, :classes] += 1.5 * np.eye(classes, dtype=np.float32)[labels]
    return x, labels, (x[:, 0] * x[:, 1] + x[:, 2]).astype(np.float32)


def scaled_logistic_regression():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    x, labels, _ = data()
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(x, labels), x


def binary_logistic_regression():
    from sklearn.linear_model import LogisticRegression
    x, labels, _ = data(classes=2)
    return LogisticRegression().fit(x, NAMES[labels]), x


def random_forest():
    from sklearn.ensemble import RandomForestClassifier
    x, labels, _ = data()
    return RandomForestClassifier(50, max_depth=8, random_state=0).fit(x, NAMES[labels]), x


def binary_random_forest():
    from sklearn.ensemble import RandomForestClassifier
    x, labels, _ = data(classes=2)
    return RandomForestClassifier(33, max_depth=6, random_state=0).fit(x, 3 + 4 * labels), x


def gradient_boosting_regressor():
    from sklearn.ensemble import GradientBoostingRegressor
    x, _, numbers = data()
    return GradientBoostingRegressor(n_estimators=80, random_state=0).fit(x, numbers), x


def gradient_boosting_classifier():
    from sklearn.ensemble import GradientBoostingClassifier
    x, labels, _ = data()
    return GradientBoostingClassifier(n_estimators=30, random_state=0).fit(x, labels), x


def binary_gradient_boosting():
    from sklearn.ensemble import GradientBoostingClassifier
    x, labels, _ = data(classes=2)
    return GradientBoostingClassifier(n_estimators=30, random_state=0).fit(x, labels), x


def isolation_forest():
    from sklearn.ensemble import IsolationForest
    x, _, _ = data(features=5)
    return IsolationForest(n_estimators=20, random_state=0).fit(x), x


def svc_with_probabilities():
    from sklearn.svm import SVC
    x, labels, _ = data(features=10)
    return SVC(probability=True, random_state=0).fit(x, NAMES[labels]), x


def svc_poly():
    from sklearn.svm import SVC
    x, labels, _ = data(features=10)
    return SVC(kernel="poly", degree=3).fit(x, labels), x


def binary_svc():
    from sklearn.svm import SVC
    x, labels, _ = data(features=10, classes=2)
    return SVC(kernel="sigmoid", probability=True, random_state=0).fit(x, labels), x


def svr():
    from sklearn.svm import SVR
    x, _, numbers = data(features=10)
    return SVR().fit(x, numbers), x


def binned_linear_regression():
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import KBinsDiscretizer
    x, _, numbers = data(features=6)
    bins = KBinsDiscretizer(n_bins=4, encode="onehot-dense", strategy="uniform")
    return make_pipeline(bins, LinearRegression()).fit(x, numbers), x


def one_hot_linear_regression():
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder
    x, _, numbers = data(features=4)
    colours = np.array(["red", "green", "blue"])[(np.abs(x) * 2).astype(int) % 3].astype(object)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_pipeline(encoder, LinearRegression()).fit(colours, numbers), colours


def imputed_and_normalised():
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Binarizer, Normalizer
    x, _, _ = data(features=7)
    x[np.random.default_rng(1).random(x.shape) < 0.2] = np.nan
    return make_pipeline(SimpleImputer(), Normalizer("l2"), Binarizer(threshold=0.1)).fit(x), x


PIPELINES = [
    scaled_logistic_regression, binary_logistic_regression, random_forest, binary_random_forest,
    gradient_boosting_regressor, gradient_boosting_classifier, binary_gradient_boosting,
    isolation_forest, svc_with_probabilities, svc_poly, binary_svc, svr, binned_linear_regression,
    one_hot_linear_regression, imputed_and_normalised,
]


def encode(value, info):
    """An answer of onnxruntime as the bytes of the message for its type."""
    if not isinstance(value, list):
        return numpy_helper.from_array(np.asarray(value), info.name).SerializeToString()
    sequence = SequenceProto(elem_type=SequenceProto.MAP)
    for row in value:
        texts = isinstance(next(iter(row)), str)
        added = sequence.map_values.add(key_type=TensorProto.STRING if texts else TensorProto.INT64)
        if texts:
            added.string_keys.extend(key.encode() for key in row)
        else:
            added.keys.extend(row)
        numbers = [numpy_helper.from_array(np.array(v, np.float32)) for v in row.values()]
        added.values.elem_type = SequenceProto.TENSOR
        added.values.tensor_values.extend(numbers)
    return sequence.SerializeToString()


def own_answer(model, x):
    """What scikit-learn itself says: probabilities where it has them."""
    for method in ("predict_proba", "decision_function", "predict", "transform"):
        if hasattr(model, method):
            return getattr(model, method)(x)
    raise AssertionError("the pipeline answers nothing")


class Pipelines:
    def __init__(self, contender, expected, folder):
        self.contender, self.expected = contender, expected
        self.folder = folder / "pipelines"

    def checks(self):
        names = {make.__name__.replace("_", " "): make for make in PIPELINES}
        return {f"scikit-learn: {name}": lambda make=make: self.check(make)
                for name, make in names.items()}

    def check(self, make):
        import skl2onnx  # takes a second: only where it is needed
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, x = make()
            kind = skl2onnx.common.data_types
            cell = kind.StringTensorType if x.dtype == object else kind.FloatTensorType
            proto = skl2onnx.convert_sklearn(
                model, initial_types=[("x", cell([None, x.shape[1]]))],
                target_opset={"": 21, "ai.onnx.ml": 3})
        case = self.folder / "sklearn" / make.__name__
        sets = case / "test_data_set_0"
        sets.mkdir(parents=True, exist_ok=True)
        (case / "model.onnx").write_bytes(proto.SerializeToString())
        (case / "tolerance.json").write_text(json.dumps({"rtol": 1e-4, "atol": 1e-5}))
        answers = self.expected.peer.run(case / "model.onnx", {"x": x})
        (sets / "input_0.pb").write_bytes(encode(x, proto.graph.input[0]))
        for i, info in enumerate(proto.graph.output):
            (sets / f"output_{i}.pb").write_bytes(encode(answers[info.name], info))
        if hasattr(self.contender, "binary"):
            self.run(case)
        return self.compare(own_answer(model, x), answers)

    def run(self, case):
        runner = self.contender.binary.removesuffix("drawbar") + "onnx_cases"
        done = subprocess.run(
            [runner, self.folder, "--filter", f"sklearn/{case.name}", "--expect", "/dev/null"],
            capture_output=True, text=True, errors="replace", timeout=300)
        failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
        assert done.returncode == 0, (failed or done.stdout.splitlines()[-1:])[0][:300]

    @staticmethod
    def compare(own, answers):
        """How far scikit-learn and onnxruntime are apart: are the expected answers right?"""
        last = list(answers.values())[-1]
        if isinstance(last, list):
            last = np.array([list(row.values()) for row in last])
        last = np.asarray(last).reshape(len(last), -1)
        own = np.asarray(own).reshape(len(own), -1)
        if last.shape != own.shape:
            return ""
        worst = float(np.abs(last - own).max())
        assert worst < 1e-2, f"scikit-learn and onnxruntime are {worst:.1e} apart"
        return note(worst)
