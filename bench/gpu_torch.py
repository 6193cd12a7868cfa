"""The same networks in PyTorch as it is best on a GPU: torch.compile with max-autotune (CUDA graphs
included), channels-last for images, torch's fused attention for transformers. Weights are random;
inputs stay on the device. gpu_group.py asks for a row and a precision at a time."""

import statistics

import torch

WARM_UP, ROUNDS = 5, 5
BERT = {
    "bert_base": {},
    "bert_large": {"num_hidden_layers": 24, "hidden_size": 1024, "num_attention_heads": 16,
                   "intermediate_size": 4096},
}


def network(name):
    """The network of that name and what a batch of inputs looks like; None where torch has none."""
    import torchvision

    torchvision_names = {"vit_b_16", "resnet50", "inception_v3", "densenet121", "efficientnet_b0",
                         "mobilenet_v2", "squeezenet1_1", "vgg16"}
    if name == "shufflenet_v2":
        return torchvision.models.shufflenet_v2_x1_0(weights=None), "images"
    if name in torchvision_names:
        options = {"aux_logits": False, "init_weights": True} if name == "inception_v3" else {}
        return getattr(torchvision.models, name)(weights=None, **options), "images"
    if name in BERT:
        from transformers import BertConfig, BertModel

        config = BertConfig(attn_implementation="sdpa", **BERT[name])
        return BertModel(config, add_pooling_layer=True), "tokens"
    return None, None


def inputs(kind, row, dtype):
    if kind == "tokens":
        batch, tokens = row[1], row[2]
        return (torch.randint(0, 30000, (batch, tokens), device="cuda"),
                torch.ones((batch, tokens), dtype=torch.long, device="cuda"))
    side = 299 if row[0] == "inception_v3" else 224
    images = torch.randn(row[1], 3, side, side, device="cuda", dtype=dtype)
    return (images.to(memory_format=torch.channels_last),)


def seconds_per_run(run, seconds):
    """The median over some rounds of the mean of enough runs, by the device's events."""
    for _ in range(WARM_UP):
        run()
    torch.cuda.synchronize()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def timed(runs):
        begin.record()
        for _ in range(runs):
            run()
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end) * 1e-3 / runs

    runs = max(3, int(seconds / ROUNDS / timed(3)))
    return statistics.median(timed(runs) for _ in range(ROUNDS))


def measure(row, seconds, precision):
    """In fp16, fp32, or tf32: fp32 whose products and convolutions may use TF32."""
    dtype = torch.float16 if precision == "fp16" else torch.float32
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    module, kind = network(row[0])
    if module is None:
        return {"skipped": "PyTorch's packages here have no such network"}
    module = module.eval().to("cuda", dtype)
    if kind == "images":
        module = module.to(memory_format=torch.channels_last)
    given = inputs(kind, row, dtype)
    torch._dynamo.reset()
    compiled = torch.compile(module, mode="max-autotune")
    with torch.inference_mode():
        eager = seconds_per_run(lambda: module(*given), seconds / 2)
        best = seconds_per_run(lambda: compiled(*given), seconds)
    return {"device_ms": 1e3 * best, "eager_ms": 1e3 * eager, "version": torch.__version__}
