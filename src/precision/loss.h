#pragma once

#include "precision/quantize.h"

namespace drawbar {

/// Told what is done, how much of it, and how much there is.
using Progress = std::function<void(const std::string&, size_t, size_t)>;

/// What a model loses against itself in f32.
struct Loss {
  double output = 0;    // energy of the outputs' difference over theirs, mean over outputs and runs
  double accuracy = 0;  // the share of samples less whose class is the first output's greatest
};

struct LossOptions {
  size_t samples = 16;  // that outputs are compared on, spread over the source; all where it is 0
  /// Of each sample of the source; where there are some, accuracy counts, over all samples.
  std::vector<int64_t> classes = {};

  double counted(const Loss& loss) const { return classes.empty() ? loss.output : loss.accuracy; }
};

/// What a layer loses alone.
struct LayerLoss {
  std::string name;  // as in `quantized_layers`
  std::string op;    // "Conv"
  Loss loss;         // of the model with this layer alone on bytes
};

/// Measures what a prepared graph loses with some layers on bytes, on the CPU. Sessions share the
/// weights they pack. Keeps what it is made of by reference; throws what quantize() and running
/// throw, INVALID_ARGUMENT where there are no samples, or a class is none of the model's.
class LossMeter {
 public:
  LossMeter(const Graph& graph, const Calibration& calibration, SampleSource& samples,
            const LossOptions& options);

  /// With these layers in f32; accuracy over all samples.
  Loss measure(const std::set<std::string>& in_f32);
  /// Of each layer by itself, in the graph's order; accuracy over the samples that outputs are
  /// compared on. What is none of bytes by itself (a sum, or a depthwise convolution, whose
  /// neighbours are not) is said to lose what all on bytes lose less without it.
  std::vector<LayerLoss> measure_layers(const Progress& progress);

  const std::vector<Tensor>& first_inputs() const { return inputs_.front(); }
  size_t samples() const { return inputs_.size(); }  // that outputs are compared on

 private:
  Session session(const std::set<std::string>& in_f32);
  bool is_right(const std::vector<Tensor>& outputs, size_t sample) const;
  Loss measure(Session& session, bool all);

  const Graph& graph_;
  const Calibration& calibration_;
  SampleSource& source_;
  const LossOptions& options_;
  std::vector<size_t> chosen_;                        // samples that outputs are compared on
  std::vector<std::vector<Tensor>> inputs_, wanted_;  // theirs
  std::vector<bool> right_;                           // in f32, of all samples
  Session f32_;
};

}  // namespace drawbar
