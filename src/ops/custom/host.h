#pragma once

#include <optional>
#include <span>

#include "drawbar/plugin.h"
#include "ops/custom/op.h"

namespace drawbar::ops {

/// The functions that plug-ins are given.
const drawbar_host& plugin_host();

/// An input for a plug-in that makes a kernel of a GPU.
struct PluginInput {
  ElementType type = ElementType::f32;
  Shape shape;
  bool present = false;
};

/// A drawbar_gpu_launch that stays. It has a source, an image or both; empty: it is not there.
struct PluginLaunch {
  std::string source, function;
  std::span<const std::byte> image;
  std::string symbol;
  std::vector<std::byte> parameters;
  int64_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  bool synchronises = false;
};

/// What the operator launches on a GPU for a node; nothing where it has no kernels for it. Throws
/// INTERNAL, naming the operator, for launches that cannot be.
std::optional<std::vector<PluginLaunch>> launches_of(const drawbar_operator& plugin,
                                                     const Custom& op,
                                                     const std::vector<PluginInput>& inputs,
                                                     size_t outputs);

/// Calls the operator's infer or run for a node. Throws what it says is wrong.
void infer_with(const drawbar_operator& plugin, const Custom& op, Infer& context);
void run_with(const drawbar_operator& plugin, const Custom& op, Evaluation& evaluation);

}  // namespace drawbar::ops
