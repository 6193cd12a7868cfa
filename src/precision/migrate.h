#pragma once

#include <map>
#include <vector>

#include "precision/byte_plan.h"
#include "precision/calibrate.h"
#include "precision/channel_statistics.h"

// Scale migration: a value x that layers read as bytes is divided by a factor for each channel, so
// that its channels fill one range alike, and the layers' weights are multiplied by it. Sources:
// Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019),
// section 4.1; Xiao et al., "SmoothQuant" (2022).

namespace drawbar {

/// Where the division by factors goes.
enum class FactorPlace {
  nowhere,      // something reads x that factors cannot be taken out of
  layer,        // into weights and bias of the convolution or product that gives x
  quantisation  // x is quantised with a scale for each channel
};

/// Of a value of the plan.
FactorPlace factor_place(const Graph& graph, const BytePlan& plan, ValueId value);

using ChannelFactors = std::map<ValueId, std::vector<float>>;

/// Factors max|x_c|^a / max|w_c|^(1 - a) for the values where the layers that read them should lose
/// less than half with them, with the `a` with which they should lose least: the noise of rounding
/// x and weights over the energy of what is rounded, all numbers taken as independent. A Clip
/// before x stays right. Values that cannot have factors have none.
ChannelFactors choose_factors(const Graph& graph, const BytePlan& plan,
                              const std::map<ValueId, ChannelStatistics>& statistics,
                              Activations activations);

/// Multiplies the weights of what reads the value by the factors, and divides the weights of what
/// gives it where the factors' place is there. Throws INVALID_ARGUMENT naming the value where it
/// can have none, or not as many.
void migrate(Graph& graph, const BytePlan& plan, ValueId value, const std::vector<float>& factors);

}  // namespace drawbar
