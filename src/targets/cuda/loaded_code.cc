#include "targets/cuda/loaded_code.h"

#include <atomic>
#include <thread>

#include "base/error.h"
#include "base/threads.h"

namespace drawbar::cuda {
namespace {

constexpr size_t kernels_in_a_unit = 6;  // parsing what is included takes as long as one of them

/// Each kernel with source once, in units whose members depend on their names alone.
std::vector<std::vector<const Launch*>> units_of(const std::vector<const Launch*>& launches) {
  std::map<std::string, const Launch*> kernels;
  for (const Launch* launch : launches) {
    if (launch->image.empty()) kernels.emplace(launch->name(), launch);
  }
  std::vector<std::vector<const Launch*>> units;
  for (const auto& [name, launch] : kernels) {
    if (units.empty() || units.back().size() == kernels_in_a_unit) units.emplace_back();
    units.back().push_back(launch);
  }
  return units;
}

}  // namespace

LoadedCode::LoadedCode(const std::vector<const Launch*>& launches, CodeCache& cache,
                       const std::string& architecture, Gpu* gpu) {
  const auto units = units_of(launches);
  std::vector<Section> images(units.size());
  std::vector<std::exception_ptr> failures(units.size());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < units.size(); i = next++) {
      try {
        images[i] = cache.get(source_of(units[i]), architecture);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  const size_t workers =
      std::min<size_t>(units.size(), static_cast<size_t>(available_processors()));
  std::vector<std::jthread> threads;
  for (size_t i = 1; i < workers; ++i) threads.emplace_back(work);
  work();
  threads.clear();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  if (!gpu) return;
  for (size_t i = 0; i < units.size(); ++i) {
    modules_.push_back(gpu->load({images[i].data.get(), images[i].bytes}));
    for (const Launch* launch : units[i])
      functions_.emplace(launch->name(), modules_.back()->function(launch->name()));
  }
  for (const Launch* launch : launches) {
    if (!launch->image.empty()) load_image(*launch, *gpu);
  }
}

void LoadedCode::load_image(const Launch& launch, Gpu& gpu) {
  try {
    std::shared_ptr<const Module>& module = images_[launch.image.data()];
    if (!module) module = gpu.load(launch.image);
    functions_.emplace(launch.name(), module->function(launch.call));
  } catch (const Error& error) {
    throw error.at("kernel " + launch.call);
  }
}

}  // namespace drawbar::cuda
