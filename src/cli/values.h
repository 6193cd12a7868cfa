#pragma once

#include <filesystem>
#include <string>

#include "ir/type.h"

namespace drawbar::cli {

/// Values as files: a tensor is a .npy file, a sequence a folder with 0.npy, 1.npy, …, a map a
/// folder with keys.npy and values.npy (or a sequence called values), an optional what it holds.
/// What is no tensor stands in a folder of that name without .npy, at every depth.

/// Reads a value of a type. Throws INVALID_ARGUMENT naming the file.
Tensor read_value(const std::filesystem::path& path, const Type& type);

/// Writes `path`.npy or the folder `path`; nothing for an optional without a value.
void write_value(const std::filesystem::path& path, const Tensor& value);

/// The first elements on one line: `"Paris", "Berlin", …`; empty for what is no tensor.
std::string first_elements(const Tensor& value);

}  // namespace drawbar::cli
