#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "drawbar/session.h"
#include "ir/graph.h"

namespace drawbar {

/// How the range of a value that the integers spread over is found from what was seen of it.
/// min_max: everything seen. percentile: all but the outermost 0.01 % on either side. mse: the
/// range whose rounding and clipping lose the least squares. entropy: the range that keeps the
/// distribution's information (Migacz, "8-bit inference with TensorRT", GTC 2017; for each side by
/// itself).
enum class Calibrator { min_max, percentile, mse, entropy };

/// "min-max", "percentile", "mse" or "entropy"; throws INVALID_ARGUMENT.
Calibrator calibrator_named(const std::string& name);
std::string name(Calibrator);

struct Range {
  float low = 0, high = 0;
  bool operator==(const Range&) const = default;
};

/// Where 0 lies among the 256 steps. asymmetric: anywhere. symmetric: in the middle, or at the end
/// where nothing lies below 0.
enum class Activations { asymmetric, symmetric };

/// "asymmetric" or "symmetric"; throws INVALID_ARGUMENT.
Activations activations_named(const std::string& name);

/// The range widened to hold 0, and for symmetric activations [-m · 128 / 127, m] unless nothing
/// lies below 0.
Range spread(Range range, Activations activations);
/// The step of 256 over such a range; 1 for a range of nothing.
float scale_of(Range range);

/// What calibration found, by `calibration_name`.
struct Calibration {
  std::string calibrator;
  size_t samples = 0;
  std::map<std::string, Range> ranges;
  std::map<std::string, std::vector<float>> means;    // of each channel, for `correct_bias`
  std::map<std::string, std::vector<float>> factors;  // of each channel (`migrate`); ranges are
                                                      // those of the value divided by them
  std::set<std::string> f32;                          // layers that stay so (`quantized_layers`)
};

/// The text of a calibration cache: JSON, to be read, edited and used again.
void write_calibration(const std::string& path, const Calibration& calibration);
/// Throws INVALID_ARGUMENT naming the file and what is wrong: no such JSON, a range that is not
/// finite or whose ends are in the wrong order.
Calibration read_calibration(const std::string& path);

/// Typical inputs of a model, one run's inputs a sample. Samples are asked for in order, by some
/// calibrators twice.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual size_t size() const = 0;
  virtual std::vector<Tensor> sample(size_t i) = 0;  // in the order of the graph's inputs
};

/// Runs a prepared graph on the CPU with tactics of the cost model, timing nothing; its plan is
/// made for the first inputs' shapes. Packed weights are shared as CompileOptions says.
Session untimed_session(Graph graph, const Program* shares = nullptr);

/// What a value is called in a calibration: its name, told apart by its number where it has none or
/// another value has the same.
std::string calibration_name(const Graph& graph, ValueId value);

struct CalibrationOptions {
  Calibrator calibrator = Calibrator::min_max;
  Activations activations = Activations::asymmetric;
  bool migrate = true;  // scales between channels of activations and weights
  std::function<void(const std::string&, size_t, size_t)> progress = {};
};

/// Runs the graph on all samples, on the CPU, and gives range, channels' means and factors of each
/// of the values that become bytes (`quantized_values`). Throws INVALID_ARGUMENT when there is no
/// sample, or naming the sample and value where something is not finite; and what running throws.
Calibration calibrate(const Graph& graph, SampleSource& samples, const CalibrationOptions& options);

}  // namespace drawbar
