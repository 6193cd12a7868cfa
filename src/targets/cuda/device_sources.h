#pragma once

#include <string_view>
#include <vector>

namespace drawbar::cuda {

/// A file that device code includes, by its path below src/.
struct DeviceSource {
  std::string_view path, text;
};

/// All *.cuh of the tree, which the build writes into this library.
const std::vector<DeviceSource>& device_sources();

}  // namespace drawbar::cuda
