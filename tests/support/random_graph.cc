#include "tests/support/random_graph.h"

#include <optional>
#include <random>

namespace drawbar {
namespace {

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  Graph run(int nodes) {
    const int64_t channels = pick<int64_t>({1, 3, 4, 8, 13, 16});
    if (below(3) == 0) {
      values_.push_back(
          graph_.add_input("x", Type(ElementType::f32, {Dim::symbol("N"), Dim(7), Dim(channels)})));
    } else {
      const int64_t h = 5 + below(9), w = 5 + below(9);
      values_.push_back(graph_.add_input(
          "x", Type(ElementType::f32, {Dim::symbol("N"), Dim(channels), Dim(h), Dim(w)})));
    }
    for (int made = 0, tried = 0; made < nodes && tried < 20 * nodes; ++tried) made += step();
    // Some of the last values, and whatever else nobody reads half of the time.
    graph_.add_output(values_.back(), "last");
    for (ValueId id : values_) {
      const bool unread = graph_.value(id).uses.empty() && id != values_.back() &&
                          graph_.value(id).producer != no_id;
      if (unread && below(2)) graph_.add_output(id, "extra" + std::to_string(id));
    }
    return std::move(graph_);
  }

 private:
  int64_t below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  template <class T>
  T pick(std::initializer_list<T> from) {
    return from.begin()[below(static_cast<int64_t>(from.size()))];
  }

  /// Recent values are likelier, so that chains grow long enough to be fused.
  ValueId some_value() {
    const auto n = static_cast<int64_t>(values_.size());
    return values_[static_cast<size_t>(n - 1 -
                                       (below(3) ? below(std::min<int64_t>(n, 3)) : below(n)))];
  }
  const Dims& dims(ValueId id) const { return graph_.value(id).type.tensor.dims; }
  int64_t rank(ValueId id) const { return static_cast<int64_t>(dims(id).size()); }
  /// A dimension that is a number, else 0.
  int64_t fixed(ValueId id, int64_t axis) const {
    const Dim& dim = dims(id)[static_cast<size_t>(axis)];
    return dim.is_constant() ? dim.value() : 0;
  }

  ValueId weights(Shape shape, double scale) {
    Tensor tensor = Tensor::allocate(ElementType::f32, std::move(shape));
    std::uniform_real_distribution<float> draw(-1, 1);
    for (float& value : tensor.values<float>()) value = static_cast<float>(scale) * draw(random_);
    return graph_.add_constant(std::move(tensor));
  }
  ValueId integers(std::vector<int64_t> values) {
    const auto count = static_cast<int64_t>(values.size());
    return graph_.add_constant(Tensor::from<int64_t>({count}, values));
  }
  bool add(std::string_view op, const Attributes& attributes, std::vector<ValueId> inputs,
           size_t outputs = 1) {
    const NodeId node = graph_.add_node(Op::named(op, attributes), std::move(inputs), outputs,
                                        "n" + std::to_string(graph_.node_count()));
    for (ValueId id : graph_.node(node).outputs) values_.push_back(id);
    return true;
  }

  bool step() {
    const ValueId x = some_value();
    if (!graph_.value(x).type.tensor.ranked ||
        graph_.value(x).type.tensor.element != ElementType::f32 || rank(x) < 1)
      return false;
    switch (below(14)) {
      case 0:
      case 1:
        return activation(x);
      case 2:
      case 3:
        return join(x);
      case 4:
      case 5:
        return spatial(x);
      case 6:
        return product(x);
      case 7:
        return normalise(x);
      case 8:
        return reduce(x);
      case 9:
        return transpose(x);
      case 10:
        return reshape(x);
      case 11:
        return concatenate_or_split(x);
      case 12:
        return slice(x);
      default:
        return affine(x);
    }
  }

  bool activation(ValueId x) {
    return add(pick<std::string_view>({"Relu", "Sigmoid", "Tanh", "Abs", "Neg", "HardSwish",
                                       "LeakyRelu", "Erf", "Softplus"}),
               {}, {x});
  }

  bool join(ValueId x) {
    for (int attempt = 0; attempt < 6; ++attempt) {
      const ValueId y = some_value();
      if (dims(y) == dims(x) && graph_.value(y).type == graph_.value(x).type) {
        return add(pick<std::string_view>({"Add", "Sub", "Min", "Max", "Mul"}), {}, {x, y});
      }
    }
    return false;
  }

  /// A scale and a shift per channel, or one number.
  bool affine(ValueId x) {
    Shape shape;
    if (rank(x) >= 2 && fixed(x, 1) && below(2)) shape = {fixed(x, 1)};
    if (!shape.empty()) shape.resize(static_cast<size_t>(rank(x)) - 1, 1);
    return add(pick<std::string_view>({"Add", "Mul", "Sub"}), {}, {x, weights(shape, 1)});
  }

  bool spatial(ValueId x) {
    if (rank(x) != 4 || !fixed(x, 1) || fixed(x, 2) < 3 || fixed(x, 3) < 3) return false;
    const int64_t c = fixed(x, 1), kernel = pick<int64_t>({1, 2, 3, 3}), stride = 1 + below(2),
                  pad = kernel / 2;
    const std::vector<int64_t> k{kernel, kernel}, s{stride, stride}, p{pad, pad};
    const int64_t kind = below(6);
    if (kind == 0)
      return add("MaxPool", {{"kernel", k}, {"strides", s}, {"pads_begin", p}, {"pads_end", p}},
                 {x});
    if (kind == 1)
      return add("AveragePool", {{"kernel", k}, {"strides", s}, {"pads_begin", p}, {"pads_end", p}},
                 {x});
    if (kind == 2) return add("GlobalAveragePool", {}, {x});
    const bool depthwise = kind == 3;
    const int64_t m = depthwise ? c : pick<int64_t>({1, 4, 7, 16, 24, c}),
                  group = depthwise ? c : 1;
    const double scale =
        1.0 / std::max<double>(1, static_cast<double>(c / group * kernel * kernel) / 2);
    std::vector<ValueId> inputs{x, weights({m, c / group, kernel, kernel}, scale)};
    if (below(2)) inputs.push_back(weights({m}, 0.5));
    return add("Conv",
               {{"strides", s},
                {"pads_begin", p},
                {"pads_end", p},
                {"dilations", std::vector<int64_t>{1, 1}},
                {"group", group}},
               inputs);
  }

