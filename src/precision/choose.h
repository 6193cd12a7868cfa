#pragma once

#include "precision/loss.h"

namespace drawbar {

/// What one layer loses and gains on bytes.
struct LayerChoice : LayerLoss {
  double f32_ms = 0, byte_ms = 0;  // of the layer's step, where it is one by itself
  bool in_f32 = false;             // chosen

  double gain_ms() const { return f32_ms - byte_ms; }
};

/// A model with so many of the first layers in f32.
struct Trial {
  size_t in_f32 = 0;
  Loss loss;
  double ms = 0;  // of all on bytes, and what these layers gained
};

struct PrecisionChoice {
  std::vector<LayerChoice> layers;  // what is put back to f32 first comes first
  std::vector<Trial> trials;        // by how many are in f32
  Loss loss;                        // of what was chosen
  double f32_ms = 0, byte_ms = 0;   // of all steps, all in f32 and all on bytes
  size_t samples = 0;               // that outputs were compared on
};

struct ChoiceOptions {
  double most_loss = 0.005;
  LossOptions loss = {};
  Progress progress = {};
};

/// Chooses the layers of a prepared graph that stay in f32 so that the loss is at most
/// `most_loss`: those whose outputs' loss is most for the time they gain are put back until it is.
/// Losses of layers are measured one by one, times by profiled runs of all in f32 and all in bytes,
/// and the loss of the whole (of accuracy where there are classes, else of the outputs; 0.005: 23
/// dB) for every number of layers that bisecting asks for. Throws what LossMeter throws.
PrecisionChoice choose_layers(const Graph& graph, const Calibration& calibration,
                              SampleSource& samples, const ChoiceOptions& options);

}  // namespace drawbar
