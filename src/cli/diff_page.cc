#include <algorithm>

#include "base/error.h"
#include "base/version.h"
#include "cli/bench_result.h"
#include "cli/chart.h"
#include "cli/diff_report.h"
#include "cli/page.h"

namespace drawbar::cli {
namespace {

constexpr double most_decibels = 160;  // f32 rounds below; stands for equal, too

double shown_snr(const Difference& d) { return std::clamp(d.snr(), -20.0, most_decibels); }

std::string snr_text(const Difference& d) {
  return std::isfinite(d.snr()) ? fmt::format("{:.1f}", d.snr()) : d.noise > 0 ? "none" : "equal";
}

bool contains(const std::vector<const Difference*>& list, const Difference& d) {
  return std::find(list.begin(), list.end(), &d) != list.end();
}

/// The ratio in the graph's order, a dot for each value; those that add most are marked.
std::string snr_svg(const DiffReport& report) {
  std::vector<const Difference*> shown;
  for (const Difference& d : report.values) {
    if (d.comparable) shown.push_back(&d);
  }
  if (shown.empty()) return "";
  double least = 0, most = 20;
  for (const Difference* d : shown) {
    least = std::min(least, shown_snr(*d));
    most = std::max(most, shown_snr(*d));
  }
  const std::vector<const Difference*> worst = report.worst();
  const Axis x = Axis::linear(0, std::max<double>(static_cast<double>(shown.size()), 5), 64, 884);
  const Axis y = Axis::linear(least, most, 312, 16);
  std::string line, dots;
  for (size_t i = 0; i < shown.size(); ++i) {
    const Difference& d = *shown[i];
    const double cx = x.at(static_cast<double>(i) + 1), cy = y.at(shown_snr(d));
    const bool marked = contains(worst, d);
    line += fmt::format("{:.1f},{:.1f} ", cx, cy);
    dots += fmt::format(
        "<circle class='dot {}' cx='{:.1f}' cy='{:.1f}' r='{}'><title>{}</title></circle>\n",
        marked        ? "op5"
        : d.is_output ? "op2"
                      : "op1",
        cx, cy, marked || d.is_output ? 7 : 4,
        escaped(fmt::format("{}\n{}\n{} dB, cosine {:.6f}\nadds {:.4g} %", d.name, d.op,
                            snr_text(d), d.cosine, 100 * d.added)));
  }
  return "<svg viewBox='0 0 900 356' role='img' aria-label='Noise of each layer'>\n" + grid(x, y) +
         "<polyline class='through' points='" + line + "'/>\n" + dots +
         axis_names(x, y, "values, in the graph's order", "SNR, dB") + "</svg>\n";
}

std::string legend() {
  return "<div class='legend'><span><i class='op1'></i>layer</span><span><i class='op5'></i>adds "
         "most noise</span><span><i class='op2'></i>output</span></div>\n";
}

std::string row(const Difference& d, const std::string& mark) {
  const std::string figures =
      d.comparable ? fmt::format(
                         "<td class='n'>{}</td><td class='n'>{:.6f}</td><td class='n'>{:.4f} %</td>"
                         "<td class='n'>{:.3e}</td><td class='n'>{:.3e}</td>",
                         snr_text(d), d.cosine, 100 * d.added, d.largest, d.relative)
                   : "<td colspan='5'>other shape or no numbers</td>";
  return fmt::format("<tr><td>{}{}</td>{}<td>{}</td><td>{}</td><td>{}</td></tr>\n",
                     d.is_output ? "output" : "layer", mark, figures, escaped(d.op),
                     escaped(d.type), escaped(d.name));
}

std::string all_rows(const std::vector<const Difference*>& shown,
                     const std::vector<const Difference*>& worst) {
  std::string rows;
  for (const Difference* d : shown) rows += row(*d, contains(worst, *d) ? " *" : "");
  return table(
      "<tr><th></th><th class='n'>SNR dB</th><th class='n'>cosine</th><th class='n'>adds</th>"
      "<th class='n'>max |a − b|</th><th class='n'>/ max |a|</th><th>operator</th><th>type</th>"
      "<th>value</th></tr>",
      rows);
}

}  // namespace

void write_page(const std::string& path, const DiffReport& report) {
  const std::vector<const Difference*> worst = report.worst();
  std::vector<const Difference*> all;
  for (const Difference& d : report.values) all.push_back(&d);
  std::string body =
      fmt::format("<h1>{}, {}, against {}, {}</h1>\n<p>{}, {}</p>\n", escaped(file_of(report.b)),
                  escaped(report.precision_b), escaped(file_of(report.a)),
                  escaped(report.precision_a), escaped(processor_name()), escaped(report.samples)) +
      section("Noise of each layer",
              "The energy of a value over that of its difference, in decibels: 20 dB is a tenth in "
              "amplitude. Noise is carried on; what a layer adds is what the values it reads have "
              "not. Rest on a dot for its name.",
              legend() + snr_svg(report));
  if (!worst.empty())
    body +=
        section("What adds most noise", "As a share of the value's energy.", all_rows(worst, {}));
  body += section("All values", "In the graph's order; * adds most noise.", all_rows(all, worst));
  write_whole(path, page(report.b, body));
}

}  // namespace drawbar::cli
