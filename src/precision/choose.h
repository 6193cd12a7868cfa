#pragma once

#include "precision/quantize.h"

namespace drawbar {

/// What one layer loses and gains on bytes.
struct LayerChoice {
  std::string name;                // as in `quantized_layers`
  std::string op;                  // "Conv"
  double loss = 0;                 // of the model with this layer alone on bytes
  double f32_ms = 0, byte_ms = 0;  // of the layer's step, where it is one by itself
  bool in_f32 = false;             // chosen

  double gain_ms() const { return f32_ms - byte_ms; }
};

/// A model with so many of the first layers in f32.
struct Trial {
  size_t in_f32 = 0;
  double loss = 0;
};

struct PrecisionChoice {
  std::vector<LayerChoice> layers;  // what is put back to f32 first comes first
  std::vector<Trial> trials;        // by how many are in f32
  double loss = 0;                  // of what was chosen
  size_t samples = 0;
};

struct ChoiceOptions {
  double most_loss = 0.005;
  size_t samples = 16;  // that losses are measured on, spread over the source
  std::function<void(const std::string&, size_t, size_t)> progress = {};
};

/// Chooses the layers of a prepared graph that stay in f32 so that the loss is at most
/// `most_loss`: those that gain the least time for what they lose are put back until it is. A loss
/// is the energy of the outputs' difference from f32's over that of f32's outputs, mean over the
/// outputs of all samples (0.005: 23 dB); losses of layers are measured one by one, times by a
/// profiled run of all in f32 and all in bytes, and the loss of the whole for every number of
/// layers that bisecting asks for. A sum's loss is what all on bytes lose less without it. Throws
/// what calibrate() and quantize() throw.
PrecisionChoice choose_layers(const Graph& graph, const Calibration& calibration,
                              SampleSource& samples, const ChoiceOptions& options);

}  // namespace drawbar
