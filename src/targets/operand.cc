#include "targets/operand.h"

#include "base/checked.h"

namespace drawbar {

int64_t Operand::size() const { return element_count(shape); }

int64_t Operand::extent() const {
  const int64_t elements = size();
  return pitch == 0 || elements == 0 ? elements : (elements / dim(1) - 1) * pitch + dim(1);
}

Shape Operand::strides() const {
  Shape result(shape.size());
  int64_t stride = 1;
  const auto place = [&](size_t axis) {
    result[axis] = stride;
    stride *= shape[axis];
  };
  const bool last = layout == Layout::channels_last && shape.size() > 2;
  if (last) {
    place(1);
    stride = pixel_stride();
  }
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (!last || axis != 1) place(axis);
  }
  return result;
}

Operand operand(const Value& value) {
  Operand result;
  result.type = value.type.tensor.element;
  result.shape = value.type.tensor.shape();
  result.layout = value.type.tensor.layout;
  result.constant = value.constant;
  result.present = true;
  return result;
}

std::vector<Operand> operands(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<Operand> result;
  for (ValueId id : values) result.push_back(id == no_id ? Operand{} : operand(graph.value(id)));
  return result;
}

std::string problem_key(const Op& op, std::span<const Operand> inputs,
                        std::span<const Operand> outputs) {
  std::string key(op.name());
  for (const auto& [name, value] : op.attributes()) key += " " + name + "=" + to_string(value);
  const auto add = [&key](const Operand& o) {
    if (!o.present) {
      key += " _";
      return;
    }
    key += fmt::format(" {}:{}{}{}", name(o.type), to_string(o.shape),
                       o.layout == Layout::channels_last ? ":cl" : "", o.constant ? ":const" : "");
    if (o.pitch != 0) key += fmt::format(":of{}", o.pitch);
  };
  for (const Operand& input : inputs) add(input);
  key += " ->";
  for (const Operand& output : outputs) add(output);
  return key;
}

}  // namespace drawbar
