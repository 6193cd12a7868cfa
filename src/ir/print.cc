#include <set>
#include <unordered_map>

#include "ir/text.h"

namespace drawbar {
namespace {

constexpr int64_t inline_limit = 64;  // elements of a constant that stands in the text

std::string value_name(const std::string& name) {
  bool plain = !name.empty();
  for (char c : name) {
    plain &= std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '/' ||
             c == ':' || c == '#';
  }
  plain &= !name.ends_with(':');  // a type may follow
  return "%" + (plain ? name : quoted(name));
}

/// The names of a graph's values in the text: their own, told apart where several have the same.
class Names {
 public:
  explicit Names(const Graph& graph) : graph_(graph) {
    for (ValueId input : graph.inputs()) (*this)[input];
  }

  const std::string& operator[](ValueId id) {
    std::string& name = names_[id];
    if (!name.empty()) return name;
    std::string text = graph_.value(id).name;
    while (!used_.insert(text).second) text += "#";
    return name = value_name(text);
  }

 private:
  const Graph& graph_;
  std::unordered_map<ValueId, std::string> names_;
  std::set<std::string> used_;
};

std::string constant_text(const Constant& constant) {
  std::string text = to_string(TensorType{constant.type(), to_dims(constant.shape())}) + " ";
  if (const auto& d = constant.description()) {
    return text + fmt::format("{}({}, {}, {})", d->distribution, to_string(d->mean),
                              to_string(d->deviation), d->seed);
  }
  const Tensor& tensor = constant.tensor();
  const ElementKind element = kind(constant.type());
  if (tensor.size() > inline_limit || element == ElementKind::complex)
    return text + "@" + constant.hash().hex();
  text += "[";
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (i) text += ", ";
    if (element == ElementKind::string) {
      text += quoted(tensor.data<std::string>()[i]);
    } else if (element == ElementKind::floating) {
      text += to_string(read_number(tensor, i));
    } else if (constant.type() == ElementType::u64) {
      text += std::to_string(static_cast<uint64_t>(read_integer(tensor, i)));
    } else {
      text += std::to_string(read_integer(tensor, i));
    }
  }
  return text + "]";
}

class Printer {
 public:
  std::string text;

  void graph(const Graph& g, const std::string& indent) {
    text += "graph " + quoted_if_needed(g.name) + "(";
    Names names(g);
    for (size_t i = 0; i < g.inputs().size(); ++i) {
      const ValueId input = g.inputs()[i];
      text += (i ? ", " : "") + names[input] + ": " + to_string(g.value(input).type);
    }
    text += ") {\n";
    std::vector<char> printed(g.value_count(), 0);
    for (NodeId id : g.order()) {
      for (ValueId input : g.node(id).inputs) constant(g, input, names, printed, indent);
      text += indent + "  " + line(g, id, names);
      for (const GraphPtr& subgraph : g.node(id).subgraphs) {
        text += " ";
        graph(*subgraph, indent + "  ");
      }
      text += "\n";
    }
    for (ValueId output : g.outputs()) constant(g, output, names, printed, indent);
    for (const auto& [symbol, bound] : g.symbol_bounds()) {
      text += indent + "  bound " + symbol + " <= " + bound.str() + "\n";
    }
    text += indent + "  return ";
    for (size_t i = 0; i < g.outputs().size(); ++i) {
      const std::string& value = names[g.outputs()[i]];
      text += (i ? ", " : "") + value;
      if (value_name(g.output_names()[i]) != value) text += " as " + quoted(g.output_names()[i]);
    }
    text += "\n" + indent + "}";
  }

  static std::string line(const Graph& g, NodeId id, Names& names) {
    const Node& node = g.node(id);
    std::string result;
    for (ValueId output : node.outputs) {
      result +=
          (result.empty() ? "" : ", ") + names[output] + ": " + to_string(g.value(output).type);
    }
    result += " = " + std::string(node.op.name()) + "(";
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (i) result += ", ";
      result += node.inputs[i] == no_id ? "_" : names[node.inputs[i]];
    }
    result += ")";
    const Attributes attributes = node.op.attributes();
    if (!attributes.empty()) {
      std::string inner;
      for (const auto& [name, value] : attributes) {
        inner += (inner.empty() ? "" : ", ") + name + " = " + to_string(value);
      }
      result += " {" + inner + "}";
    }
    if (!node.name.empty()) result += " " + quoted(node.name);
    return result;
  }

 private:
  void constant(const Graph& g, ValueId id, Names& names, std::vector<char>& printed,
                const std::string& indent) {
    if (id == no_id || !g.value(id).is_constant() || printed[id]) return;
    printed[id] = 1;
    text += indent + "  " + names[id] + " = const " + constant_text(*g.value(id).constant) + "\n";
  }

  static std::string quoted_if_needed(const std::string& name) {
    bool plain = !name.empty();
    for (char c : name) {
      plain &= std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
    }
    return plain ? name : quoted(name);
  }
};

}  // namespace

std::string print(const Graph& graph) {
  Printer printer;
  printer.graph(graph, "");
  return printer.text + "\n";
}

std::string print_node(const Graph& graph, NodeId node) {
  Names names(graph);
  return Printer::line(graph, node, names);
}

}  // namespace drawbar
