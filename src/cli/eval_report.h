#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace drawbar::cli {

/// One precision on the whole dataset.
struct EvalResult {
  struct Count {
    size_t images = 0, right = 0;
  };

  std::string precision;
  size_t images = 0, top1 = 0, top5 = 0;  // of `images`, at least one, how many are right
  std::map<int64_t, Count> classes;       // those of the dataset, by the model's numbers
  double seconds = 0;                     // from the first file to the last answer
  std::vector<double> latencies;          // ms, of the model alone, the shortest first

  double share(size_t right) const {
    return static_cast<double>(right) / static_cast<double>(images);
  }
  double model_images_per_second() const;  // the runs alone
  double images_per_second() const { return static_cast<double>(images) / seconds; }
};

/// A class of which fewer images are right than before.
struct LostClass {
  int64_t number = 0;
  size_t images = 0, before = 0, now = 0;
};

/// What `eval` found out about one model.
struct EvalReport {
  std::string model, dataset;
  int threads = 1;
  std::vector<std::string> labels;  // a name for each class, or none
  std::vector<EvalResult> results;  // at least one; the others are compared with the first

  /// Of top-1: what the result lost of the first one's.
  double loss(const EvalResult& result) const;
  /// The classes that lost most images of the first result, at most five, the greatest loss first,
  /// then by number. Empty without labels.
  std::vector<LostClass> lost_most(const EvalResult& result) const;
};

/// Standard output's table.
void print_table(const EvalReport& report);
nlohmann::ordered_json report_json(const EvalReport& report);

/// A self-contained page without scripts: accuracy against speed, all figures, and what was lost.
/// Throws INVALID_ARGUMENT where the file cannot be written.
void write_page(const std::string& path, const EvalReport& report);

}  // namespace drawbar::cli
