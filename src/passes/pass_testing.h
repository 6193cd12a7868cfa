#pragma once

#include "passes/pipeline.h"
#include "tests/support/op_case.h"

namespace drawbar {

/// expect_rewrite of one pass, by name.
inline void expect_pass(std::string_view pass, const std::string& before,
                        const std::string& after) {
  PassOptions options;
  options.verify = true;
  expect_rewrite([&](Graph& graph) { run_pass(graph, pass_named(pass), options); }, before, after);
}

}  // namespace drawbar
