#include "precision/bisect.h"

#include <algorithm>
#include <map>

namespace drawbar {
namespace {

class Bisector {
 public:
  Bisector(const Graph& graph, const Calibration& calibration, SampleSource& samples,
           const BisectOptions& options)
      : options_(options), meter_(graph, calibration, samples, options.loss) {}

  Bisection run() {
    result_.samples = meter_.samples();
    result_.on_bytes = result_.chosen = measure({});
    if (suffices(result_.on_bytes)) return std::move(result_);
    result_.layers = meter_.measure_layers(options_.progress);
    std::stable_sort(
        result_.layers.begin(), result_.layers.end(),
        [](const LayerLoss& a, const LayerLoss& b) { return a.loss.output > b.loss.output; });
    drop_needless(fewest_first());
    return std::move(result_);
  }

 private:
  bool suffices(const Loss& loss) const {
    return options_.loss.counted(loss) <= options_.most_loss;
  }

  Loss measure(const std::vector<size_t>& in_f32) {
    ++result_.trials;
    if (options_.progress)
      options_.progress("bisecting: model", result_.trials, result_.trials + 1);
    std::set<std::string> names;
    for (size_t i : in_f32) names.insert(result_.layers[i].name);
    return meter_.measure(names);
  }

  static std::vector<size_t> first(size_t count) {
    std::vector<size_t> layers(count);
    for (size_t i = 0; i < count; ++i) layers[i] = i;
    return layers;
  }

  /// So many of the first layers suffice in f32, one fewer do not.
  std::vector<size_t> fewest_first() {
    size_t low = 1, high = result_.layers.size();  // all in f32 lose nothing
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (suffices(measure(first(middle)))) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return first(high);
  }

  /// Until none can go; what was measured with as many in f32 was measured with the same.
  void drop_needless(std::vector<size_t> in_f32) {
    std::map<size_t, std::pair<size_t, Loss>> without;  // how many were in f32 then
    for (size_t before = 0; before != in_f32.size();) {
      before = in_f32.size();
      for (size_t i = in_f32.size(); i-- > 0;) {
        const auto known = without.find(in_f32[i]);
        if (known != without.end() && known->second.first == in_f32.size()) continue;
        std::vector<size_t> fewer = in_f32;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        const Loss loss = measure(fewer);
        if (suffices(loss)) {
          in_f32 = std::move(fewer);
        } else {
          without[in_f32[i]] = {in_f32.size(), loss};
        }
      }
    }
    result_.chosen = measure(in_f32);
    for (size_t layer : in_f32)
      result_.needed.push_back({result_.layers[layer], without.at(layer).second});
  }

  const BisectOptions& options_;
  LossMeter meter_;
  Bisection result_;
};

}  // namespace

Bisection bisect_layers(const Graph& graph, const Calibration& calibration, SampleSource& samples,
                        const BisectOptions& options) {
  return Bisector(graph, calibration, samples, options).run();
}

}  // namespace drawbar
