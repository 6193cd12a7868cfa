#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/compile.h"

namespace drawbar::cli {

/// "NAME=1x3x224x224"; "NAME=scalar" for no dimensions. Throws INVALID_ARGUMENT.
std::pair<std::string, Shape> parse_shape(const std::string& text);

/// Profiles from `--shape` options: a name given again opens the next profile, and the k-th shapes
/// of all names belong together.
std::vector<std::map<std::string, Shape>> parse_profiles(const std::vector<std::string>& shapes);

/// Profiles of concrete inputs.
InputShapes shapes_of(const std::vector<Tensor>& inputs);

/// CompileRequest::progress: a line on standard error, where that is a terminal.
std::function<void(const std::string&, size_t, size_t)> progress_on_terminal();

/// "1,2" as numbers.
std::vector<int> parse_threads(const std::string& text);

}  // namespace drawbar::cli
