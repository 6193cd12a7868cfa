#include "cli/command.h"
#include "cli/diff_bisect.h"
#include "cli/diff_report.h"
#include "cli/inputs.h"
#include "cli/model.h"
#include "cli/precision.h"

namespace drawbar::cli {
namespace {

struct Options {
  std::string a, b, dataset, preprocess, page;
  std::vector<std::string> inputs, shapes, precisions;
  size_t samples = 16;
  int threads = 0;
  double threshold = 0;
  bool json = false, bisect = false;
  PrecisionOptions precision;
};

/// One run's inputs, read or drawn.
class OneSample : public SampleSource {
 public:
  explicit OneSample(std::vector<Tensor> inputs) : inputs_(std::move(inputs)) {}
  size_t size() const override { return 1; }
  std::vector<Tensor> sample(size_t) override { return inputs_; }

 private:
  std::vector<Tensor> inputs_;
};

std::shared_ptr<Engine> open_side(const Options& options, const std::string& path,
                                  const std::string& precision) {
  if (Engine::is_engine(path)) return Engine::load(path);
  CompileRequest request;
  request.model = path;
  request.threads = {options.threads > 0 ? options.threads : available_processors()};
  request.time_tactics = false;
  request.on_the_fly = true;
  return compile_model(request,
                       precision_steps(precision, options.precision, options.preprocess, path));
}

/// A's precision and B's: fp32, unless the options say.
std::pair<std::string, std::string> precisions_of(const Options& options) {
  const auto& given = options.precisions;
  for (const std::string& precision : given) check_precision(precision, options.precision);
  if (given.size() > 2) {
    fail(ErrorCode::invalid_argument, "--precision: {} of them, expected B's, or A's and B's",
         given.size());
  }
  if (given.empty()) return {"fp32", "fp32"};
  return given.size() == 1 ? std::pair<std::string, std::string>("fp32", given[0])
                           : std::pair(given[0], given[1]);
}

/// Those of --dataset, or of --calibrate; else the one that --input names, or a drawn one. Says
/// which in the report.
std::unique_ptr<SampleSource> open_inputs(const Options& options, const Engine& a,
                                          const std::string& preprocess, DiffReport& report) {
  const std::string& source =
      options.dataset.empty() ? options.precision.calibrate : options.dataset;
  if (!options.inputs.empty() || !options.shapes.empty() || source.empty()) {
    if (!options.dataset.empty()) {
      fail(ErrorCode::invalid_argument, "--dataset {}: not together with --input or --shape",
           options.dataset);
    }
    report.samples = options.inputs.empty() ? "drawn numbers" : "the inputs given";
    return std::make_unique<OneSample>(
        options.inputs.empty()
            ? draw_inputs(a.graph(), profiles_of(a.graph(), parse_profiles(options.shapes)).front())
            : read_inputs(a.graph(), options.inputs));
  }
  auto samples = open_samples(source, a.graph(),
                              {preprocess, options.samples, options.precision.skip_unreadable});
  if (samples->size() == 0) fail(ErrorCode::invalid_argument, "{}: no sample can be used", source);
  report.samples = fmt::format("{} samples of {}", samples->size(), source);
  return samples;
}

void diff(const Options& options) {
  if (options.bisect) {
    if (!options.b.empty() || !options.precisions.empty()) {
      fail(ErrorCode::invalid_argument,
           "--bisect compares one model in int8 with itself in f32, without B and --precision");
    }
    check_precision("int8", options.precision);
    bisect({options.a, options.preprocess, options.json, options.precision});
    return;
  }
  const auto [precision_a, precision_b] = precisions_of(options);
  if (options.b.empty() && (options.precisions.empty() || Engine::is_engine(options.a))) {
    fail(ErrorCode::invalid_argument,
         "{}: expected a second model or engine, or a model and --precision", options.a);
  }
  DiffReport report{.a = options.a, .b = options.b.empty() ? options.a : options.b};
  const auto a = open_side(options, report.a, precision_a),
             b = open_side(options, report.b, precision_b);
  report.precision_a = a->info().precision;
  report.precision_b = b->info().precision;
  std::string preprocess = options.preprocess;
  for (const auto& engine : {a, b}) {
    if (preprocess.empty()) preprocess = engine->info().preprocess;
  }
  const auto samples = open_inputs(options, *a, preprocess, report);
  compare_layers(report, *a, *b, *samples, options.threads, progress_on_terminal());
  if (options.json) {
    using Json = nlohmann::ordered_json;
    fmt::print("{}\n", report_json(report).dump(1, ' ', false, Json::error_handler_t::replace));
  } else {
    print_table(report);
  }
  if (!options.page.empty()) write_page(options.page, report);
  const double worst = report.worst_output();
  if (options.threshold > 0 && worst > options.threshold) {
    fail(ErrorCode::internal, "outputs differ by {:.3e} of the largest, more than {:.3e}", worst,
         options.threshold);
  }
}

}  // namespace

void add_diff(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "diff", "Run two models, or one in two precisions, and compare every layer they share");
  command->footer(
      "Examples:\n  drawbar diff model.onnx model.engine --input x=x.npy\n"
      "  drawbar diff model.onnx --precision int8 --calibrate images --preprocess imagenet\n"
      "  drawbar diff model.onnx --bisect --max-loss 0.1% --calibrate images "
      "--preprocess imagenet");
  command->add_option("a", options->a, "A model or an engine")->required();
  command->add_option("b", options->b, "Another one; the same model where it is left out");
  command
      ->add_option("--precision", options->precisions,
                   "B's, or A's and B's: fp32,int8; an engine has its own (fp32)")
      ->delimiter(',');
  command
      ->add_option("--input", options->inputs,
                   "NAME=FILE.npy, once per input (drawn where none is given)")
      ->take_all();
  command->add_option("--shape", options->shapes, "NAME=1x3x224x224 for drawn inputs")->take_all();
  command->add_option("--dataset", options->dataset,
                      "Inputs to compare on: what --calibrate takes (its own samples)");
  command
      ->add_option("--samples", options->samples,
                   "Compare on so many of them, spread over the source; 0: all")
      ->capture_default_str();
  command->add_option("--preprocess", options->preprocess,
                      "How images become inputs (see `drawbar compile --help`)");
  command->add_option("--threads", options->threads, "Threads (all processors)")
      ->check(CLI::Range(1, 1024));
  command
      ->add_option("--threshold", options->threshold,
                   "Fail when an output differs by more than this share of its largest value")
      ->check(CLI::PositiveNumber);
  command->add_flag("--bisect", options->bisect,
                    "Name the layers that have to stay in f32 for int8 to lose --max-loss at most");
  command->add_option("--html", options->page, "Write a page with the noise of each layer");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  add_precision_options(*command, options->precision);
  add_plugin_option(*command);
  command->callback([options] { diff(*options); });
}

}  // namespace drawbar::cli
