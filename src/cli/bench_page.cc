#include "base/error.h"
#include "base/version.h"
#include "cli/bench_charts.h"
#include "cli/bench_result.h"

namespace drawbar::cli {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --page: #f7f7f5; --card: #ffffff; --ink: #1c1c1a;
  --quiet: #66655f; --line: #e3e2dd; --roof: #8b8a83; --warn: #fbe9e7;
  --op1: #2a78d6; --op2: #1baf7a; --op3: #e39a00; --op4: #7a5fd0;
  --op5: #e34948; --op6: #0f8fa8; --op0: #9a9992; }
@media (prefers-color-scheme: dark) { :root { --page: #161614; --card: #20201e; --ink: #f0efea;
  --quiet: #a3a29a; --line: #363632; --roof: #8b8a83; --warn: #4a2522; --op1: #4a93e8;
  --op2: #22b583; --op3: #d69a1c; --op4: #9a86ea; --op5: #ea6a69; --op6: #2aa9c2;
  --op0: #84837c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 32px 20px 64px; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0 0 2px; }
p { margin: 0 0 12px; color: var(--quiet); max-width: 105ch; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 20px; margin-top: 16px; }
.warning { background: var(--warn); }
.warning p { color: var(--ink); margin: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin-top: 20px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 12px 16px; }
.tile b { display: block; font-size: 22px; font-weight: 600; line-height: 1.3; }
.tile span { color: var(--quiet); font-size: 13px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; margin-bottom: 8px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 50%;
  margin-right: 6px; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif;
  fill: var(--ink); }
.grid { stroke: var(--line); }
.tick, .axis, text.roof, .quiet { fill: var(--quiet); }
line.roof { stroke: var(--roof); stroke-width: 1.5; }
line.peak { stroke: var(--ink); stroke-width: 2; }
text.peak { font-weight: 600; }
text.roof { font-size: 11px; }
.dot { fill-opacity: .75; stroke: var(--card); stroke-width: 1.5; }
.dot:hover { fill-opacity: 1; stroke: var(--ink); }
.bar { fill-opacity: .3; }
g:hover .bar { fill-opacity: .5; }
.op1 { fill: var(--op1); background: var(--op1); }
.op2 { fill: var(--op2); background: var(--op2); }
.op3 { fill: var(--op3); background: var(--op3); }
.op4 { fill: var(--op4); background: var(--op4); }
.op5 { fill: var(--op5); background: var(--op5); }
.op6 { fill: var(--op6); background: var(--op6); }
.op0 { fill: var(--op0); background: var(--op0); }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; width: 100%; }
th, td { text-align: left; padding: 4px 10px; border-top: 1px solid var(--line);
  white-space: nowrap; }
th { color: var(--quiet); font-weight: 500; border-top: 0; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
tr.small { color: var(--quiet); }
tfoot td { font-weight: 600; }
)";

std::string tile(const std::string& figure, const std::string& words) {
  return "<div class='tile'><b>" + escaped(figure) + "</b><span>" + escaped(words) +
         "</span></div>\n";
}

std::string header(const BenchResult& result, const StepFigures& total) {
  const size_t slash = result.model.find_last_of('/');
  std::string html = fmt::format(
      "<h1>{}</h1>\n<p>{}, {} thread{} ({}, {}), {}, input {}, {} runs</p>\n",
      escaped(slash == std::string::npos ? result.model : result.model.substr(slash + 1)),
      escaped(processor_name()), result.threads, result.threads == 1 ? "" : "s",
      escaped(result.target), escaped(result.requirement), escaped(result.precision),
      escaped(result.shapes), result.sorted_ms.size());
  html += "<div class='tiles'>\n";
  html += tile(fmt::format("{:.2f} ms", result.p50_ms()),
               fmt::format("p50 ±{:.2f} (95 % interval)", result.p50_spread_ms()));
  html += tile(fmt::format("{:.2f} ms", result.quantile_ms(0.99)), "p99");
  html += tile(fmt::format("{:.1f}", 1e3 * static_cast<double>(result.rows) / result.p50_ms()),
               result.rows_are + " per second");
  if (result.operations > 0) {
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
        "<section class='warning'><p>Suspect: more operations in a second than {:.0f} GFLOP/s, "
        "what {} thread{} of this machine reach. The time or the count is wrong.</p></section>\n",
        result.rates.peak() / 1e9, result.threads, result.threads == 1 ? "" : "s");
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

std::string table(const BenchResult& result, const StepFigures& total) {
  const auto cells = [&](const StepFigures& figures, const std::string& bound) {
    return fmt::format(
        "<td class='n'>{:.3f}</td><td class='n'>{:.1f} %</td><td class='n'>{:.1f}</td>"
        "<td class='n'>{:.1f}</td><td class='n'>{:.0f} %</td><td>{}</td>",
        1e3 * figures.seconds, total.seconds > 0 ? 100 * figures.seconds / total.seconds : 0,
        figures.effective_gflops(), figures.gigabytes_per_second(), 100 * figures.roofline_share(),
        escaped(bound));
  };
  std::string html =
      "<div class='table'><table><thead><tr><th class='n'>step</th><th class='n'>ms</th>"
      "<th class='n'>share</th><th class='n'>GFLOP/s</th><th class='n'>GB/s</th>"
      "<th class='n'>of roof</th><th>bound</th><th>operator</th><th>tactic</th><th>shapes</th>"
      "<th>node</th></tr></thead>\n<tbody>\n";
  size_t number = 0;
  for (const StepReport& step : result.steps) {
    const StepFigures figures = StepFigures::of(step, result.rates);
    html += fmt::format(
        "<tr{}><td class='n'>{}</td>{}<td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        figures.seconds < smallest_share * total.seconds ? " class='small'" : "", number++,
        cells(figures, result.rates.bound(figures.executed, figures.bytes)), escaped(step.op),
        escaped(step.tactic), escaped(step.shapes), escaped(step.node));
  }
  return html + "</tbody>\n<tfoot><tr><td class='n'>total</td>" + cells(total, "") +
         "<td colspan='4'></td></tr></tfoot></table></div>\n";
}

}  // namespace

void write_page(const std::string& path, const BenchResult& result) {
  StepFigures total;
  for (const StepReport& step : result.steps) total.add(StepFigures::of(step, result.rates));
  std::string html =
      "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'/>\n"
      "<meta name='viewport' content='width=device-width, initial-scale=1'/>\n";
  html += fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}",
                      escaped(result.model), style, header(result, total));
  html += fmt::format(
      "<section>\n<h2>Roofline</h2>\n<p>Each dot is a step that computes, its area its share of "
      "the "
      "time. The lines are what this machine reaches: a step cannot be above that of the level "
      "that "
      "holds its bytes. Rest on a dot for its figures.</p>\n{}{}</section>\n",
      legend(result), roofline_svg(result));
  html += fmt::format(
      "<section>\n<h2>Time of each step</h2>\n<p>Longest first. Solid: the least time the roofline "
      "allows; pale: the rest. All steps together take {:.2f} ms.</p>\n{}{}</section>\n",
      1e3 * total.seconds, legend(result), bars_svg(result));
  html += fmt::format(
      "<section>\n<h2>Steps in the order they run</h2>\n<p>GFLOP/s are effective: what the "
      "operator's definition counts. The roof is that of the operations executed.</p>\n{}"
      "</section>\n</body>\n</html>\n",
      table(result, total));
  write_whole(path, html);
}

}  // namespace drawbar::cli
