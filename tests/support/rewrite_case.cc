#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "tests/support/draw.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

/// Names values by the order in which the outputs, from the first on, need them.
class Structure {
 public:
  explicit Structure(const Graph& graph) : graph_(graph), names_(graph.value_count()) {
    for (ValueId input : graph.inputs()) {
      names_[input] = fmt::format("%{}", next_++);
      text += names_[input] + ": " + to_string(graph.value(input).type) + "\n";
    }
    std::string outputs;
    for (size_t i = 0; i < graph.outputs().size(); ++i) {
      outputs += fmt::format("{}{} as {}", i ? ", " : "", name(graph.outputs()[i]),
                             graph.output_names()[i]);
    }
    text += "return " + outputs + "\n";
  }

  std::string text;

 private:
  std::string name(ValueId id) {
    if (id == no_id) return "_";
    const Value& value = graph_.value(id);
    if (value.is_constant()) return constant(*value.constant);
    if (names_[id].empty()) add(value.producer);
    return names_[id];
  }

  void add(NodeId id) {
    const Node& node = graph_.node(id);
    std::string inputs, outputs, attributes;
    for (ValueId input : node.inputs) inputs += (inputs.empty() ? "" : ", ") + name(input);
    for (ValueId output : node.outputs) {
      names_[output] = fmt::format("%{}", next_++);
      outputs += (outputs.empty() ? "" : ", ") + names_[output];
    }
    for (const auto& [key, value] : node.op.attributes())
      attributes += (attributes.empty() ? " {" : ", ") + key + " = " + to_string(value);
    text += outputs + " = " + std::string(node.op.name()) + "(" + inputs + ")" + attributes +
            (attributes.empty() ? "" : "}") + "\n";
    for (const GraphPtr& subgraph : node.subgraphs) text += structure_of(*subgraph);
  }

  static std::string constant(const Constant& constant) {
    const std::string type = to_string(Type(constant.type(), to_dims(constant.shape())));
    const Tensor& tensor = constant.tensor();
    if (is_floating(constant.type()) && tensor.size() == 1) {
      return fmt::format("{}({:.6g})", type, read_number(tensor, 0));
    }
    if (!is_integer(constant.type()) && constant.type() != ElementType::boolean) return type;
    std::string values;
    for (int64_t value : read_integers(tensor)) values += fmt::format(" {}", value);
    return type + "(" + values + " )";
  }

  const Graph& graph_;
  std::vector<std::string> names_;
  int next_ = 0;
};

std::vector<Tensor> draw_inputs(const Graph& graph) {
  const Bindings bindings = bind_symbols(graph);
  std::vector<Tensor> inputs;
  for (ValueId input : graph.inputs()) {
    inputs.push_back(draw(substitute(graph.value(input).type, bindings), 17 + inputs.size()));
  }
  return inputs;
}

}  // namespace

std::string structure_of(const Graph& graph) { return Structure(graph).text; }

void expect_rewrite(const std::function<void(Graph&)>& rewrite, const std::string& before,
                    const std::string& after, double rtol, double atol) {
  SCOPED_TRACE("before:\n" + before);
  try {
    const Graph original = parse(before);
    Graph graph = original;
    rewrite(graph);
    verify(graph);
    const std::string want = structure_of(after == "unchanged" ? original : parse(after));
    EXPECT_EQ(structure_of(graph), want);
    const std::vector<Tensor> inputs = draw_inputs(original);
    const auto expected = evaluate_graph(original, inputs);
    const auto got = evaluate_graph(graph, inputs);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      expect_close(got[i], expected[i], rtol, atol, "output " + original.output_names()[i]);
    }
  } catch (const Error& error) {
    ADD_FAILURE() << name(error.code()) << ": " << error.what();
  }
}

}  // namespace drawbar