  bool product(ValueId x) {
    if (rank(x) < 2) return false;
    const int64_t k = fixed(x, rank(x) - 1);
    if (!k) return false;
    const int64_t n = pick<int64_t>({1, 5, 16, 33});
    return add("MatMul", {}, {x, weights({k, n}, 2.0 / static_cast<double>(k))});
  }

  bool normalise(ValueId x) {
    const int64_t last = fixed(x, rank(x) - 1);
    if (below(3) == 0) return add("Softmax", {{"axis", int64_t{-1}}}, {x});
    if (rank(x) == 4 && fixed(x, 1) && below(2)) {
      const int64_t c = fixed(x, 1);
      Tensor variance = Tensor::allocate(ElementType::f32, {c});
      for (float& v : variance.values<float>()) v = 0.5f + static_cast<float>(below(100)) / 100;
      return add("BatchNorm", {},
                 {x, weights({c}, 1), weights({c}, 1), weights({c}, 0.5),
                  graph_.add_constant(std::move(variance))});
    }
    if (last < 2) return false;
    // An epsilon that a constant line cannot blow up against.
    return add("LayerNormalization", {{"epsilon", 0.1}},
               {x, weights({last}, 1), weights({last}, 1)});
  }

  bool reduce(ValueId x) {
    const int64_t axis = below(rank(x));
    if (axis == 0 || !fixed(x, axis)) return false;
    return add(pick<std::string_view>({"ReduceMean", "ReduceMax", "ReduceMin"}),
               {{"axes", std::vector<int64_t>{axis}}, {"keep_dims", below(3) != 0}}, {x});
  }

  bool transpose(ValueId x) {
    std::vector<int64_t> order;
    for (int64_t i = 0; i < rank(x); ++i) order.push_back(i);
    std::shuffle(order.begin() + 1, order.end(), random_);  // the batch stays in front
    return add("Transpose", {{"permutation", order}}, {x});
  }

  bool reshape(ValueId x) {
    if (rank(x) < 3) return false;
    if (below(2)) {  // through a shape computation: [N, -1]
      const NodeId shape =
          graph_.add_node(Op::named("Shape", {{"start", int64_t{0}}, {"end", int64_t{1}}}), {x});
      const NodeId joined = graph_.add_node(Op::named("Concat", {{"axis", int64_t{0}}}),
                                            {graph_.node(shape).outputs[0], integers({-1})});
      return add("Reshape", {}, {x, graph_.node(joined).outputs[0]});
    }
    const int64_t last = fixed(x, rank(x) - 1), before = fixed(x, rank(x) - 2);
    if (!last || !before) return false;
    std::vector<int64_t> target(static_cast<size_t>(rank(x) - 1), 0);
    target.back() = last * before;
    return add("Reshape", {}, {x, integers(target)});
  }

  bool concatenate_or_split(ValueId x) {
    const int64_t axis = 1 + below(std::max<int64_t>(1, rank(x) - 1));
    if (axis >= rank(x) || !fixed(x, axis)) return false;
    if (below(2) && fixed(x, axis) >= 2) {
      const int64_t first = 1 + below(fixed(x, axis) - 1);
      return add("Split",
                 {{"axis", axis}, {"sizes", std::vector<int64_t>{first, fixed(x, axis) - first}}},
                 {x}, 2);
    }
    std::vector<ValueId> inputs{x};
    for (int attempt = 0; attempt < 6; ++attempt) {
      const ValueId y = some_value();
      if (!(graph_.value(y).type == graph_.value(x).type)) continue;
      inputs.push_back(y);
      break;
    }
    return add("Concat", {{"axis", axis}}, inputs);
  }

  bool slice(ValueId x) {
    const int64_t axis = below(rank(x));
    const int64_t size = fixed(x, axis);
    if (axis == 0 || size < 2) return false;
    const int64_t start = below(size - 1);
    return add("Slice", {},
               {x, integers({start}), integers({start + 1 + below(size - start)}), integers({axis}),
                integers({1 + below(2)})});
  }

  std::mt19937_64 random_;
  Graph graph_;
  std::vector<ValueId> values_;
};

}  // namespace

Graph random_graph(uint64_t seed, int nodes) { return Generator(seed).run(nodes); }

std::vector<Tensor> random_inputs(const Graph& graph, uint64_t seed, int64_t batch) {
  std::mt19937_64 random(seed);
  std::vector<Tensor> inputs;
  for (ValueId id : graph.inputs()) {
    Shape shape;
    for (const Dim& dim : graph.value(id).type.tensor.dims)
      shape.push_back(dim.is_constant() ? dim.value() : batch);
    Tensor tensor = Tensor::allocate(ElementType::f32, std::move(shape));
    std::uniform_real_distribution<float> draw(-1, 1);
    for (float& value : tensor.values<float>()) value = draw(random);
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

}  // namespace drawbar
