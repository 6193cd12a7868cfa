#include "cli/bench_charts.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "cli/chart.h"
#include "cli/page.h"

namespace drawbar::cli {
namespace {

std::string tooltip(const StepReport& step, const StepFigures& figures, const BenchResult& result,
                    double total) {
  std::string text = fmt::format(
      "{}\n{} by {}\n{}\n{:.3f} ms, {:.1f} % of the time\n{:.1f} {} effective, {:.1f} GB/s",
      step_name(step), step.op, step.tactic, step.shapes, 1e3 * step.seconds,
      100 * step.seconds / total, figures.effective_gflops(), rate_unit(result),
      figures.gigabytes_per_second());
  if (figures.executed.sum() > 0 && figures.bytes > 0) {
    text +=
        fmt::format("\n{:.1f} {} executed, {:.2g} operations per byte", figures.executed_gflops(),
                    rate_unit(result), figures.executed.sum() / figures.bytes);
  }
  const std::string bound = result.rates.bound(figures.executed, figures.bytes);
  if (!bound.empty())
    text += fmt::format("\n{:.0f} % of the roof: {}", 100 * figures.roofline_share(), bound);
  return "<title>" + escaped(text) + "</title>";
}

/// The highest roof that steps have: of products of bytes where there are such.
double highest_peak(const BenchResult& result) {
  const double bytes = result.operations.bytes > 0 ? result.rates.byte_operations : 0;
  return std::max(result.rates.peak(), bytes) / 1e9;
}

/// Rising lines for the levels of memory up to the highest peak, and peaks behind them.
std::string roofs(const BenchResult& result, const Axis& x, const Axis& y) {
  const DeviceRates& rates = result.rates;
  std::string svg;
  const double peak = highest_peak(result);
  const double angle = std::atan2(y.pixels_per_decade(), x.pixels_per_decade());
  for (const MemoryRate& level : rates.memory) {
    const double rate = level.read / 1e9, ridge = std::min(peak / rate, x.high);
    const double start = std::max(x.low, y.low / rate);
    if (ridge <= start) continue;
    const double x1 = x.at(start), y1 = y.at(start * rate);
    svg += fmt::format(
        "<line class='roof' x1='{:.1f}' y1='{:.1f}' x2='{:.1f}' y2='{:.1f}'/>"
        "<text class='roof' transform='translate({:.1f} {:.1f}) rotate({:.1f})' dx='10' dy='-4'>"
        "{} {:.0f} GB/s</text>\n",
        x1, y1, x.at(ridge), y.at(ridge * rate), x1, y1, angle * 180 / std::numbers::pi,
        escaped(level.level), rate);
  }
  const double l1 = rates.memory.empty() ? 0 : rates.memory.front().read / 1e9;
  const bool has_bytes = result.operations.bytes > 0;
  const auto line = [&](double rate, const std::string& words, bool words_first) {
    const double begin = x.at(l1 > 0 ? std::clamp(rate / l1, x.low, x.high) : x.low);
    svg += fmt::format(
        "<line class='peak' x1='{:.1f}' x2='{:.1f}' y1='{:.1f}' y2='{:.1f}'/>"
        "<text class='peak' x='{:.1f}' y='{:.1f}' text-anchor='{}'>{}</text>\n",
        begin, x.last, y.at(rate), y.at(rate), words_first ? begin + 4 : x.last - 4, y.at(rate) - 6,
        words_first ? "start" : "end", escaped(words));
  };
  // Dots of bytes are above the end of the lower one.
  line(rates.peak() / 1e9,
       fmt::format("{} peak {:.0f} GFLOP/s", rates.compute.back().instructions, rates.peak() / 1e9),
       has_bytes);
  if (has_bytes)
    line(rates.byte_operations / 1e9,
         fmt::format("bytes: peak {:.0f} Gop/s", rates.byte_operations / 1e9), false);
  return svg;
}

/// The middle left out where the text is longer than `most` bytes, never within a character.
std::string shortened(const std::string& text, size_t most) {
  if (text.size() <= most) return text;
  const auto continues = [&](size_t i) {
    return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
  };
  size_t head = most / 3, tail = text.size() - (most - most / 3);
  while (head > 0 && continues(head)) --head;
  while (tail < text.size() && continues(tail)) ++tail;
  return text.substr(0, head) + "…" + text.substr(tail);
}

}  // namespace

std::map<std::string, std::string> operator_classes(const std::vector<StepReport>& steps) {
  std::map<std::string, double> seconds;
  for (const StepReport& step : steps) seconds[step.op] += step.seconds;
  std::vector<std::pair<double, std::string>> sorted;
  for (const auto& [op, time] : seconds) sorted.emplace_back(-time, op);
  std::sort(sorted.begin(), sorted.end());
  std::map<std::string, std::string> classes;
  for (size_t i = 0; i < sorted.size(); ++i)
    classes[sorted[i].second] = fmt::format("op{}", i < 6 ? i + 1 : 0);
  return classes;
}

std::string roofline_svg(const BenchResult& result) {
  const DeviceRates& rates = result.rates;
  if (rates.peak() <= 0) return "";
  const double peak = highest_peak(result), total = total_seconds(result);
  struct Dot {
    const StepReport* step;
    StepFigures figures;
    double intensity, rate;
  };
  std::vector<Dot> dots;
  double left = peak / (rates.memory.empty() ? peak : rates.memory.front().read / 1e9);
  double right = peak / (rates.memory.empty() ? peak : rates.memory.back().read / 1e9);
  double bottom = peak / 10;
  for (const StepReport* step : longest_first(result.steps)) {  // the small ones lie on top
    const StepFigures figures = StepFigures::of(*step, rates);
    if (figures.seconds < smallest_share * total || figures.executed.sum() <= 0 ||
        figures.bytes <= 0)
      continue;
    const Dot dot{step, figures, figures.executed.sum() / figures.bytes, figures.executed_gflops()};
    left = std::min(left, dot.intensity);
    right = std::max(right, dot.intensity);
    bottom = std::min(bottom, dot.rate);
    dots.push_back(dot);
  }
  const Axis x = Axis::decades(left, right * 1.2, 64, 884);
  const Axis y = Axis::decades(std::max(bottom, peak * 1e-5), peak * 1.2, 412, 16);
  std::string svg = "<svg viewBox='0 0 900 456' role='img' aria-label='Roofline'>\n" + grid(x, y) +
                    roofs(result, x, y);
  const auto classes = operator_classes(result.steps);
  for (const Dot& dot : dots) {
    const double radius = std::clamp(60 * std::sqrt(dot.figures.seconds / total), 3.5, 28.0);
    svg +=
        fmt::format("<circle class='dot {}' cx='{:.1f}' cy='{:.1f}' r='{:.1f}'>{}</circle>\n",
                    classes.at(dot.step->op), x.at(dot.intensity), y.at(std::max(dot.rate, y.low)),
                    radius, tooltip(*dot.step, dot.figures, result, total));
  }
  return svg +
         axis_names(x, y, "executed operations per byte",
                    fmt::format("{} executed", rate_unit(result))) +
         "</svg>\n";
}

std::string bars_svg(const BenchResult& result) {
  constexpr size_t most = 40;
  constexpr double height = 24, left = 262, right = 660;
  const std::vector<const StepReport*> steps = longest_first(result.steps);
  const double total = total_seconds(result);
  StepFigures others;
  size_t shown = 0;
  for (const StepReport* step : steps) {
    if (shown < most && step->seconds >= smallest_share * total) {
      ++shown;
    } else {
      others.add(StepFigures::of(*step, result.rates));
    }
  }
  if (shown == 0) return "";
  const double longest = std::max(steps[0]->seconds, others.seconds);
  const auto classes = operator_classes(result.steps);
  double top = 0;
  const auto bar = [&](const std::string& label, const std::string& css, const std::string& title,
                       const StepFigures& figures, const std::string& bound) {
    const double width = (right - left) * figures.seconds / longest;
    const std::string share = fmt::format("{:.0f} % of {}", 100 * figures.roofline_share(),
                                          bound.empty() ? "the roof" : bound);
    std::string svg = fmt::format(
        "<g>{}<text class='label' x='{:.0f}' y='{:.1f}' text-anchor='end'>{}</text>"
        "<rect class='bar {}' x='{:.0f}' y='{:.1f}' width='{:.1f}' height='{:.0f}'/>",
        title, left - 10, top + 16, escaped(label), css, left, top + 4, std::max(width, 1.0),
        height - 8);
    svg += fmt::format(
        "<rect class='least {}' x='{:.0f}' y='{:.1f}' width='{:.1f}' height='{:.0f}'/>"
        "<text class='value' x='{:.1f}' y='{:.1f}'>{:.3f} ms  <tspan class='quiet'>{:.1f} %, "
        "{}</tspan></text></g>\n",
        css, left, top + 4, width * std::min(figures.roofline_share(), 1.0), height - 8,
        left + width + 8, top + 16, 1e3 * figures.seconds, 100 * figures.seconds / total,
        escaped(share));
    top += height;
    return svg;
  };
  std::string bars;
  for (size_t i = 0; i < shown; ++i) {
    const StepFigures figures = StepFigures::of(*steps[i], result.rates);
    bars += bar(shortened(step_name(*steps[i]), 36), classes.at(steps[i]->op),
                tooltip(*steps[i], figures, result, total), figures,
                result.rates.bound(figures.executed, figures.bytes));
  }
  if (shown < steps.size())
    bars += bar(fmt::format("others ({} steps)", steps.size() - shown), "op0", "", others, "");
  return fmt::format(
      "<svg viewBox='0 0 900 {:.0f}' role='img' aria-label='Time of each step'>\n{}</svg>\n", top,
      bars);
}

}  // namespace drawbar::cli
