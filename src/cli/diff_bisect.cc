#include "cli/diff_bisect.h"

#include "cli/model.h"
#include "cli/precision_report.h"
#include "import/importer.h"
#include "passes/pipeline.h"
#include "precision/bisect.h"

namespace drawbar::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string loss_text(const PrecisionOptions& options, const Loss& loss) {
  std::string text = fmt::format("{:.4f}%", 100 * loss.output);
  if (options.loss == "accuracy") text += fmt::format(" (top-1 {:+.2f}%)", 0 - 100 * loss.accuracy);
  return text;
}

/// `"f32": ["a", "b"]`, as the cache has it.
std::string f32_entry(const Bisection& found) {
  Json names = Json::array();
  for (const NeededLayer& needed : found.needed) names.push_back(needed.layer.name);
  return "\"f32\": " + names.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void print_bisection(const PrecisionOptions& options, const Bisection& found) {
  fmt::print("all on bytes: loss {} on {} samples, {} is allowed\n",
             loss_text(options, found.on_bytes), found.samples, options.most_loss);
  if (found.needed.empty()) {
    fmt::print("no layer has to stay in f32\n");
    return;
  }
  fmt::print("with {} of {} layers in f32: loss {}\n\n", found.needed.size(), found.layers.size(),
             loss_text(options, found.chosen));
  fmt::print("{:>12}  {:>12}  {:<7} {}\n", "alone", "without it", "op", "layer");
  for (const NeededLayer& needed : found.needed) {
    fmt::print("{:>12}  {:>12}  {:<7} {}\n", loss_text(options, needed.layer.loss),
               loss_text(options, needed.without), needed.layer.op, needed.layer.name);
  }
  const std::string cache = options.cache.empty() ? "RANGES.json" : options.cache;
  fmt::print(
      "\nalone: the loss with only this layer on bytes; without it: with only the others in f32\n"
      "To keep them in f32, put into {0}, the calibration cache,\n  {1}\nand compile with "
      "--precision int8 --calibration-cache {0}\n",
      cache, f32_entry(found));
}

void print_json(const PrecisionOptions& options, const Bisection& found) {
  const auto json_of = [&](const Loss& loss) {
    return loss_json(loss, options.loss == "accuracy");
  };
  Json layers = Json::array(), needed = Json::array();
  for (const LayerLoss& layer : found.layers) {
    Json& json = layers.emplace_back(Json{{"layer", layer.name}, {"op", layer.op}});
    json.update(json_of(layer.loss));
  }
  for (const NeededLayer& layer : found.needed) {
    needed.push_back({{"layer", layer.layer.name},
                      {"op", layer.layer.op},
                      {"alone", json_of(layer.layer.loss)},
                      {"without", json_of(layer.without)}});
  }
  const Json json = {{"samples", found.samples},
                     {"max_loss", most_loss(options)},
                     {"on_bytes", json_of(found.on_bytes)},
                     {"chosen", json_of(found.chosen)},
                     {"needed", needed},
                     {"layers", layers},
                     {"trials", found.trials}};
  fmt::print("{}\n", json.dump(1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

void bisect(const BisectRequest& request) {
  const PrecisionOptions& options = request.precision;
  if (options.calibrate.empty())
    fail(ErrorCode::invalid_argument, "--bisect needs --calibrate SOURCE");
  const Graph graph = prepare(import_model(request.model));
  const auto samples = calibration_samples(options, request.preprocess, graph);
  const LossOptions loss = loss_options(options, *samples);
  const Calibration calibration = calibration_of(options, graph, samples.get());
  const auto progress = progress_on_terminal();
  const Bisection found =
      bisect_layers(graph, calibration, *samples,
                    {.most_loss = most_loss(options), .loss = loss, .progress = progress});
  if (progress) progress("bisecting", found.trials, found.trials);
  if (request.json) {
    print_json(options, found);
  } else {
    print_bisection(options, found);
  }
}

}  // namespace drawbar::cli
