#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/version.h"
#include "cli/bench_result.h"
#include "cli/chart.h"
#include "cli/eval_report.h"
#include "cli/page.h"

namespace drawbar::cli {
namespace {

/// Top-1 against images per second, from 0, a dot for each precision.
std::string speed_svg(const EvalReport& report) {
  double least = 100, most = 0, fastest = 0;
  for (const EvalResult& r : report.results) {
    least = std::min(least, 100 * r.share(r.top1));
    most = std::max(most, 100 * r.share(r.top1));
    fastest = std::max(fastest, r.model_images_per_second());
  }
  const double room = std::max(0.5, (most - least) / 4);
  const Axis x = Axis::linear(0, 1.1 * fastest, 64, 884);
  const Axis y = Axis::linear(std::max(least - room, 0.0), std::min(most + room, 100.0), 312, 16);
  std::string svg =
      "<svg viewBox='0 0 900 356' role='img' aria-label='Accuracy and speed'>\n" + grid(x, y);
  std::string names;  // above the dots, each above those of dots near by
  std::vector<std::pair<double, double>> placed;
  for (const EvalResult& r : report.results) {
    const double top1 = 100 * r.share(r.top1), rate = r.model_images_per_second();
    const double cx = x.at(rate), cy = y.at(top1);
    double label = cy - 13;
    for (bool moved = true; moved;) {
      moved = std::any_of(placed.begin(), placed.end(), [&](const auto& other) {
        return std::abs(other.first - cx) < 44 && std::abs(other.second - label) < 14;
      });
      if (moved) label -= 14;
    }
    svg += fmt::format(
        "<circle class='dot op{}' cx='{:.1f}' cy='{:.1f}' r='8'><title>{}</title></circle>\n",
        placed.size() % 6 + 1, cx, cy,
        escaped(
            fmt::format("{}\ntop-1 {:.2f} %, {:.1f} images per second", r.precision, top1, rate)));
    names += fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='middle'>{}</text>\n", cx, label,
                         escaped(r.precision));
    placed.emplace_back(cx, label);
  }
  svg += names;
  return svg + axis_names(x, y, "images per second, the model alone", "top-1, %") + "</svg>\n";
}

std::string figures(const EvalReport& report) {
  std::string rows;
  for (const EvalResult& r : report.results) {
    rows += fmt::format(
        "<tr><td>{}</td><td class='n'>{:.2f} %</td><td class='n'>{:.2f} %</td>"
        "<td class='n'>{}</td><td class='n'>{:.2f}</td><td class='n'>{:.2f}</td>"
        "<td class='n'>{:.1f}</td><td class='n'>{:.1f}</td></tr>\n",
        escaped(r.precision), 100 * r.share(r.top1), 100 * r.share(r.top5),
        &r == &report.results[0] ? "" : fmt::format("{:.2f} %", 100 * report.loss(r)),
        quantile_of(r.latencies, 0.5), quantile_of(r.latencies, 0.99), r.model_images_per_second(),
        r.images_per_second());
  }
  return table(
      "<tr><th>precision</th><th class='n'>top-1</th><th class='n'>top-5</th>"
      "<th class='n'>loss</th><th class='n'>p50 ms</th><th class='n'>p99 ms</th>"
      "<th class='n'>model images/s</th><th class='n'>images/s in all</th></tr>",
      rows);
}

std::string lost_classes(const EvalReport& report) {
  std::string html;
  for (const EvalResult& r : report.results) {
    std::string rows;
    for (const LostClass& one : report.lost_most(r)) {
      rows += fmt::format(
          "<tr><td class='n'>{}</td><td class='n'>{}</td><td class='n'>{}</td><td>{}</td></tr>\n",
          one.images, one.before, one.now, escaped(report.labels[static_cast<size_t>(one.number)]));
    }
    if (rows.empty()) continue;
    html += section("Classes that lost most in " + r.precision,
                    "How many of a class's images are answered right.",
                    table(fmt::format("<tr><th class='n'>images</th><th class='n'>{}</th>"
                                      "<th class='n'>{}</th><th>class</th></tr>",
                                      escaped(report.results[0].precision), escaped(r.precision)),
                          rows));
  }
  return html;
}

}  // namespace

void write_page(const std::string& path, const EvalReport& report) {
  const size_t images = report.results[0].images;
  const std::string body =
      fmt::format("<h1>{}</h1>\n<p>{}, {} thread{}, {} images of {}, one at a time</p>\n",
                  escaped(file_of(report.model)), escaped(processor_name()), report.threads,
                  report.threads == 1 ? "" : "s", images, escaped(file_of(report.dataset))) +
      section("Accuracy and speed",
              fmt::format("Higher is more often right, further right is faster. One image of {} is "
                          "{:.2f} %.",
                          images, 100 / static_cast<double>(images)),
              speed_svg(report)) +
      section("All figures",
              "Model: the runs alone. In all: with decoding, which goes on beside them. Latencies "
              "are the model's.",
              figures(report)) +
      lost_classes(report);
  write_whole(path, page(report.model, body));
}

}  // namespace drawbar::cli
