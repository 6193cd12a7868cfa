#pragma once

#include <string>
#include <vector>

namespace drawbar::cli {

/// The names of classes: line i of the file is class i. Throws INVALID_ARGUMENT naming a file that
/// cannot be read.
std::vector<std::string> read_labels(const std::string& path);

}  // namespace drawbar::cli
