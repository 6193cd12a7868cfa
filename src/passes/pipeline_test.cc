#include "passes/pipeline.h"

#include <random>
#include <sstream>

#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "passes/pass_testing.h"
#include "tests/support/draw.h"

namespace drawbar {
namespace {

void expect_optimized(const std::string& before, const std::string& after) {
  PassOptions options;
  options.verify = true;
  expect_rewrite([&](Graph& graph) { graph = optimize(std::move(graph), options); }, before, after);
}

TEST(Pipeline, ResidualBlock) {
  expect_optimized(
      "graph g(%x: f32[N, 4, 6, 6]) { %w = const f32[4, 4, 3, 3] normal(0.0, 0.2, 1)"
      " %s = const f32[4] [1, 2, 3, 4]; %b = const f32[4] [1, 0, 1, 0]"
      " %m = const f32[4] [0.1, 0.2, 0.3, 0.4]; %v = const f32[4] [1, 2, 3, 4]"
      " %p = const i64[8] [0, 0, 1, 1, 0, 0, 1, 1]; %x1 = Pad(%x, %p); %c = Conv(%x1, %w)"
      " %n = BatchNorm(%c, %s, %b, %m, %v); %sig = Sigmoid(%n); %a = Mul(%n, %sig)"
      " %d = Conv(%a, %w) {pads_begin = [1, 1], pads_end = [1, 1]}; %r = Add(%x, %d)"
      " %y = Relu(%r); %q = ReduceMean(%y) {axes = [2, 3], keep_dims = false}; return %q }",
      "graph g(%x: f32[N, 4, 6, 6]) { %w = const f32[4, 4, 3, 3] normal(0.0, 0.2, 1)"
      " %b = const f32[4] [1, 0, 1, 0]"
      " %a = Conv(%x, %w, %b) {pads_begin = [1, 1], pads_end = [1, 1], post = \"x1 = Swish(x0, "
      "1)\"}"
      " %y = Conv(%a, %w, _, %x) {pads_begin = [1, 1], pads_end = [1, 1],"
      " post = \"x2 = Add(x1, x0); x3 = Relu(x2)\"}"
      " %g = GlobalAveragePool(%y); %q = Flatten(%g); return %q }");
}

TEST(Pipeline, ShapeComputationsDisappear) {
  expect_optimized(
      "graph g(%x: f32[N, 4, 6]) { %s = Shape(%x); %i = const i64[] [0]; %n = Gather(%s, %i)"
      " %ax = const i64[1] [0]; %u = Unsqueeze(%n, %ax); %r = const i64[1] [-1]"
      " %t = Concat(%u, %r); %y = Reshape(%x, %t); %z = Reshape(%y, %s); %e = Neg(%z); return %e }",
      "graph g(%x: f32[N, 4, 6]) { %e = Neg(%x); return %e }");
}

TEST(Pipeline, KnownBranchesAreInlined) {
  expect_optimized(
      "graph g(%x: f32[N, 4, 1]) { %s = Shape(%x); %i = const i64[] [2]; %n = Gather(%s, %i)"
      " %one = const i64[] [1]; %c = Equal(%n, %one)"
      " %y = If(%c, %x, %x) {then_inputs = 1}"
      " graph a(%p: f32[N, 4, 1]) { %z = Squeeze(%p) {axes = [2]}; return %z }"
      " graph b(%p: f32[N, 4, 1]) { %z = Neg(%p); return %z } return %y }",
      "graph g(%x: f32[N, 4, 1]) { %y = Squeeze(%x) {axes = [2]}; return %y }");
}

TEST(Pipeline, BodiesGetTheirConstants) {
  expect_optimized(
      "graph g(%x: f32[2, 4]) { %n = const i64[] [3]; %w = const f32[4, 4] normal(0.0, 0.3, 1)"
      " %h = const f32[] [0.5]; %y = Loop(%n, _, %x, %w, %h) {carried = 1}"
      " graph body(%i: i64[], %c: bool[], %a: f32[2, 4], %w: f32[4, 4], %h: f32[]) {"
      " %m = MatMul(%a, %w); %b = Add(%m, %h); %r = Relu(%b); return %c, %r } return %y }",
      "graph g(%x: f32[2, 4]) { %n = const i64[] [3]; %y = Loop(%n, _, %x) {carried = 1}"
      " graph body(%i: i64[], %c: bool[], %a: f32[2, 4]) {"
      " %w = const f32[4, 4] normal(0.0, 0.3, 1); %h = const f32[4] [0.5, 0.5, 0.5, 0.5]"
      " %r = MatMul(%a, %w, %h) {post = \"x1 = Relu(x0)\"}; return %c, %r } return %y }");
}

TEST(Pipeline, OptionsNameThePasses) {
  const Graph graph = parse("graph g(%x: f32[2]) { %a = Identity(%x); %y = Relu(%a); return %y }");
  PassOptions options;
  std::ostringstream dump;
  options.dump = &dump;
  options.dump_after = "remove_identities";
  optimize(graph, options);
  EXPECT_NE(dump.str().find("// after remove_identities"), std::string::npos);
  EXPECT_EQ(dump.str().find("Identity"), std::string::npos);
  options.disabled = {"remove_identities"};
  EXPECT_EQ(optimize(graph, options).order().size(), 2u);
  options.disabled = {"no_such_pass"};
  EXPECT_THROW(optimize(graph, options), Error);
  EXPECT_GT(pass_names().size(), 20u);
}

/// Grows a graph of the shapes images go through, with operators that the passes know.
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {
    for (const char* name : {"x", "z"}) {
      values_.push_back(graph_.add_input(
          name, Type(ElementType::f32, {Dim::symbol("N"), Dim(4), Dim(6), Dim(6)})));
    }
  }

