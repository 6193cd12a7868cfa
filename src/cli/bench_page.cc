#include "base/error.h"
#include "base/version.h"
#include "cli/bench_charts.h"
#include "cli/bench_result.h"
#include "cli/page.h"

namespace drawbar::cli {
namespace {

std::string header(const BenchResult& result, const StepFigures& total) {
  std::string html = fmt::format(
      "<h1>{}</h1>\n<p>{}, {} thread{} ({}, {}), {}, input {}, {} runs</p>\n",
      escaped(file_of(result.model)), escaped(processor_name()), result.threads,
      result.threads == 1 ? "" : "s", escaped(result.target), escaped(result.requirement),
      escaped(result.precision), escaped(result.shapes), result.sorted_ms.size());
  html += "<div class='tiles'>\n";
  html += tile(fmt::format("{:.2f} ms", result.p50_ms()),
               fmt::format("p50 ±{:.2f} (95 % interval)", result.p50_spread_ms()));
  html += tile(fmt::format("{:.2f} ms", result.quantile_ms(0.99)), "p99");
  html += tile(fmt::format("{:.1f}", 1e3 * static_cast<double>(result.rows) / result.p50_ms()),
               result.rows_are + " per second");
  if (result.operations.sum() > 0) {
    const std::string line = rate_line(result);
    const size_t words = line.find(' ');
    html += tile(line.substr(0, words), line.substr(words + 1));
  }
  html += tile(fmt::format("{:.0f} %", 100 * total.roofline_share()),
               fmt::format("of the roofline, over all {} steps", result.steps.size()));
  html += tile(fmt::format("{} MiB", result.peak_resident_bytes >> 20), "peak memory");
  html += "</div>\n";
  if (result.is_suspect()) {
    html += fmt::format(
        "<section class='warning'><p>Suspect: the operations executed take {} thread{} of this "
        "machine {:.2f} ms at least. The time or the count is wrong.</p></section>\n",
        result.threads, result.threads == 1 ? "" : "s",
        1e3 * result.rates.least_seconds(result.executed_operations));
  }
  return html;
}

std::string legend(const BenchResult& result) {
  std::map<std::string, std::string> ops;  // by class
  for (const auto& [op, css] : operator_classes(result.steps)) {
    if (css != "op0") ops[css] = op;
  }
  std::string html = "<div class='legend'>";
  for (const auto& [css, op] : ops)
    html += fmt::format("<span><i class='{}'></i>{}</span>", css, escaped(op));
  return html + "<span><i class='op0'></i>others</span></div>\n";
}

std::string steps_table(const BenchResult& result, const StepFigures& total) {
  const auto cells = [&](const StepFigures& figures, const std::string& bound) {
    return fmt::format(
        "<td class='n'>{:.3f}</td><td class='n'>{:.1f} %</td><td class='n'>{:.1f}</td>"
        "<td class='n'>{:.1f}</td><td class='n'>{:.0f} %</td><td>{}</td>",
        1e3 * figures.seconds, total.seconds > 0 ? 100 * figures.seconds / total.seconds : 0,
        figures.effective_gflops(), figures.gigabytes_per_second(), 100 * figures.roofline_share(),
        escaped(bound));
  };
  const std::string head = fmt::format(
      "<tr><th class='n'>step</th><th class='n'>ms</th>"
      "<th class='n'>share</th><th class='n'>{}</th><th class='n'>GB/s</th>"
      "<th class='n'>of roof</th><th>bound</th><th>operator</th><th>tactic</th><th>shapes</th>"
      "<th>node</th></tr>",
      rate_unit(result));
  std::string rows;
  size_t number = 0;
  for (const StepReport& step : result.steps) {
    const StepFigures figures = StepFigures::of(step, result.rates);
    rows += fmt::format(
        "<tr{}><td class='n'>{}</td>{}<td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        figures.seconds < smallest_share * total.seconds ? " class='small'" : "", number++,
        cells(figures, result.rates.bound(figures.executed, figures.bytes)), escaped(step.op),
        escaped(step.tactic), escaped(step.shapes), escaped(step.node));
  }
  return table(head, rows,
               "<tr><td class='n'>total</td>" + cells(total, "") + "<td colspan='4'></td></tr>");
}

}  // namespace

void write_page(const std::string& path, const BenchResult& result) {
  StepFigures total;
  for (const StepReport& step : result.steps) total.add(StepFigures::of(step, result.rates));
  const std::string body =
      header(result, total) +
      section(
          "Roofline",
          "Each dot is a step that computes, its area its share of the time. The lines are what "
          "this machine reaches: a step cannot be above that of the level that holds its bytes. "
          "Rest on a dot for its figures.",
          legend(result) + roofline_svg(result)) +
      section("Time of each step",
              fmt::format("Longest first. Solid: the least time the roofline allows; pale: the "
                          "rest. All steps together take {:.2f} ms.",
                          1e3 * total.seconds),
              legend(result) + bars_svg(result)) +
      section(
          "Steps in the order they run",
          fmt::format("{} are effective: what the operator's definition counts. The roof is that "
                      "of the operations executed.",
                      rate_unit(result)),
          steps_table(result, total));
  write_whole(path, page(result.model, body));
}

}  // namespace drawbar::cli
