#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "import/onnx/external_data.h"
#include "import/onnx/onnx.pb.h"
#include "import/onnx/type.h"
#include "ir/attribute.h"
#include "ir/constant.h"

namespace drawbar::onnx {

using AttributeProto = drawbar_onnx::AttributeProto;
/// What a function's body may refer to, by name.
using AttributeMap = std::map<std::string, const AttributeProto*, std::less<>>;

/// The attributes of one node, references to the attributes of the function around it followed.
/// Throws INVALID_MODEL for a name given twice, and for an attribute of another type than asked
/// for.
class NodeAttributes {
 public:
  /// `outer` is null outside functions.
  NodeAttributes(const drawbar_onnx::NodeProto& node, const AttributeMap* outer);

  const AttributeProto* find(std::string_view name) const;
  const AttributeMap& all() const { return attributes_; }

  int64_t integer(std::string_view name, int64_t fallback) const;
  double number(std::string_view name, double fallback) const;
  std::string text(std::string_view name, std::string fallback) const;
  std::vector<int64_t> integers(std::string_view name, std::vector<int64_t> fallback) const;
  std::vector<float> numbers(std::string_view name, std::vector<float> fallback) const;
  std::vector<std::string> texts(std::string_view name) const;
  /// A tensor, or a sparse one made dense.
  Tensor tensor(std::string_view name, ExternalData& external) const;
  Type type(std::string_view name, Symbols& symbols) const;
  const drawbar_onnx::GraphProto& graph(std::string_view name) const;
  /// All of them: numbers, texts, and lists of these. Others throw UNSUPPORTED.
  Attributes plain() const;

 private:
  const AttributeProto& required(std::string_view name) const;

  AttributeMap attributes_;
};

}  // namespace drawbar::onnx
