#include <algorithm>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "drawbar/engine.h"
#include "import/importer.h"
#include "ir/text.h"
#include "passes/pipeline.h"
#include "targets/target.h"
#include "tests/fuzz/mutate.h"

namespace drawbar::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t largest_seed = 16 << 10;
constexpr size_t engine_stride = 25;  // every so manieth model is compiled

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string engine_of(Graph graph) {
  CompileOptions options;
  options.time_tactics = false;
  const auto optimized = std::make_shared<const Graph>(optimize(std::move(graph)));
  const std::string path =
      (fs::temp_directory_path() / fmt::format("seed_{}.engine", getpid())).string();
  Engine::compile(optimized, "cpu", options)->save(path);
  std::string bytes = read_file(path);
  fs::remove(path);
  return bytes;
}

using Words = std::vector<std::string_view>;

bool has_one_of(std::string_view text, const Words& words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

/// Whether a model has to do with strings, sequences or trees, by the operators and types in it.
bool belongs(std::string_view kind, const Graph& graph) {
  if (kind == "trees") return has_one_of(print(graph), {"TreeEnsemble"});
  if (kind == "strings") return has_one_of(print(graph), {"string["});
  return has_one_of(print(graph), {"seq(", "opt(", "map("});
}

}  // namespace

Seeds read_seeds(std::string_view kind, const std::string& cases_folder) {
  if (kind == "npz") return npz_seeds();
  if (kind == "tfrecord") return tfrecord_seeds();
  std::vector<fs::path> models;
  for (const auto& entry : fs::recursive_directory_iterator(cases_folder)) {
    if (entry.path().filename() == "model.onnx" && entry.file_size() <= largest_seed)
      models.push_back(entry.path());
  }
  std::sort(models.begin(), models.end());
  const bool family = kind == "strings" || kind == "sequences" || kind == "trees";
  Seeds seeds = family ? classical_seeds(kind) : Seeds();
  for (size_t i = 0; i < models.size(); ++i) {
    std::string bytes = read_file(models[i]);
    if (kind == "onnx" || kind == "run") {
      seeds.push_back(std::move(bytes));
      continue;
    }
    if (kind == "engine" && i % engine_stride) continue;
    try {
      Graph graph = import_bytes(bytes);
      if (family) {
        if (belongs(kind, graph)) seeds.push_back(std::move(bytes));
        continue;
      }
      seeds.push_back(kind == "text" ? print(graph) : engine_of(std::move(graph)));
    } catch (const Error&) {  // a case that is refused is no seed
    }
  }
  return seeds;
}

}  // namespace drawbar::fuzz
