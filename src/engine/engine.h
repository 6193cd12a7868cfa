#pragma once

#include <memory>
#include <string>

#include "targets/target.h"

namespace drawbar {

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
/// and thread-safe; saved in the format of docs/engine-format.md.
class Engine {
 public:
  /// Compiles an optimised graph for a target.
  static std::shared_ptr<Engine> compile(GraphPtr graph, const std::string& target,
                                         const CompileOptions& options, EngineInfo info = {});
  /// Maps a file. Header, manifest, graph and tactics are verified now, weights before their first
  /// use, or all at once with `verify`. Throws INVALID_MODEL saying what is damaged, UNSUPPORTED
  /// for another version or a lesser processor.
  static std::shared_ptr<Engine> load(const std::string& path, bool verify = false);
  static bool is_engine(const std::string& path);  // by its first bytes

  void save(const std::string& path) const;

  const Graph& graph() const { return *graph_; }
  const std::string& target() const { return target_; }
  const EngineInfo& info() const { return info_; }
  Program& program() const { return *program_; }
  const std::vector<InputShapes>& profiles() const { return profiles_; }
  const std::vector<int>& threads() const { return threads_; }

 private:
  friend class EngineFile;
  GraphPtr graph_;
  std::string target_;
  EngineInfo info_;
  std::vector<InputShapes> profiles_;
  std::vector<int> threads_;
  std::shared_ptr<Program> program_;
};

}  // namespace drawbar
