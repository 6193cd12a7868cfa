#include "cli/eval_report.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "cli/bench_result.h"

namespace drawbar::cli {

double EvalResult::model_images_per_second() const {
  const double ms = std::accumulate(latencies.begin(), latencies.end(), 0.0);
  return 1e3 * static_cast<double>(images) / ms;
}

double EvalReport::loss(const EvalResult& result) const {
  return results[0].share(results[0].top1) - result.share(result.top1);
}

std::vector<LostClass> EvalReport::lost_most(const EvalResult& result) const {
  constexpr size_t most = 5;
  std::vector<LostClass> lost;
  if (labels.empty()) return lost;
  for (const auto& [number, now] : result.classes) {
    const EvalResult::Count& before = results[0].classes.at(number);
    if (now.right < before.right) lost.push_back({number, now.images, before.right, now.right});
  }
  std::stable_sort(lost.begin(), lost.end(), [](const LostClass& a, const LostClass& b) {
    return a.before - a.now > b.before - b.now;
  });
  lost.resize(std::min(lost.size(), most));
  return lost;
}

void print_table(const EvalReport& report) {
  const std::vector<EvalResult>& results = report.results;
  fmt::print("{} images, one at a time, {} threads\n\n", results[0].images, report.threads);
  fmt::print("{:9}  {:>7}  {:>7}  {:>9}  {:>8}  {:>8}  {:>12}  {:>12}\n", "precision", "top-1",
             "top-5", "loss", "p50 ms", "p99 ms", "model img/s", "in all img/s");
  for (const EvalResult& r : results) {
    fmt::print("{:9}  {:6.2f}%  {:6.2f}%  {:>9}  {:8.2f}  {:8.2f}  {:12.1f}  {:12.1f}\n",
               r.precision, 100 * r.share(r.top1), 100 * r.share(r.top5),
               &r == &results[0] ? "" : fmt::format("{:.2f}%", 100 * report.loss(r)),
               quantile_of(r.latencies, 0.5), quantile_of(r.latencies, 0.99),
               r.model_images_per_second(), r.images_per_second());
  }
  fmt::print("\nmodel: the runs alone; in all: with decoding, which goes on beside them\n");
  for (const EvalResult& r : results) {
    if (report.labels.empty() || &r == &results[0]) continue;
    const std::vector<LostClass> lost = report.lost_most(r);
    if (lost.empty()) {
      fmt::print("\nno class lost an image in {}\n", r.precision);
      continue;
    }
    fmt::print("\nclasses that lost most in {}, images and how many are right:\n", r.precision);
    fmt::print("{:>6}  {:>6}  {:>6}\n", "images", results[0].precision, r.precision);
    for (const LostClass& one : lost) {
      fmt::print("{:6}  {:6}  {:6}  {}\n", one.images, one.before, one.now,
                 report.labels[static_cast<size_t>(one.number)]);
    }
  }
}

nlohmann::ordered_json report_json(const EvalReport& report) {
  using Json = nlohmann::ordered_json;
  Json rows = Json::array();
  for (const EvalResult& r : report.results) {
    rows.push_back({{"precision", r.precision},
                    {"images", r.images},
                    {"top1", r.share(r.top1)},
                    {"top5", r.share(r.top5)},
                    {"p50_ms", quantile_of(r.latencies, 0.5)},
                    {"p99_ms", quantile_of(r.latencies, 0.99)},
                    {"model_images_per_second", r.model_images_per_second()},
                    {"images_per_second", r.images_per_second()}});
    if (report.labels.empty() || &r == &report.results[0]) continue;
    Json& lost = rows.back()["lost_most"] = Json::array();
    for (const LostClass& one : report.lost_most(r)) {
      lost.push_back({{"class", one.number},
                      {"name", report.labels[static_cast<size_t>(one.number)]},
                      {"images", one.images},
                      {"right_before", one.before},
                      {"right_now", one.now}});
    }
  }
  return {{"threads", report.threads}, {"results", rows}};
}

}  // namespace drawbar::cli
