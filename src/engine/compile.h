#pragma once

#include "drawbar/compile.h"
#include "passes/pass.h"
#include "targets/target.h"

namespace drawbar {

/// The shapes of all inputs for each map of CompileRequest::profiles, at least one profile. Throws
/// INVALID_ARGUMENT naming the input.
std::vector<InputShapes> profiles_of(const Graph& graph,
                                     const std::vector<std::map<std::string, Shape>>& shapes);

/// compile_model() with what only the command line asks of the passes.
std::shared_ptr<Engine> compile_model(const CompileRequest& request, const PassOptions& passes);

}  // namespace drawbar
