#pragma once

#include "targets/target.h"

namespace drawbar {

/// A program for any target: the target's own where it is the host, else one that cuts the graph
/// for each set of shapes and leaves to the host what the target refuses or what does not pay
/// there.
std::shared_ptr<Program> compile_for(const Target& target, GraphPtr graph,
                                     const CompileOptions& options);

/// The same from a saved image.
std::shared_ptr<Program> load_for(const Target& target, GraphPtr graph, ProgramImage image);

}  // namespace drawbar
