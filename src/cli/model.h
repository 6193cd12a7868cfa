#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "passes/pipeline.h"

namespace drawbar::cli {

/// "NAME=1x3x224x224"; "NAME=scalar" for no dimensions. Throws INVALID_ARGUMENT.
std::pair<std::string, Shape> parse_shape(const std::string& text);

/// Profiles from `--shape` options: a name given again opens the next profile, and the k-th shapes
/// of all names belong together. Symbols without a shape are 1.
std::vector<InputShapes> profiles_from(const Graph& graph, const std::vector<std::string>& shapes);

/// Profiles of concrete inputs.
InputShapes shapes_of(const std::vector<Tensor>& inputs);

struct CompileRequest {
  std::string model;
  std::string target = "cpu";
  std::vector<std::string> shapes;
  std::vector<int> threads;
  bool on_the_fly = false;  // no profiles: plans are made when first run
  bool time_tactics = true;
  bool deterministic = false;
  bool strict = false;
  std::string preprocess, options;
  PassOptions passes;
};

/// Imports, optimises and compiles a model. Progress goes to standard error when it is a terminal.
std::shared_ptr<Engine> compile_model(const CompileRequest& request);

/// An engine as it is, or a model compiled on the fly without timing.
std::shared_ptr<Engine> open_model(const std::string& path, int threads, bool strict = false);

/// "1,2" as numbers.
std::vector<int> parse_threads(const std::string& text);

}  // namespace drawbar::cli
