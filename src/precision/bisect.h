#pragma once

#include "precision/loss.h"

namespace drawbar {

struct BisectOptions {
  double most_loss = 0.005;
  LossOptions loss = {};
  Progress progress = {};
};

/// A layer that has to stay in f32.
struct NeededLayer {
  LayerLoss layer;
  Loss without;  // of the model with the others of the set in f32, but not this one
};

struct Bisection {
  std::vector<LayerLoss> layers;    // what loses most alone comes first
  std::vector<NeededLayer> needed;  // in the same order
  Loss on_bytes, chosen;            // of the model all on bytes; with the needed layers in f32
  size_t trials = 0;                // models measured to find them, layers alone not counted
  size_t samples = 0;               // that outputs were compared on
};

/// The smallest set of layers of a prepared graph that explains its loss on bytes: with them in f32
/// it is at most `most_loss`, and with any of them on bytes again it is more. Layers are ordered by
/// what they lose alone; bisecting finds the fewest of the first that suffice, and of these, from
/// what loses least on, each is tried on bytes and stays there where the loss allows it. (Smallest
/// in that no part of it suffices; another set may be smaller.) Throws what LossMeter throws.
Bisection bisect_layers(const Graph& graph, const Calibration& calibration, SampleSource& samples,
                        const BisectOptions& options);

}  // namespace drawbar
