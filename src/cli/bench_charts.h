#pragma once

#include <map>
#include <string>

#include "cli/bench_result.h"

namespace drawbar::cli {

/// A CSS class for each operator: "op1" to "op6" for those that take longest, "op0" for the rest.
std::map<std::string, std::string> operator_classes(const std::vector<StepReport>& steps);

/// Log-log: executed operations per byte against executed GFLOP/s, a dot for each step that
/// computes, its area by its share of the time; roofs for the peak and each level of memory.
std::string roofline_svg(const BenchResult& result);

/// A bar for each step by its time, longest first, the part that the roofline allows at least
/// filled in; the shortest steps together in a last one.
std::string bars_svg(const BenchResult& result);

}  // namespace drawbar::cli
