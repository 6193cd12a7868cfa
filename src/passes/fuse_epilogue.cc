#include "passes/fuse_epilogue.h"

#include "ops/conv/op.h"
#include "ops/conv_transpose/op.h"
#include "ops/matmul/op.h"
#include "passes/fusion.h"

namespace drawbar {
namespace {

constexpr size_t first_post_input = 3;  // of every operator that has a program

const ops::Program* post_of(const Op& op) {
  if (const auto* conv = op.as<ops::Conv>()) return &conv->post;
  if (const auto* conv = op.as<ops::ConvTranspose>()) return &conv->post;
  if (const auto* product = op.as<ops::MatMul>()) return &product->post;
  return nullptr;
}

template <class T>
Op with_post(const T& op, ops::Program post) {
  T fused = op;
  fused.post = std::move(post);
  return fused;
}

Op with_post(const Op& op, ops::Program post) {
  if (const auto* conv = op.as<ops::Conv>()) return with_post(*conv, std::move(post));
  if (const auto* conv = op.as<ops::ConvTranspose>()) return with_post(*conv, std::move(post));
  return with_post(*op.as<ops::MatMul>(), std::move(post));
}

bool broadcasts_to(const Dims& dims, const Dims& whole) {
  if (dims.size() > whole.size()) return false;
  const size_t missing = whole.size() - dims.size();
  for (size_t i = 0; i < dims.size(); ++i) {
    if (!(dims[i] == Dim(1)) && !(dims[i] == whole[i + missing])) return false;
  }
  return true;
}

/// Whether the program of node `id` can follow the operator that makes its input `which`.
bool can_follow(const Graph& graph, NodeId id, const Fused& program, size_t which) {
  const ValueId value = program.inputs[which];
  const ValueId result = graph.node(id).outputs[0];
  const NodeId before = graph.value(value).producer;
  if (before == no_id || !post_of(graph.node(before).op)) return false;
  if (element_of(graph, value) != ElementType::f32 || !is_ranked_tensor(graph, value) ||
      !is_read_only_by(graph, value, {id}) || dims_of(graph, value) != dims_of(graph, result))
    return false;
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    if (i == which) continue;
    const ValueId other = program.inputs[i];
    if (element_of(graph, other) != ElementType::f32 ||
        !broadcasts_to(dims_of(graph, other), dims_of(graph, value)))
      return false;
  }
  return true;
}

}  // namespace

Patch fuse_epilogue(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const bool pointwise = node.op.as<ops::Elementwise>() || node.op.as<ops::Pointwise>();
  if (!pointwise || element_of(graph, node.outputs[0]) != ElementType::f32) return unchanged();
  const auto then = as_program(graph, id);
  if (!then) return unchanged();
  std::optional<size_t> chosen;
  const auto maker = [&](size_t i) { return graph.value(then->inputs[i]).producer; };
  for (size_t i = 0; i < then->inputs.size(); ++i) {
    if (!can_follow(graph, id, *then, i)) continue;
    if (!chosen || comes_later(graph, maker(i), maker(*chosen))) chosen = i;
  }
  if (!chosen) return unchanged();
  const Node& before = graph.node(maker(*chosen));
  std::vector<ValueId> inputs = before.inputs;
  inputs.resize(std::max(inputs.size(), first_post_input), no_id);
  // The program's x0 is the operator's own result; it stands for the inputs in front.
  Fused first{*post_of(before.op), {no_id}};
  first.inputs.insert(first.inputs.end(), inputs.begin() + first_post_input, inputs.end());
  const auto whole = fuse(first, *then, *chosen);
  if (!whole) return unchanged();
  inputs.resize(first_post_input);
  inputs.insert(inputs.end(), whole->inputs.begin() + 1, whole->inputs.end());
  Patch patch(graph, id);
  patch.replace(node.outputs[0],
                patch.add(with_post(before.op, whole->program), inputs, before.name));
  return patch;
}

}  // namespace drawbar
