#include <algorithm>

#include "base/error.h"
#include "base/version.h"
#include "cli/chart.h"
#include "cli/page.h"
#include "cli/precision_report.h"

namespace drawbar::cli {
namespace {

std::string percent(double share) { return fmt::format("{:.4g} %", 100 * share); }

const char* precision_of(const LayerChoice& layer) { return layer.in_f32 ? "f32" : "int8"; }

std::string legend() {
  return "<div class='legend'><span><i class='op1'></i>int8</span><span><i class='op3'></i>f32"
         "</span></div>\n";
}

/// A dot for all in f32 and for each trial: the loss that counts against the layers' time.
std::string trials_svg(const ChoiceReport& report) {
  const PrecisionChoice& choice = report.choice;
  std::vector<Trial> trials = choice.trials;
  if (trials.empty() || trials.back().in_f32 != choice.layers.size())
    trials.push_back({choice.layers.size(), {}, choice.f32_ms});
  const auto chosen = static_cast<size_t>(std::count_if(
      choice.layers.begin(), choice.layers.end(), [](const auto& layer) { return layer.in_f32; }));
  double least = 0, most = 100 * report.most_loss, slowest = 0;
  for (const Trial& trial : trials) {
    least = std::min(least, 100 * report.counted(trial.loss));
    most = std::max(most, 100 * report.counted(trial.loss));
    slowest = std::max(slowest, trial.ms);
  }
  const Axis x = Axis::linear(0, std::max(1.05 * slowest, 1e-3), 72, 884);
  const Axis y = Axis::linear(least, std::max(1.05 * most, least + 1e-6), 312, 28);
  const double allowed = y.at(100 * report.most_loss);
  std::string svg = "<svg viewBox='0 0 900 356' role='img' aria-label='Loss and time'>\n" +
                    grid(x, y) +
                    fmt::format(
                        "<line class='roof' x1='{:.1f}' x2='{:.1f}' y1='{:.1f}' y2='{:.1f}'/>"
                        "<text class='roof' x='{:.1f}' y='{:.1f}'>--max-loss {}</text>\n",
                        x.first, x.last, allowed, allowed, x.first + 6, allowed - 5,
                        escaped(percent(report.most_loss)));
  for (const Trial& trial : trials) {
    const double loss = report.counted(trial.loss);
    const double cx = x.at(trial.ms), cy = y.at(100 * loss);
    const std::string words = fmt::format("{} of {} in f32", trial.in_f32, choice.layers.size());
    svg += fmt::format(
        "<circle class='dot {}' cx='{:.1f}' cy='{:.1f}' r='{}'><title>{}</title></circle>\n",
        trial.in_f32 == chosen ? "op2" : "op1", cx, cy, trial.in_f32 == chosen ? 9 : 6,
        escaped(fmt::format("{}\nloss {}, {:.2f} ms", words, percent(loss), trial.ms)));
    const bool ends = trial.in_f32 == 0 || trial.in_f32 == choice.layers.size();
    if (trial.in_f32 != chosen && !ends) continue;
    const bool at_left = cx > x.last - 150 || trial.in_f32 == choice.layers.size();
    const bool below = trial.in_f32 == chosen && cy < y.first - 30;  // others lie above
    svg += fmt::format("<text x='{:.1f}' y='{:.1f}'{}>{}{}</text>\n", cx + (at_left ? -13 : 13),
                       cy + (below ? 18 : -8), at_left ? " text-anchor='end'" : "", escaped(words),
                       trial.in_f32 == chosen ? ": chosen" : "");
  }
  return svg + axis_names(x, y, "ms, from the layers' times", "loss, %") + "</svg>\n";
}

/// A dot for each layer: what its outputs lose alone, in powers of ten, against what it gains.
std::string layers_svg(const ChoiceReport& report) {
  constexpr double floor = 1e-4;  // %, stands for nothing too
  double least = 1, most = floor, slowest = 0, fastest = 0;
  for (const LayerChoice& layer : report.choice.layers) {
    const double loss = std::max(100 * layer.loss.output, floor);
    least = std::min(least, loss);
    most = std::max(most, loss);
    slowest = std::min(slowest, layer.gain_ms());
    fastest = std::max(fastest, layer.gain_ms());
  }
  const Axis x = Axis::linear(slowest, std::max(1.05 * fastest, slowest + 1e-3), 72, 884);
  const Axis y = Axis::decades(std::min(least, most), most, 312, 16);
  std::string svg =
      "<svg viewBox='0 0 900 356' role='img' aria-label='Loss and gain of each layer'>\n" +
      grid(x, y);
  for (const LayerChoice& layer : report.choice.layers) {
    svg += fmt::format(
        "<circle class='dot {}' cx='{:.1f}' cy='{:.1f}' r='5'><title>{}</title></circle>\n",
        layer.in_f32 ? "op3" : "op1", x.at(layer.gain_ms()),
        y.at(std::max(100 * layer.loss.output, floor)),
        escaped(fmt::format("{}\n{}, {}\nloss {}, gain {:.3f} ms", layer.name, layer.op,
                            precision_of(layer), percent(layer.loss.output), layer.gain_ms())));
  }
  return svg + axis_names(x, y, "gain, ms", "loss alone, %") + "</svg>\n";
}

std::string figures(const ChoiceReport& report) {
  const auto top1 = [&](const std::string& cell) { return report.by_accuracy ? cell : ""; };
  std::string rows;
  for (const LayerChoice& layer : report.choice.layers) {
    rows += fmt::format(
        "<tr><td>{}</td><td class='n'>{:.4f} %</td>{}<td class='n'>{:.3f}</td>"
        "<td class='n'>{:.3f}</td><td class='n'>{:.3f}</td><td>{}</td><td>{}</td></tr>\n",
        precision_of(layer), 100 * layer.loss.output,
        top1(fmt::format("<td class='n'>{:+.2f} %</td>", 0 - 100 * layer.loss.accuracy)),
        layer.f32_ms, layer.byte_ms, layer.gain_ms(), escaped(layer.op), escaped(layer.name));
  }
  return table("<tr><th>chosen</th><th class='n'>loss alone</th>" +
                   top1("<th class='n'>top-1</th>") +
                   "<th class='n'>f32 ms</th><th class='n'>int8 ms</th><th class='n'>gain ms</th>"
                   "<th>operator</th><th>layer</th></tr>",
               rows);
}

}  // namespace

std::string choice_page(const ChoiceReport& report) {
  const PrecisionChoice& choice = report.choice;
  const size_t samples = report.by_accuracy ? report.samples : choice.samples;
  const auto in_f32 = std::count_if(choice.layers.begin(), choice.layers.end(),
                                    [](const auto& layer) { return layer.in_f32; });
  std::string body =
      fmt::format("<h1>{}</h1>\n<p>{}, {} samples of {}</p>\n<div class='tiles'>\n",
                  escaped(file_of(report.model)), escaped(processor_name()), samples,
                  escaped(file_of(report.source))) +
      tile(fmt::format("{} of {}", in_f32, choice.layers.size()), "layers in f32") +
      tile(percent(report.counted(choice.loss)),
           report.by_accuracy ? "top-1 lost" : "of the outputs' energy lost") +
      tile(fmt::format("{:.2f} ms", choice.f32_ms), "all in f32") +
      tile(fmt::format("{:.2f} ms", choice.byte_ms), "all in int8") + "</div>\n" +
      section("Loss and time",
              "Each dot is a model that was tried. Its time is that of all layers in int8 and what "
              "those in f32 gained.",
              trials_svg(report)) +
      section("Loss and gain of each layer",
              "Each dot is a layer: what the outputs lose with it alone in int8, and the time it "
              "gains there. Rest on a dot for its name.",
              legend() + layers_svg(report)) +
      section("Layers",
              fmt::format("What stays in f32 first comes first. Losses of the outputs are measured "
                          "on {} samples.",
                          choice.samples),
              figures(report));
  return page(report.model, body);
}

}  // namespace drawbar::cli
