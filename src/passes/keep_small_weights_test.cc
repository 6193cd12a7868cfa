#include <cstring>
#include <gtest/gtest.h>

#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "ops/matmul_nbits/op.h"
#include "ops/quantize/op.h"
#include "passes/pass_testing.h"

namespace drawbar {
namespace {

/// " = const TYPE[SHAPE] …; ": integers over the whole range of their type, or scales.
std::string held(const std::string& type) {
  return " = const " + type + " @" + std::string(32, '0') + "; ";
}

ConstantPtr numbers(std::string_view, ElementType type, const Shape& shape) {
  Tensor tensor = Tensor::allocate(type, shape);
  std::memset(tensor.raw(), 0, static_cast<size_t>(tensor.bytes()));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (type == ElementType::f32) {
      tensor.data<float>()[i] = 0.01f * static_cast<float>(1 + i % 5);
      continue;
    }
    const auto [low, high] = ops::integer_range(type);
    write_integer(tensor, i, low + i * 7919 % (high - low + 1));
  }
  return std::make_shared<const Constant>(std::move(tensor));
}

/// The pass makes `operators` of it, in this order, which compute the same.
void expect_kept(const std::string& before, const std::vector<std::string>& operators) {
  SCOPED_TRACE(before.substr(0, 60));
  const Graph original = parse(before, numbers);
  Graph graph = original;
  PassOptions options;
  options.verify = true;
  run_pass(graph, pass_named("keep_small_weights"), options);
  std::vector<std::string> found;
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    std::string text(node.op.name());
    if (const auto* op = node.op.as<ops::MatMulNBits>())
      text += fmt::format(" {} {} {} {}", op->k, op->n, op->bits, op->block_size);
    if (const auto* op = node.op.as<ops::DequantizeLinear>(); op && op->axis == -1)
      text += fmt::format(" {}", op->block_size);
    found.push_back(text);
  }
  EXPECT_EQ(found, operators);
  std::vector<Tensor> inputs;
  for (ValueId input : original.inputs())
    inputs.push_back(draw(to_string(original.value(input).type), 17, 0, 3));
  const auto want = evaluate_graph(original, inputs), got = evaluate_graph(graph, inputs);
  for (size_t i = 0; i < want.size(); ++i) expect_close(got[i], want[i], 1e-4, 0.02, "output");
}

/// k, n, bits, block size.
std::string nbits(int k, int n, int bits, int block) {
  return fmt::format("MatMulNBits {} {} {} {}", k, n, bits, block);
}

TEST(KeepSmallWeights, OfProductsByTensorColumnOrBlock) {
  const std::string head = "graph g(%x: f32[2, 40]) { %w";
  const std::string rest = "%b" + held("f32[33]") +
                           "%f = DequantizeLinear(%w, %s, %z) {axis = 1}"
                           " %y = MatMul(%x, %f); %a = Add(%b, %y); return %a }";
  expect_kept(head + held("i8[40, 33]") + "%s = const f32[] [0.02]; %z" + held("i8[]") + rest,
              {nbits(40, 33, 8, 16)});
  expect_kept(head + held("u8[40, 33]") + "%s" + held("f32[33]") + "%z" + held("u8[33]") + rest,
              {nbits(40, 33, 8, 16)});
  expect_kept("graph g(%x: f32[40]) { %w" + held("i4[40, 33]") + "%s" + held("f32[3, 33]") +
                  "%f = DequantizeLinear(%w, %s, _) {axis = 0, block_size = 16}"
                  " %r = Unsqueeze(%x) {axes = [0]}; %y = MatMul(%r, %f); return %y }",
              {"Unsqueeze", nbits(40, 33, 4, 16)});
  expect_kept(head + held("u4[33, 40]") + "%s" + held("f32[33]") + "%z" + held("u4[33]") + "%b" +
                  held("f32[33]") +
                  "%f = DequantizeLinear(%w, %s, %z) {axis = 0}"
                  " %y = MatMul(%x, %f, %b) {transpose_b = true}; return %y }",
              {nbits(40, 33, 4, 64)});
  expect_kept(head + held("u8[33, 40]") + "%s" + held("f32[33, 1]") +
                  "%f = DequantizeLinear(%w, %s, _) {axis = 1, block_size = 48}"
                  " %t = Transpose(%f) {permutation = [1, 0]}; %y = MatMul(%x, %t); return %y }",
              {nbits(40, 33, 8, 16)});
}

TEST(KeepSmallWeights, BlocksThatFit) {
  const std::string head = "graph g(%x: f32[1, 768]) { %w" + held("i8[768, 2]");
  const auto product = [](const std::string& attributes) {
    return "%f = DequantizeLinear(%w, %s, _) " + attributes + "; %y = MatMul(%x, %f); return %y }";
  };
  expect_kept(head + "%s" + held("f32[2]") + product("{axis = -1}"), {nbits(768, 2, 8, 256)});
  // Of 96 a third.
  expect_kept(head + "%s" + held("f32[8, 2]") + product("{axis = 0, block_size = 96}"),
              {nbits(768, 2, 8, 32)});
  // Of less than 16, along the columns or by row: no.
  for (const std::string& other :
       {"%s" + held("f32[96, 2]") + product("{axis = 0, block_size = 8}"),
        "%s" + held("f32[768, 1]") + product("{axis = 1, block_size = 2}"),
        "%s" + held("f32[768]") + product("{axis = 0}")}) {
    expect_kept(head + other, {"DequantizeLinear", "MatMul"});
  }
}

TEST(KeepSmallWeights, OfRowsThatAreGathered) {
  const std::string head = "graph g(%i: i64[2, 3]) { %w" + held("u8[40, 33]");
  const std::string gather = " %y = Gather(%f, %i) {axis = 0}; return %y }";
  expect_kept(head + "%s = const f32[] [0.02]; %z" + held("u8[]") +
                  "%f = DequantizeLinear(%w, %s, %z)" + gather,
              {"Gather", "DequantizeLinear 0"});
  expect_kept(
      head + "%s" + held("f32[33]") + "%f = DequantizeLinear(%w, %s, _) {axis = 1}" + gather,
      {"Gather", "DequantizeLinear 0"});
  expect_kept(head + "%s" + held("f32[40]") + "%z" + held("u8[40]") +
                  "%f = DequantizeLinear(%w, %s, %z) {axis = 0}" + gather,
              {"Gather", "Gather", "Gather", "DequantizeLinear 33"});
  expect_kept(head + "%s" + held("f32[40, 3]") +
                  "%f = DequantizeLinear(%w, %s, _) {axis = 1, block_size = 11}" + gather,
              {"Gather", "Gather", "DequantizeLinear 11"});
}

TEST(KeepSmallWeights, NotWhereProductsAreOfBytes) {
  const std::string text = "graph g(%x: u8[2, 40]) { %w" + held("i8[40, 33]") +
                           "%s = const f32[] [0.02]; %xf = DequantizeLinear(%x, %s, _)"
                           " %f = DequantizeLinear(%w, %s, _); %y = MatMul(%xf, %f); return %y }";
  expect_kept(text, {"DequantizeLinear", "DequantizeLinear", "MatMul"});
}

}  // namespace
}  // namespace drawbar
