#pragma once

#include "drawbar/plugin.h"
#include "ops/custom/op.h"

namespace drawbar::ops {

/// The functions that plug-ins are given.
const drawbar_host& plugin_host();

/// Calls the operator's infer or run for a node. Throws what it says is wrong.
void infer_with(const drawbar_operator& plugin, const Custom& op, Infer& context);
void run_with(const drawbar_operator& plugin, const Custom& op, Evaluation& evaluation);

}  // namespace drawbar::ops
