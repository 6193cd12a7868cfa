#pragma once

#include <map>
#include <set>
#include <string>

#include "import/onnx/onnx.pb.h"
#include "ir/type.h"

namespace drawbar::onnx {

/// Names of dimensions in a file ("batch size") as symbols ("batch_size"). Different names stay
/// different.
class Symbols {
 public:
  Dim named(const std::string& dim_param);
  /// A dimension without a name: "<value>.<axis>".
  Dim unnamed(const std::string& value, int axis);

 private:
  Dim unique(const std::string& key, const std::string& text);

  std::map<std::string, std::string> known_;
  std::set<std::string> taken_;
};

/// The type that a file declares for a value. Throws INVALID_MODEL for negative dimensions and
/// missing parts.
Type read_type(const drawbar_onnx::TypeProto& proto, Symbols& symbols, const std::string& value);

}  // namespace drawbar::onnx
