#pragma once

#include "drawbar/compile.h"
#include "passes/pass.h"
#include "targets/target.h"

namespace drawbar {

/// The shapes of all inputs for each map of CompileRequest::profiles, at least one profile. Throws
/// INVALID_ARGUMENT naming the input.
std::vector<InputShapes> profiles_of(const Graph& graph,
                                     const std::vector<std::map<std::string, Shape>>& shapes);

/// What compile_model() does besides what the request says.
struct CompileSteps {
  PassOptions passes = {};
  std::string precision = "fp32";                 // EngineInfo's
  std::function<Graph(Graph)> rewrite = nullptr;  // of the prepared graph, before operators join
};

std::shared_ptr<Engine> compile_model(const CompileRequest& request, const CompileSteps& steps);

/// An engine compiled with strip_weights with the weights of its model, which `steps` prepare as
/// they did then. Throws INVALID_ARGUMENT naming the first node that differs.
std::shared_ptr<Engine> refit_engine(const Engine& stripped, const std::string& model,
                                     const CompileSteps& steps);

}  // namespace drawbar
