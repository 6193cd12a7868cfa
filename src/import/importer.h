#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace drawbar {

/// What a model file says about itself beyond its graph, in a fixed order: "format", "producer",
/// "opset ai.onnx", …
using ModelProperties = std::vector<std::pair<std::string, std::string>>;

/// How often a model uses an operator, subgraphs and functions included.
struct OperatorCount {
  std::string name;  // "ai.onnx.Conv", "com.acme.Swirl"
  size_t count = 0;
  bool known = false;  // whether this build can translate it
};

/// Where a model comes from. Untrusted.
struct ModelSource {
  std::string path;        // the file; empty: the model is `bytes`
  std::string_view bytes;  // of a model in memory
  std::string folder;      // data beside the model is opened only beneath it; empty: none is
};

/// A model format. Importers are found by the content of the file, never by its name.
struct Importer {
  std::string_view name;                      // "ONNX"
  bool (*recognises)(std::string_view head);  // the first bytes of the file, at most 4096
  Graph (*import)(const ModelSource& source, ModelProperties* properties);
  std::vector<OperatorCount> (*operators)(const ModelSource& source);  // by name
  std::vector<std::string> (*known)() = nullptr;  // operators that files may use; null: our own
};

void register_importer(const Importer& importer);
std::string importer_names();  // "text, ONNX"
/// Graphs in text form, which every build reads.
Importer text_importer();

/// Reads a model of any format this build knows. Throws INVALID_MODEL and UNSUPPORTED with
/// "<path>: import: node '…' (Type): …"; INVALID_ARGUMENT when there is no such file. Memory: the
/// weights once, and a small multiple of the rest of the file. Thread-safe.
Graph import_model(const std::string& path, ModelProperties* properties = nullptr);
/// The same for a model in memory.
Graph import_bytes(std::string_view bytes, const std::string& folder = {},
                   ModelProperties* properties = nullptr);
std::vector<OperatorCount> model_operators(const std::string& path);
/// The operators that files of some format may use, by name: "Conv" of ai.onnx,
/// "com.microsoft.Gelu".
std::vector<std::string> importable_operators();

}  // namespace drawbar
