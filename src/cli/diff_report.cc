#include "cli/diff_report.h"

#include <algorithm>

#include "base/error.h"

namespace drawbar::cli {

double DiffReport::worst_output() const {
  double worst = 0;
  for (const Difference& d : values) {
    if (d.is_output) worst = std::max(worst, d.comparable ? d.relative : INFINITY);
  }
  return worst;
}

std::vector<const Difference*> DiffReport::worst() const {
  constexpr size_t most = 5;
  std::vector<const Difference*> worst;
  for (const Difference& d : values) {
    if (d.added > 0) worst.push_back(&d);
  }
  std::stable_sort(worst.begin(), worst.end(),
                   [](const auto* a, const auto* b) { return a->added > b->added; });
  worst.resize(std::min(worst.size(), most));
  return worst;
}

void print_table(const DiffReport& report) {
  const std::vector<const Difference*> worst = report.worst();
  fmt::print("a: {}, {}; b: {}, {}; {}\n\n", report.a, report.precision_a, report.b,
             report.precision_b, report.samples);
  fmt::print("{:<8} {:>10} {:>10} {:>7} {:>9} {:>10}  {:<28} {}\n", "", "max |a-b|", "/ max |a|",
             "SNR dB", "cosine", "adds", "type", "value");
  for (const Difference& d : report.values) {
    const bool marked = std::find(worst.begin(), worst.end(), &d) != worst.end();
    const std::string what =
        fmt::format("{}{}", d.is_output ? "output" : "layer", marked ? " *" : "");
    if (d.comparable) {
      fmt::print("{:<8} {:>10.3e} {:>10.3e} {:>7.1f} {:>9.6f} {:>9.4f}%  {:<28} {}\n", what,
                 d.largest, d.relative, d.snr(), d.cosine, 100 * d.added, d.type, d.name);
    } else {
      fmt::print("{:<8} {:>50}  {:<28} {}\n", what, "other shape or no numbers", d.type, d.name);
    }
  }
  if (worst.empty()) return;
  fmt::print("\n* adds most noise, as a share of the value's energy:\n");
  for (const Difference* d : worst)
    fmt::print("{:>9.4f}%  {:>6.1f} dB  {:<14} {}\n", 100 * d->added, d->snr(), d->op, d->name);
}

nlohmann::ordered_json report_json(const DiffReport& report) {
  using Json = nlohmann::ordered_json;
  Json layers = Json::array(), outputs = Json::array(), worst = Json::array();
  for (const Difference& d : report.values) {
    (d.is_output ? outputs : layers)
        .push_back({{"name", d.name},
                    {"type", d.type},
                    {"op", d.op},
                    {"comparable", d.comparable},
                    {"max_difference", d.largest},
                    {"relative", d.relative},
                    {"snr_db", d.snr()},
                    {"cosine", d.cosine},
                    {"noise", d.noise},
                    {"added_noise", d.added}});
  }
  for (const Difference* d : report.worst()) worst.push_back(d->name);
  return {{"a", report.a},
          {"b", report.b},
          {"precision_a", report.precision_a},
          {"precision_b", report.precision_b},
          {"samples", report.count},
          {"layers", layers},
          {"outputs", outputs},
          {"worst", worst},
          {"worst_output", report.worst_output()}};
}

}  // namespace drawbar::cli
