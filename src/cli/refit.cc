#include <filesystem>

#include "cli/command.h"
#include "cli/precision.h"
#include "engine/compile.h"

namespace drawbar::cli {
namespace {

struct Options {
  std::string engine, model, output;
};

void refit(const Options& options) {
  const auto stripped = Engine::load(options.engine, true);
  const std::string& precision = stripped->info().precision;
  if (precision == "int8" || precision == "auto") {
    fail(ErrorCode::unsupported, "{}: weights of {} are made with the samples: compile the model",
         options.engine, precision);
  }
  const auto engine =
      refit_engine(*stripped, options.model, precision_steps(precision, {}, {}, options.model));
  engine->save(options.output);
  fmt::print("{}: {} with the weights of {}, {:.1f} MiB\n", options.output, options.engine,
             std::filesystem::path(options.model).filename().string(),
             static_cast<double>(std::filesystem::file_size(options.output)) / (1 << 20));
}

}  // namespace

void add_refit(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("refit", "Give an engine compiled with --strip-weights its weights again");
  command->footer("Example:\n  drawbar refit stripped.engine resnet50.onnx -o resnet50.engine");
  command->add_option("engine", options->engine, "The stripped engine")->required();
  command->add_option("model", options->model, "The model it was compiled of")->required();
  command->add_option("-o,--output", options->output, "The engine to write")->required();
  add_plugin_option(*command);
  command->callback([options] { refit(*options); });
}

}  // namespace drawbar::cli
