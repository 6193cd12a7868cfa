#include "tests/support/draw.h"

#include <cmath>
#include <random>

#include "ir/text.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

double next(std::mt19937_64& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53;
}

Tensor draw_tensor(const TensorType& type, std::mt19937_64& random, double low, double high) {
  Tensor result = Tensor::allocate(type.element, type.shape());
  const bool default_range = low == -1 && high == 1;
  for (int64_t i = 0; i < result.size(); ++i) {
    switch (kind(type.element)) {
      case ElementKind::string:
        result.data<std::string>()[i] = fmt::format("s{}", random() % 10);
        break;
      case ElementKind::complex:
        if (type.element == ElementType::c64) {
          result.data<std::complex<float>>()[i] = {static_cast<float>(next(random, low, high)),
                                                   static_cast<float>(next(random, low, high))};
        } else {
          result.data<std::complex<double>>()[i] = {next(random, low, high),
                                                    next(random, low, high)};
        }
        break;
      case ElementKind::boolean:
        write_integer(result, i, static_cast<int64_t>(random() % 2));
        break;
      case ElementKind::floating:
        write_number(result, i, next(random, low, high));
        break;
      case ElementKind::signed_integer:
      case ElementKind::unsigned_integer: {
        const bool is_signed = kind(type.element) == ElementKind::signed_integer;
        double from = default_range ? -8 : low, to = default_range ? 8 : high;
        if (!is_signed) from = std::max(from, 0.0);
        const double limit = std::ldexp(1, bits(type.element) - (is_signed ? 1 : 0));
        from = std::max(from, is_signed ? -limit : 0.0);
        to = std::min(to, limit);
        write_integer(result, i, static_cast<int64_t>(std::floor(next(random, from, to))));
        break;
      }
    }
  }
  return result;
}

Tensor draw_value(const Type& type, std::mt19937_64& random, double low, double high) {
  if (type.is_tensor()) return draw_tensor(type.tensor, random, low, high);
  if (type.kind == Tensor::Kind::map) {
    Tensor keys = Tensor::allocate(type.key, {3});
    for (int64_t i = 0; i < 3; ++i) {
      if (type.key == ElementType::string) {
        keys.data<std::string>()[i] = fmt::format("k{}", i);
      } else {
        write_integer(keys, i, i);
      }
    }
    Type values = *type.element;
    if (values.is_tensor()) values.tensor.dims.insert(values.tensor.dims.begin(), Dim(3));
    return Tensor::compound(type.kind, {keys, draw_value(values, random, low, high)});
  }
  std::vector<Tensor> elements;
  for (int i = 0; i < (type.kind == Tensor::Kind::optional ? 1 : 3); ++i) {
    elements.push_back(draw_value(*type.element, random, low, high));
  }
  return Tensor::compound(type.kind, std::move(elements));
}

void collect(const Type& type, std::set<std::string>& names) {
  if (!type.is_tensor()) return collect(*type.element, names);
  for (const Dim& dim : type.tensor.dims) dim.collect_symbols(names);
}

}  // namespace

InputText::InputText(const std::string& text) {
  std::string rest = text;
  if (rest.starts_with("const ")) {
    constant = true;
    rest = rest.substr(6);
  }
  const size_t equals = rest.find(" = ");
  if (equals == std::string::npos) {
    const Graph graph = parse("graph g(%x: " + rest + ") { return %x }");
    type = graph.value(graph.inputs()[0]).type;
    return;
  }
  constant = true;
  rest.erase(equals, 2);
  const Graph graph = parse("graph g() { %x = const " + rest + " return %x }");
  const Value& value = graph.value(graph.outputs()[0]);
  type = value.type;
  values = value.constant->tensor();
}

Tensor draw(const Type& type, uint64_t seed, double low, double high) {
  std::mt19937_64 random(seed);
  return draw_value(type, random, low, high);
}

Tensor draw(const std::string& text, uint64_t seed, double low, double high) {
  const InputText input(text);
  return input.values.has_value() ? input.values : draw(input.type, seed, low, high);
}

Bindings bind_symbols(const Graph& graph) {
  std::set<std::string> names;
  for (ValueId input : graph.inputs()) collect(graph.value(input).type, names);
  Bindings bindings;
  int64_t next = 2;
  for (const std::string& name : names) bindings[name] = next++;
  return bindings;
}

}  // namespace drawbar
