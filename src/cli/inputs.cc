#include "cli/inputs.h"

#include <random>

#include "cli/values.h"

namespace drawbar::cli {

std::vector<Tensor> read_inputs(const Graph& graph, const std::vector<std::string>& files) {
  std::vector<Tensor> inputs(graph.inputs().size());
  for (const std::string& text : files) {
    bool known = false;
    for (size_t i = 0; i < inputs.size(); ++i) {  // names may hold '=' themselves
      const std::string prefix = graph.value(graph.inputs()[i]).name + "=";
      if (!text.starts_with(prefix)) continue;
      inputs[i] = read_value(text.substr(prefix.size()), graph.value(graph.inputs()[i]).type);
      known = true;
    }
    if (known) continue;
    std::string names;
    for (ValueId id : graph.inputs()) names += (names.empty() ? "" : ", ") + graph.value(id).name;
    fail(ErrorCode::invalid_argument, "--input '{}': expected NAME=FILE.npy with NAME one of {}",
         text, names);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph.value(graph.inputs()[i]);
    if (!inputs[i].has_value() && value.type.kind != Tensor::Kind::optional) {
      fail(ErrorCode::invalid_argument, "input '{}' ({}) is missing: give --input {}=FILE.npy",
           value.name, to_string(value.type), value.name);
    }
  }
  return inputs;
}

std::vector<Tensor> draw_inputs(const Graph& graph, const std::vector<Shape>& shapes,
                                uint64_t seed) {
  std::vector<Tensor> inputs;
  std::mt19937_64 random(seed);
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const Value& value = graph.value(graph.inputs()[i]);
    if (!value.type.is_tensor()) {
      fail(ErrorCode::invalid_argument, "input '{}' is {}: only tensors can be drawn", value.name,
           to_string(value.type));
    }
    Tensor tensor = Tensor::allocate(value.type.tensor.element, shapes[i]);
    const ElementKind element = kind(tensor.type());
    for (int64_t k = 0; k < tensor.size() && element != ElementKind::string; ++k) {
      if (element == ElementKind::floating) {
        write_number(tensor, k, static_cast<double>(random() >> 40) * 0x1p-24);
      } else {
        write_integer(tensor, k, static_cast<int64_t>(random() & 1));
      }
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

std::string file_name(const std::string& value_name) {
  std::string result;
  for (char c : value_name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool leading_dot = c == '.' && result.empty();
    if (c == '/' || c == '%' || c == '\\' || byte < 0x20 || byte == 0x7f || leading_dot) {
      result += fmt::format("%{:02X}", byte);
    } else {
      result += c;
    }
  }
  if (result.empty()) result = "%00";
  if (result.size() > 200)
    result = result.substr(0, 160) + "%" + std::to_string(std::hash<std::string>{}(value_name));
  return result;
}

}  // namespace drawbar::cli
