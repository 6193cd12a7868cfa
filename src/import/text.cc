#include "ir/text.h"

#include <algorithm>
#include <fstream>

#include "import/importer.h"

namespace drawbar {
namespace {

constexpr size_t most_bytes = size_t{256} << 20;

/// A graph in its text form begins with its first word.
bool recognises(std::string_view head) { return head.starts_with("graph "); }

std::string read(const ModelSource& source) {
  if (source.path.empty()) return std::string(source.bytes);
  std::ifstream file(source.path, std::ios::binary | std::ios::ate);
  if (!file) fail(ErrorCode::invalid_argument, "the file cannot be opened");
  const auto bytes = static_cast<size_t>(file.tellg());
  if (bytes > most_bytes) {
    fail(ErrorCode::resource_exhausted, "{} bytes of text, at most {}", bytes, most_bytes);
  }
  std::string text(bytes, '\0');
  file.seekg(0);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

Graph import(const ModelSource& source, ModelProperties* properties) {
  if (properties) *properties = {{"format", "graph in text form"}};
  return parse(read(source));
}

void count(const Graph& graph, std::vector<OperatorCount>& counts) {
  for (NodeId id : graph.order()) {
    const std::string name(graph.node(id).op.name());
    auto entry = std::find_if(counts.begin(), counts.end(),
                              [&](const OperatorCount& known) { return known.name == name; });
    if (entry == counts.end()) entry = counts.insert(entry, {name, 0, true});
    ++entry->count;
    for (const GraphPtr& subgraph : graph.node(id).subgraphs) count(*subgraph, counts);
  }
}

std::vector<OperatorCount> operators(const ModelSource& source) {
  std::vector<OperatorCount> counts;
  count(parse(read(source)), counts);
  std::sort(counts.begin(), counts.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return counts;
}

}  // namespace

Importer text_importer() { return {"text", recognises, import, operators}; }

}  // namespace drawbar
