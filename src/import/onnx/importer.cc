#include "import/importer.h"

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <unistd.h>

#include "import/onnx/model.h"

namespace drawbar::onnx {
namespace {

using drawbar_onnx::ModelProto;

/// Whether the bytes begin with a field a ModelProto can begin with.
bool recognises(std::string_view head) {
  if (head.empty()) return false;
  const auto first = static_cast<uint8_t>(head[0]);
  const int field = first >> 3, wire = first & 7;
  const bool number = field == 1 || field == 5;
  const bool bytes = (field >= 2 && field <= 4) || (field >= 6 && field <= 8) || field == 14;
  return (number && wire == 0) || (bytes && wire == 2);
}

ModelProto read(const ModelSource& source) {
  ModelProto model;
  bool whole = false;
  if (source.path.empty()) {
    google::protobuf::io::ArrayInputStream stream(
        source.bytes.data(), static_cast<int>(std::min<size_t>(source.bytes.size(), INT_MAX)));
    whole = source.bytes.size() <= INT_MAX && model.ParseFromZeroCopyStream(&stream);
  } else {
    const int descriptor = open(source.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) fail(ErrorCode::invalid_argument, "the file cannot be opened");
    google::protobuf::io::FileInputStream stream(descriptor, 1 << 18);
    stream.SetCloseOnDelete(true);
    whole = model.ParseFromZeroCopyStream(&stream);
  }
  if (!whole) {
    fail(ErrorCode::invalid_model,
         "the file is damaged, cut off, nested too deeply, over 2 GiB, or no ONNX model");
  }
  return model;
}

ModelProperties properties_of(const ModelProto& model) {
  ModelProperties properties = {{"format", fmt::format("ONNX, IR version {}", model.ir_version())}};
  if (!model.producer_name().empty()) {
    properties.emplace_back("producer", model.producer_name() + " " + model.producer_version());
  }
  for (const auto& opset : model.opset_import()) {
    const std::string domain = plain_domain(opset.domain());
    properties.emplace_back("opset " + (domain.empty() ? "ai.onnx" : domain),
                            std::to_string(opset.version()));
  }
  return properties;
}

Graph import(const ModelSource& source, ModelProperties* properties) {
  ModelProto model = read(source);
  if (properties) *properties = properties_of(model);
  return ModelTranslation(model, source.folder).translate();
}

std::vector<OperatorCount> operators(const ModelSource& source) {
  return count_operators(read(source));
}

const bool registered =
    (register_importer({"ONNX", recognises, import, operators, handled_types}), true);

}  // namespace
}  // namespace drawbar::onnx
