#pragma once

#include "precision/byte_plan.h"
#include "precision/calibrate.h"

namespace drawbar {

/// The prepared graph with its `quantized_values` quantised to u8 (0 is exact) and dequantised
/// again, their scales migrated between channels as the calibration says (`migrate`), and the
/// weights that meet them as i8 with a scale for each output channel (symmetric). `fuse_quantized`
/// makes integer kernels of it. Layers that the calibration keeps in f32 stay as they are; a sum
/// kept in f32 gets the results of its layers unrounded. Where any layer runs on bytes, tables are
/// stored so too (`quantize_tables`). Throws INVALID_ARGUMENT naming a value
/// without a range, a kept name that is no layer's, or factors that do not fit.
Graph quantize(Graph graph, const Calibration& calibration);

}  // namespace drawbar
