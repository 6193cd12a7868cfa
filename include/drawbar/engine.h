#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drawbar/tensor.h"

namespace drawbar {

class Graph;
class Program;
struct CompileOptions;

/// Concrete shapes of all inputs, in the model's order: what a profile compiles for.
using InputShapes = std::vector<Shape>;

/// An input or output of a model.
struct ValueInfo {
  std::string name;
  /// "f32[N, 3, 224, 224]"; "seq(f32[N])" for what is no tensor. Names stand for sizes that inputs
  /// give, "?" for an unknown rank.
  std::string type;
  std::optional<ElementType> element;  // of a tensor
  std::vector<int64_t> shape;          // of a tensor of known rank; -1 for sizes that inputs give
};

/// Who made an engine, from what, and how. Free text; nothing here steers execution except
/// `preprocess`, which the command line applies to images.
struct EngineInfo {
  std::string source;       // the model's file name
  std::string source_hash;  // of its bytes
  std::string options;      // the compile options as given
  std::string built_by;     // version and build id
  std::string built_on;     // processor and time; empty when deterministic
  std::string precision = "fp32";
  std::string preprocess;  // "resize=256,crop=224,mean=127,std=128,order=rgb"
};

/// A compiled model: the optimised graph, the target's program, and where it came from. Immutable
/// and thread-safe; saved in the format of docs/engine-format.md. compile.h makes one of a model.
class Engine {
 public:
  /// Maps a file. Header, manifest, graph and tactics are verified now, weights before their first
  /// use, or all at once with `verify`. Throws INVALID_MODEL saying what is damaged, UNSUPPORTED
  /// for another version or a lesser processor, INVALID_ARGUMENT when there is no such file.
  static std::shared_ptr<Engine> load(const std::string& path, bool verify = false);
  static bool is_engine(const std::string& path);  // by its first bytes

  /// Writes the file anew: a reader sees the old one or the new one, whole.
  void save(const std::string& path) const;

  /// In the order in which Session::run takes and gives them.
  std::vector<ValueInfo> inputs() const;
  std::vector<ValueInfo> outputs() const;

  const std::string& target() const { return target_; }
  const EngineInfo& info() const { return info_; }
  /// What it was compiled for. Other shapes and numbers of threads run too, with tactics from the
  /// cost model.
  const std::vector<InputShapes>& profiles() const { return profiles_; }
  const std::vector<int>& threads() const { return threads_; }

  // For code that is built with Drawbar: these types' headers are not installed.
  /// Compiles an optimised graph for a target.
  static std::shared_ptr<Engine> compile(std::shared_ptr<const Graph> graph,
                                         const std::string& target, const CompileOptions& options,
                                         EngineInfo info = {});
  /// The same engine with another graph that differs in constants alone.
  static std::shared_ptr<Engine> with_graph(const Engine& engine,
                                            std::shared_ptr<const Graph> graph);
  const Graph& graph() const { return *graph_; }
  Program& program() const { return *program_; }

 private:
  friend class EngineFile;
  std::shared_ptr<const Graph> graph_;
  std::string target_;
  EngineInfo info_;
  std::vector<InputShapes> profiles_;
  std::vector<int> threads_;
  std::shared_ptr<Program> program_;
};

}  // namespace drawbar
