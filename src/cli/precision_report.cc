#include "cli/precision_report.h"

#include "cli/bench_result.h"

namespace drawbar::cli {
namespace {

std::string losses(const ChoiceReport& report, const Loss& loss) {
  std::string text = fmt::format("{:.4f}%", 100 * loss.output);
  if (report.by_accuracy) text += fmt::format(", top-1 {:+.2f}%", 0 - 100 * loss.accuracy);
  return text;
}

}  // namespace

nlohmann::ordered_json loss_json(const Loss& loss, bool by_accuracy) {
  nlohmann::ordered_json json = {{"loss", loss.output}};
  if (by_accuracy) json["accuracy_lost"] = loss.accuracy;
  return json;
}

void print_choice(const ChoiceReport& report) {
  const PrecisionChoice& choice = report.choice;
  const auto top1 = [&](const std::string& text) {
    return report.by_accuracy ? fmt::format(" {:>8}", text) : "";
  };
  fmt::print(stderr, "{:<8} {:>10}{} {:>9} {:>9} {:>9}  {:<7} {}\n", "", "loss", top1("top-1"),
             "f32 ms", "int8 ms", "gain ms", "op", "layer");
  for (const LayerChoice& layer : choice.layers) {
    fmt::print(stderr, "{:<8} {:>9.4f}%{} {:>9.3f} {:>9.3f} {:>9.3f}  {:<7} {}\n",
               layer.in_f32 ? "f32" : "int8", 100 * layer.loss.output,
               top1(fmt::format("{:+.2f}%", 0 - 100 * layer.loss.accuracy)), layer.f32_ms,
               layer.byte_ms, layer.gain_ms(), layer.op, layer.name);
  }
  for (const Trial& trial : choice.trials) {
    fmt::print(stderr, "{:>4} of {} layers in f32: loss {}\n", trial.in_f32, choice.layers.size(),
               losses(report, trial.loss));
  }
  fmt::print(stderr, "chosen: loss {} on {} samples\n", losses(report, choice.loss),
             report.by_accuracy ? report.samples : choice.samples);
}

nlohmann::ordered_json choice_json(const ChoiceReport& report) {
  using Json = nlohmann::ordered_json;
  const PrecisionChoice& choice = report.choice;
  Json layers = Json::array(), trials = Json::array();
  for (const LayerChoice& layer : choice.layers) {
    Json& json = layers.emplace_back(Json{{"layer", layer.name}, {"op", layer.op}});
    json.update(loss_json(layer.loss, report.by_accuracy));
    json.update({{"f32_ms", layer.f32_ms},
                 {"int8_ms", layer.byte_ms},
                 {"gain_ms", layer.gain_ms()},
                 {"precision", layer.in_f32 ? "f32" : "int8"}});
  }
  for (const Trial& trial : choice.trials) {
    Json& json = trials.emplace_back(Json{{"in_f32", trial.in_f32}});
    json.update(loss_json(trial.loss, report.by_accuracy));
    json["ms"] = trial.ms;
  }
  Json json = {{"model", report.model},
               {"samples", report.samples},
               {"output_samples", choice.samples},
               {"counts", report.by_accuracy ? "accuracy" : "output"},
               {"max_loss", report.most_loss},
               {"f32_ms", choice.f32_ms},
               {"int8_ms", choice.byte_ms}};
  json["chosen"] = loss_json(choice.loss, report.by_accuracy);
  json["layers"] = std::move(layers);
  json["trials"] = std::move(trials);
  return json;
}

void write_report(const std::string& path, const ChoiceReport& report) {
  using Json = nlohmann::json;
  write_whole(path,
              path.ends_with(".json")
                  ? choice_json(report).dump(1, ' ', false, Json::error_handler_t::replace) + "\n"
                  : choice_page(report));
}

}  // namespace drawbar::cli
