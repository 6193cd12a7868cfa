#include "import/onnx/attributes.h"

#include <algorithm>
#include <cctype>

#include "import/onnx/tensor.h"

namespace drawbar::onnx {
namespace {

// AttributeProto.AttributeType; 0: not stated, as in the oldest files.
enum Kind : int32_t {
  kind_float = 1,
  kind_int = 2,
  kind_string = 3,
  kind_tensor = 4,
  kind_graph = 5,
  kind_floats = 6,
  kind_ints = 7,
  kind_strings = 8,
  kind_tensors = 9,
  kind_graphs = 10,
  kind_sparse_tensor = 11,
  kind_sparse_tensors = 12,
  kind_type = 13,
  kind_types = 14,
};

constexpr std::string_view kind_names[] = {"no type",           "a float",  "an integer",
                                           "a string",          "a tensor", "a graph",
                                           "a list of floats",  "integers", "a list of strings",
                                           "a list of tensors", "graphs",   "a sparse tensor",
                                           "sparse tensors",    "a type",   "a list of types"};

int32_t stated_kind(const AttributeProto& attribute) {
  if (attribute.type() != 0) return attribute.type();
  if (attribute.has_f()) return kind_float;
  if (attribute.has_i()) return kind_int;
  if (attribute.has_s()) return kind_string;
  if (attribute.has_t()) return kind_tensor;
  if (attribute.has_g()) return kind_graph;
  if (attribute.floats_size()) return kind_floats;
  if (attribute.strings_size()) return kind_strings;
  return attribute.has_tp() ? kind_type : kind_ints;
}

const AttributeProto& expect(const AttributeProto& attribute, int32_t wanted) {
  const int32_t found = stated_kind(attribute);
  if (found != wanted) {
    const bool known = found >= 0 && found < static_cast<int32_t>(std::size(kind_names));
    fail(ErrorCode::invalid_model, "attribute '{}' is {}, expected {}", attribute.name(),
         known ? kind_names[found] : "of an unknown type", kind_names[wanted]);
  }
  return attribute;
}

}  // namespace

NodeAttributes::NodeAttributes(const drawbar_onnx::NodeProto& node, const AttributeMap* outer) {
  for (const AttributeProto& attribute : node.attribute()) {
    const AttributeProto* meant = &attribute;
    if (!attribute.ref_attr_name().empty()) {
      if (!outer) {
        fail(ErrorCode::invalid_model, "attribute '{}' refers to '{}' outside a function",
             attribute.name(), attribute.ref_attr_name());
      }
      const auto found = outer->find(attribute.ref_attr_name());
      if (found == outer->end()) continue;  // the caller left it out
      meant = found->second;
    }
    if (!attributes_.emplace(attribute.name(), meant).second) {
      fail(ErrorCode::invalid_model, "attribute '{}' is given twice", attribute.name());
    }
  }
}

const AttributeProto* NodeAttributes::find(std::string_view name) const {
  const auto found = attributes_.find(name);
  return found == attributes_.end() ? nullptr : found->second;
}

const AttributeProto& NodeAttributes::required(std::string_view name) const {
  const AttributeProto* found = find(name);
  if (!found) fail(ErrorCode::invalid_model, "attribute '{}' is missing", name);
  return *found;
}

int64_t NodeAttributes::integer(std::string_view name, int64_t fallback) const {
  const AttributeProto* found = find(name);
  return found ? expect(*found, kind_int).i() : fallback;
}

double NodeAttributes::number(std::string_view name, double fallback) const {
  const AttributeProto* found = find(name);
  return found ? expect(*found, kind_float).f() : fallback;
}

std::string NodeAttributes::text(std::string_view name, std::string fallback) const {
  const AttributeProto* found = find(name);
  return found ? expect(*found, kind_string).s() : fallback;
}

std::vector<int64_t> NodeAttributes::integers(std::string_view name,
                                              std::vector<int64_t> fallback) const {
  const AttributeProto* found = find(name);
  if (!found) return fallback;
  const auto& list = expect(*found, kind_ints).ints();
  return {list.begin(), list.end()};
}

std::vector<float> NodeAttributes::numbers(std::string_view name,
                                           std::vector<float> fallback) const {
  const AttributeProto* found = find(name);
  if (!found) return fallback;
  const auto& list = expect(*found, kind_floats).floats();
  return {list.begin(), list.end()};
}

std::vector<std::string> NodeAttributes::texts(std::string_view name) const {
  const AttributeProto* found = find(name);
  if (!found) return {};
  const auto& list = expect(*found, kind_strings).strings();
  return {list.begin(), list.end()};
}

Tensor NodeAttributes::tensor(std::string_view name, ExternalData& external) const {
  const AttributeProto& found = required(name);
  try {
    if (stated_kind(found) == kind_sparse_tensor)
      return read_sparse_tensor(found.sparse_tensor(), external);
    return read_tensor(expect(found, kind_tensor).t(), external);
  } catch (const Error& error) {
    throw error.at(fmt::format("attribute '{}'", name));
  }
}

Type NodeAttributes::type(std::string_view name, Symbols& symbols) const {
  return read_type(expect(required(name), kind_type).tp(), symbols, std::string(name));
}

const drawbar_onnx::GraphProto& NodeAttributes::graph(std::string_view name) const {
  return expect(required(name), kind_graph).g();
}

Attributes NodeAttributes::plain() const {
  const auto plain = [this](const std::string& name, const AttributeProto& proto) -> Attribute {
    switch (stated_kind(proto)) {
      case kind_int:
        return integer(name, 0);
      case kind_float:
        return number(name, 0);
      case kind_string:
        return text(name, {});
      case kind_ints:
        return integers(name, {});
      case kind_floats: {
        const std::vector<float> values = numbers(name, {});
        return std::vector<double>(values.begin(), values.end());
      }
      case kind_strings:
        return texts(name);
      default:
        fail(ErrorCode::unsupported, "attribute '{}' is no number, text or list of these", name);
    }
  };
  Attributes all;
  for (const auto& [name, proto] : attributes_) {
    const auto in_word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    };
    if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) ||
        !std::all_of(name.begin(), name.end(), in_word))
      fail(ErrorCode::unsupported, "attribute '{}': the name is not supported", name);
    all.emplace(name, plain(name, *proto));
  }
  return all;
}

}  // namespace drawbar::onnx
