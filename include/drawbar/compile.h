#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "drawbar/engine.h"

namespace drawbar {

/// A model to compile, and for what.
struct CompileRequest {
  std::string model = {};  // a file: ONNX, or Drawbar's text form
  std::string target = "cpu";
  /// Nodes stay on the target wherever it can run them, also where leaving them to the processors
  /// would be faster.
  bool wherever_it_can = false;
  /// For "cuda": what code is compiled for besides the GPU that is here, as "sm_80". Needed where
  /// there is none.
  std::vector<std::string> architectures = {};
  /// Concrete shapes by the inputs' names, a map for each profile: tactics are timed for these.
  /// Sizes that no shape gives are 1.
  std::vector<std::map<std::string, Shape>> profiles = {};
  std::vector<int> threads = {};  // numbers of threads to time for; none: all processors
  bool time_tactics = true;       // false: choose by the cost model
  bool deterministic = false;     // the same bytes from the same model: no timing, no date
  bool strict = false;            // only ways whose error is that of plain sums in another order
  bool smallest = false;          // saved without packed weights: opening it packs them again
  /// Saved without weights: opened they are random numbers, until `drawbar refit` puts them back.
  bool strip_weights = false;
  bool on_the_fly = false;      // no profiles at all: plans are made when first run
  std::string preprocess = {};  // EngineInfo's
  std::string options = {};     // EngineInfo's
  /// Called from the compiling thread.
  std::function<void(const std::string& what, size_t done, size_t total)> progress = {};
};

/// Imports, optimises and compiles a model. What was timed is kept in the user's cache folder
/// ($XDG_CACHE_HOME/drawbar) and not timed again. Throws INVALID_MODEL and UNSUPPORTED naming the
/// stage and the node, INVALID_ARGUMENT naming the request's field or the missing file.
/// Thread-safe; timing expects that nothing else keeps the processors busy.
std::shared_ptr<Engine> compile_model(const CompileRequest& request);

/// An engine as it is, or a model compiled on the fly without timing, for `threads` (0: all
/// processors) and a target.
std::shared_ptr<Engine> open_model(const std::string& path, int threads = 0, bool strict = false,
                                   const std::string& target = "cpu");

/// Loads a plug-in (plugin.h): its operators may be used by models compiled and engines opened from
/// now on, for the life of the process. Loading one again does nothing. Throws INVALID_ARGUMENT
/// when there is no such file, it is no plug-in, or an operator of it is there already, UNSUPPORTED
/// for another version of the interface. The library's code runs with all rights of the process.
/// Thread-safe.
void load_plugin(const std::string& path);

}  // namespace drawbar
