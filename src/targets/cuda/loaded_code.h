#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "targets/cuda/code_cache.h"
#include "targets/cuda/launch.h"

namespace drawbar::cuda {

/// The device code of some launches, compiled in units of a few kernels, several units at once, and
/// loaded where a GPU is given, as are images made beforehand. Immutable; keeps its device alive.
class LoadedCode {
 public:
  /// `gpu` may be null: then it is compiled for the architecture alone. Throws as compile_code.
  LoadedCode(const std::vector<const Launch*>& launches, CodeCache& cache,
             const std::string& architecture, Gpu* gpu);

  /// The launch's kernel, where there is a GPU.
  const void* function(const Launch& launch) const { return functions_.at(launch.name()); }

 private:
  void load_image(const Launch& launch, Gpu& gpu);

  std::vector<std::shared_ptr<const Module>> modules_;
  std::map<std::string, const void*> functions_;
  std::map<const std::byte*, std::shared_ptr<const Module>> images_;
};

}  // namespace drawbar::cuda
