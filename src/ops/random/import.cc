#include <bit>

#include "base/hash.h"
#include "import/onnx/node.h"
#include "ops/random/op.h"

namespace drawbar::onnx {
namespace {

/// The seed is a float in the file.
int64_t seed_of(const OnnxNode& node) {
  if (node.has("seed")) {
    return static_cast<int64_t>(std::bit_cast<uint64_t>(node.number("seed", 0)));
  }
  return static_cast<int64_t>(hash_bytes(node.output_name(0)).low);
}

void import_random(OnnxNode& node, ops::Distribution distribution, bool like) {
  ops::RandomTensor random;
  random.distribution = distribution;
  const bool normal = distribution == ops::Distribution::normal;
  random.first = node.number(normal ? "mean" : "low", 0);
  random.second = node.number(normal ? "scale" : "high", 1);
  random.seed = seed_of(node);
  ElementType fallback = ElementType::f32;
  if (like) fallback = node.value(node.input(0)).type.tensor.element;
  random.element = node.element_type("dtype", fallback);
  if (like) return node.replace_with(std::move(random), {node.input(0)});
  if (!node.has("shape")) fail(ErrorCode::invalid_model, "attribute 'shape' is missing");
  random.shape = node.integers("shape");
  node.replace_with(std::move(random), {});
}

}  // namespace

ONNX_OP(RandomNormal) { import_random(node, ops::Distribution::normal, false); }
ONNX_OP(RandomNormalLike) { import_random(node, ops::Distribution::normal, true); }
ONNX_OP(RandomUniform) { import_random(node, ops::Distribution::uniform, false); }
ONNX_OP(RandomUniformLike) { import_random(node, ops::Distribution::uniform, true); }

ONNX_OP(Multinomial) {
  node.replace_with(ops::Multinomial{node.integer("sample_size", 1), seed_of(node),
                                     node.element_type("dtype", ElementType::i32)},
                    {node.input(0)});
}

ONNX_OP(Bernoulli) {
  const ElementType same = node.value(node.input(0)).type.tensor.element;
  node.replace_with(ops::Bernoulli{seed_of(node), node.element_type("dtype", same)},
                    {node.input(0)});
}

}  // namespace drawbar::onnx
