#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/command.h"
#include "cli/model.h"
#include "cli/precision.h"
#include "cli/preprocess.h"

namespace drawbar::cli {
namespace {

struct Options {
  std::string model, output, target = "cpu", precision = "fp32", optimize = "speed", threads,
                             preprocess, dump_after;
  std::vector<std::string> shapes, architectures;
  bool deterministic = false, strict = false, wherever_it_can = false, strip_weights = false,
       portable = false;
  PrecisionOptions quantization;
};

void compile(const Options& options) {
  check_precision(options.precision, options.quantization);
  if (options.optimize != "speed" && options.optimize != "size")
    fail(ErrorCode::invalid_argument, "--optimize {}: expected speed or size", options.optimize);
  if (!options.quantization.report.empty() && options.precision != "auto") {
    fail(ErrorCode::invalid_argument, "--report tells what --precision auto chose, not {}",
         options.precision);
  }
  CompileRequest request;
  request.model = options.model;
  request.target = options.target;
  request.architectures = options.architectures;
  request.wherever_it_can = options.wherever_it_can;
  request.profiles = parse_profiles(options.shapes);
  if (!options.threads.empty()) request.threads = parse_threads(options.threads);
  request.deterministic = options.deterministic;
  request.strict = options.strict;
  request.smallest = options.optimize == "size";
  request.strip_weights = options.strip_weights;
  request.on_the_fly = options.portable;
  request.preprocess = options.preprocess;
  if (!options.preprocess.empty())
    Preprocess::parse(options.preprocess);  // refused now rather than when run
  request.options = fmt::format("--target {} --precision {}{}{}{}", options.target,
                                options.precision, request.smallest ? " --optimize size" : "",
                                options.deterministic ? " --deterministic" : "",
                                options.strict ? " --strict" : "");
  if (options.wherever_it_can) request.options += " --wherever-it-can";
  if (options.portable) request.options += " --portable";
  if (options.strip_weights) request.options += " --strip-weights";
  for (const std::string& architecture : options.architectures)
    request.options += " --arch " + architecture;
  if (options.precision == "int8" || options.precision == "auto") {
    request.options +=
        fmt::format(" --calibrator {} --activations {}", options.quantization.calibrator,
                    options.quantization.activations);
  }
  if (options.precision == "auto") {
    request.options += fmt::format(" --max-loss {} --loss {}", options.quantization.most_loss,
                                   options.quantization.loss);
  }
  for (const std::string& shape : options.shapes) request.options += " --shape " + shape;
  request.progress = progress_on_terminal();
  CompileSteps steps =
      precision_steps(options.precision, options.quantization, options.preprocess, options.model);
  steps.passes.dump_after = options.dump_after;
  const auto engine = compile_model(request, steps);
  engine->save(options.output);
  fmt::print("{}: {} for {}, {} nodes, {:.1f} MiB\n", options.output,
             std::filesystem::path(options.model).filename().string(), options.target,
             engine->graph().order().size(),
             static_cast<double>(std::filesystem::file_size(options.output)) / (1 << 20));
  for (const PlanReport& plan : engine->program().inspect()) {
    const auto there = std::count_if(plan.steps.begin(), plan.steps.end(), [&](const auto& step) {
      return step.target == options.target;
    });
    if (!plan.left_behind.empty() && there == 0) {
      fmt::print("{}: nothing of it runs on {}, `drawbar inspect` says why\n", plan.shapes,
                 options.target);
    }
  }
}

}  // namespace

void add_compile(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("compile", "Compile a model to an engine");
  command->footer(
      "Example:\n  drawbar compile resnet50.onnx -o resnet50.engine --shape input=8x3x224x224 "
      "--threads 1,2");
  command->add_option("model", options->model, "The model (.onnx)")->required();
  command->add_option("-o,--output", options->output, "The engine to write")->required();
  command->add_option("--target", options->target, "What to compile for (see `drawbar targets`)")
      ->capture_default_str();
  command
      ->add_option("--arch", options->architectures,
                   "For cuda: architectures to compile code for besides this GPU's, as sm_80,sm_90")
      ->delimiter(',');
  command->add_flag("--wherever-it-can", options->wherever_it_can,
                    "Leave to the processors only what the target cannot run, not what they run "
                    "faster");
  command
      ->add_option("--precision", options->precision,
                   "fp32, bf16, fp16, int8, or auto; for cuda also tf32")
      ->capture_default_str();
  command
      ->add_option("--optimize", options->optimize,
                   "speed, or size: the engine leaves out what can be made again when it is opened")
      ->capture_default_str();
  add_precision_options(*command, options->quantization);
  command->add_option("--report", options->quantization.report,
                      "For auto: what was measured and chosen, as a page, or as FILE.json");
  command
      ->add_option("--shape", options->shapes,
                   "NAME=1x3x224x224, once per input; a name given again opens the next profile")
      ->take_all();
  command->add_option("--threads", options->threads,
                      "Thread counts to compile for, as 1,2 (all processors)");
  command->add_option(
      "--preprocess", options->preprocess,
      "How images become inputs: resize=256,crop=224,mean=127,std=128,order=rgb, or a name");
  command->add_flag("--strip-weights", options->strip_weights,
                    "Leave the weights out: opened they are random numbers, until `drawbar refit`");
  command
      ->add_flag("--portable", options->portable,
                 "Choose nothing for shapes or this machine: that is done where it is opened")
      ->excludes("--shape");
  command->add_flag("--deterministic", options->deterministic,
                    "Same bytes every time: no timing, no time or host recorded");
  command->add_flag("--strict", options->strict,
                    "Only ways as exact as plain sums, no Winograd convolution");
  command->add_option("--dump-after", options->dump_after,
                      "Print the graph after this pass (or `all`) to standard error");
  add_plugin_option(*command);
  command->callback([options] { compile(*options); });
}

}  // namespace drawbar::cli
