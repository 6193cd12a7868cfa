#pragma once

#include "targets/cuda/plan.h"

namespace drawbar::cuda {

/// To plan for the GPU and nothing else: no code, weights or choices from elsewhere.
inline PlanContext plan_context(const std::shared_ptr<Gpu>& gpu) {
  PlanContext context;
  context.packed = std::make_shared<PackedConstants>();
  context.chooser = std::make_shared<TacticChooser>();
  context.code = std::make_shared<CodeCache>();
  context.info = gpu->info();
  context.gpu = gpu;
  context.constants = std::make_shared<DeviceConstants>(gpu);
  return context;
}

}  // namespace drawbar::cuda