  Graph graph(int nodes) {
    for (int i = 0; i < nodes; ++i) grow();
    for (int i = 0; i < 2; ++i)
      graph_.add_output(values_[values_.size() - 1 - pick(3)], fmt::format("y{}", i));
    graph_.add_output(values_.back(), "last");
    return std::move(graph_);
  }

 private:
  size_t pick(size_t n) { return random_() % n; }
  ValueId any() { return values_[values_.size() - 1 - pick(std::min<size_t>(values_.size(), 5))]; }

  ValueId add(Op op, std::vector<ValueId> inputs) {
    const NodeId node = graph_.add_node(std::move(op), std::move(inputs));
    return graph_.node(node).outputs[0];
  }
  ValueId constant(Shape shape, double low = -0.5, double high = 0.5) {
    return graph_.add_constant(draw(Type(ElementType::f32, to_dims(shape)), random_(), low, high));
  }
  ValueId function(const char* name, std::vector<ValueId> inputs) {
    return add(Op::named(name, {}), std::move(inputs));
  }
  ValueId transpose(ValueId x, std::vector<int64_t> permutation) {
    return add(Op::named("Transpose", {{"permutation", std::move(permutation)}}), {x});
  }
  ValueId reshape(ValueId x, std::vector<int64_t> shape) {
    const auto n = static_cast<int64_t>(shape.size());
    return function("Reshape",
                    {x, graph_.add_constant(Tensor::from<int64_t>({n}, std::span(shape)))});
  }

  void grow() {
    static const char* const unary[] = {"Relu", "Sigmoid",   "Tanh", "Neg",
                                        "Abs",  "HardSwish", "Erf"};
    static const char* const binary[] = {"Add", "Sub", "Mul", "Max"};
    static const Shape operands[] = {{}, {1}, {4, 1, 1}, {1, 4, 1, 1}, {6}, {1, 1, 1, 1}};
    const ValueId x = any();
    switch (pick(12)) {
      case 0:
      case 1:
        return values_.push_back(function(unary[pick(7)], {x}));
      case 2:
      case 3:
        return values_.push_back(function(binary[pick(4)], {x, any()}));
      case 4: {
        std::vector<ValueId> inputs = {x, constant(operands[pick(6)])};
        if (pick(2)) std::swap(inputs[0], inputs[1]);
        return values_.push_back(function(binary[pick(4)], inputs));
      }
      case 5:
        return values_.push_back(function("Div", {x, constant({4, 1, 1}, 0.5, 2)}));
      case 6: {
        const int64_t group = pick(2) ? 1 : 2;
        std::vector<ValueId> inputs = {x, constant({4, 4 / group, 3, 3})};
        if (pick(2)) inputs.push_back(constant({4}));
        const std::vector<int64_t> ones = {1, 1};
        return values_.push_back(
            add(Op::named("Conv", {{"group", group}, {"pads_begin", ones}, {"pads_end", ones}}),
                inputs));
      }
      case 7:
        return values_.push_back(
            add(Op::named("BatchNorm", {}),
                {x, constant({4}), constant({4}), constant({4}), constant({4}, 0.5, 2)}));
      case 8: {
        const ValueId turned = transpose(x, {0, 2, 3, 1});
        const ValueId inner = pick(2) ? function(unary[pick(7)], {turned})
                                      : function("MatMul", {turned, constant({4, 4})});
        return values_.push_back(transpose(inner, {0, 3, 1, 2}));
      }
      case 9: {
        const ValueId flat = reshape(x, {0, 4, 36});
        const ValueId scores = function("MatMul", {flat, transpose(flat, {0, 2, 1})});
        const ValueId scaled = function("Mul", {scores, constant({}, 0.1, 0.2)});
        const ValueId weights = function("Softmax", {scaled});
        return values_.push_back(reshape(function("MatMul", {weights, flat}), {-1, 4, 6, 6}));
      }
      case 10: {
        const ValueId sigmoid = function("Sigmoid", {x});
        return values_.push_back(function("Mul", {sigmoid, x}));
      }
      default: {
        const ValueId mean =
            add(Op::named("ReduceMean", {{"axes", std::vector<int64_t>{2, 3}}}), {x});
        return values_.push_back(function("Mul", {x, function("Sigmoid", {mean})}));
      }
    }
  }

  std::mt19937_64 random_;
  Graph graph_;
  std::vector<ValueId> values_;
};

double largest(const Tensor& tensor) {
  double result = 1;
  for (float value : tensor.values<float>())
    result = std::max(result, std::abs(static_cast<double>(value)));
  return result;
}

TEST(Pipeline, RandomGraphsComputeTheSame) {
  PassOptions options;
  options.verify = true;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    const Graph before = Generator(seed).graph(4 + static_cast<int>(seed % 17));
    SCOPED_TRACE(fmt::format("seed {}\n{}", seed, print(before)));
    try {
      const Graph after = optimize(before, options);
      EXPECT_EQ(print(optimize(after, options).compact()).size(), print(after).size());
      const Type type(ElementType::f32, {Dim(2), Dim(4), Dim(6), Dim(6)});
      const std::vector<Tensor> inputs = {draw(type, seed), draw(type, seed + 1)};
      const auto want = evaluate_graph(before, inputs), got = evaluate_graph(after, inputs);
      for (size_t i = 0; i < want.size(); ++i) {
        expect_close(got[i], want[i], 1e-3, 1e-4 * largest(want[i]), print(after));
      }
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace drawbar
