#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/labels.h"
#include "cli/model.h"
#include "cli/preprocess.h"
#include "cli/values.h"
#include "drawbar/session.h"

namespace drawbar::cli {
namespace {

struct Options {
  std::string model, labels, output, preprocess, target = "cpu";
  std::vector<std::string> inputs, images;
  int top = 0, threads = 0;
  bool strict = false;
  double deadline = 0;
};

/// The best classes of one row of scores. Scores that are no probabilities go through a softmax.
void print_top(const float* scores, int64_t count, int top,
               const std::vector<std::string>& labels) {
  double sum = 0;
  bool probabilities = true;
  for (int64_t i = 0; i < count; ++i) {
    sum += scores[i];
    probabilities &= scores[i] >= 0;
  }
  probabilities &= std::fabs(sum - 1) < 1e-2;
  const float largest = *std::max_element(scores, scores + count);
  double total = 0;
  for (int64_t i = 0; i < count; ++i) total += std::exp(static_cast<double>(scores[i]) - largest);
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto kept = std::min<int64_t>(top, count);
  std::partial_sort(order.begin(), order.begin() + kept, order.end(), [&](int64_t a, int64_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  for (int64_t i = 0; i < kept; ++i) {
    const int64_t k = order[static_cast<size_t>(i)];
    const double p =
        probabilities ? scores[k] : std::exp(static_cast<double>(scores[k]) - largest) / total;
    const std::string label =
        k < static_cast<int64_t>(labels.size()) ? labels[static_cast<size_t>(k)] : "";
    fmt::print("  {:.3f}  {:4}  {}\n", p, k, label);
  }
}

void print_outputs(const Options& options, const Graph& graph, const std::vector<Tensor>& outputs) {
  if (!options.output.empty()) {
    std::filesystem::create_directories(options.output);
    for (size_t i = 0; i < outputs.size(); ++i) {
      write_value(std::filesystem::path(options.output) / file_name(graph.output_names()[i]),
                  outputs[i]);
    }
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (options.top > 0 && i == 0 && outputs[i].type() == ElementType::f32 &&
        outputs[i].rank() >= 1) {
      const int64_t classes = outputs[i].dim(outputs[i].rank() - 1) == 1 && outputs[i].rank() == 4
                                  ? outputs[i].dim(1)
                                  : outputs[i].dim(outputs[i].rank() - 1);
      const std::vector<std::string> labels =
          options.labels.empty() ? std::vector<std::string>{} : read_labels(options.labels);
      for (int64_t row = 0; classes > 0 && row < outputs[i].size() / classes; ++row) {
        fmt::print("{}\n", static_cast<size_t>(row) < options.images.size()
                               ? options.images[static_cast<size_t>(row)]
                               : fmt::format("row {}", row));
        print_top(outputs[i].data<float>() + row * classes, classes, options.top, labels);
      }
    } else if (options.output.empty()) {
      const std::string elements = first_elements(outputs[i]);
      fmt::print("{}: {}{}{}\n", graph.output_names()[i], to_string(Type::of(outputs[i])),
                 elements.empty() ? "" : "  ", elements);
    }
  }
}

/// All images as one batch; without a symbolic batch, one run per image with the rows joined.
std::vector<Tensor> run_images(const Options& options, Session& session, const RunOptions& run) {
  const Graph& graph = session.engine().graph();
  if (graph.inputs().size() != 1)
    fail(ErrorCode::invalid_argument, "--image: the model has {} inputs, expected one",
         graph.inputs().size());
  const Type& type = graph.value(graph.inputs()[0]).type;
  const std::string how =
      options.preprocess.empty() ? session.engine().info().preprocess : options.preprocess;
  if (how.empty()) {
    fail(ErrorCode::invalid_argument,
         "--image: the engine remembers no preprocessing; give --preprocess (see `drawbar run "
         "--help`)");
  }
  const Preprocess steps = Preprocess::parse(how);
  std::vector<Tensor> results;
  std::vector<std::vector<Tensor>> rows;
  for (const std::string& path : options.images) {
    const Tensor input = preprocess(read_image(path), steps,
                                    type.is_tensor() ? type.tensor.element : ElementType::f32);
    rows.push_back(session.run({&input, 1}, run));
  }
  for (size_t o = 0; o < rows[0].size(); ++o) {
    Shape shape = rows[0][o].shape();
    if (rows.size() == 1 || shape.empty() || shape[0] != 1) {
      results.push_back(rows[0][o]);
      continue;
    }
    shape[0] = static_cast<int64_t>(rows.size());
    Tensor joined = Tensor::allocate(rows[0][o].type(), shape);
    for (size_t r = 0; r < rows.size(); ++r) {
      if (rows[r][o].shape() != rows[0][o].shape())
        fail(ErrorCode::unsupported, "output {} has another shape for every image", o);
      std::copy_n(static_cast<const char*>(rows[r][o].raw()), rows[r][o].bytes(),
                  static_cast<char*>(joined.raw()) + static_cast<int64_t>(r) * rows[r][o].bytes());
    }
    results.push_back(std::move(joined));
  }
  return results;
}

void run(const Options& options) {
  RunOptions control;
  if (options.deadline > 0) {
    control.deadline =
        RunControl::Clock::now() + std::chrono::duration_cast<RunControl::Clock::duration>(
                                       std::chrono::duration<double>(options.deadline));
  }
  SessionOptions session_options;
  session_options.threads = options.threads;
  Session session(open_model(options.model, options.threads, options.strict, options.target),
                  session_options);
  const std::vector<Tensor> outputs =
      options.images.empty()
          ? session.run(read_inputs(session.engine().graph(), options.inputs), control)
          : run_images(options, session, control);
  print_outputs(options, session.engine().graph(), outputs);
}

}  // namespace

void add_run(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("run", "Run a model or an engine once");
  command->footer(
      "Examples:\n  drawbar run model.engine --input x=x.npy --output answers\n"
      "  drawbar run model.engine --image photo.jpg --labels classes.txt --top 5");
  command->add_option("model", options->model, "A model or an engine")->required();
  command
      ->add_option("--input", options->inputs,
                   "NAME=FILE.npy, once per input; of a sequence or map the folder that --output "
                   "would write")
      ->take_all();
  command
      ->add_option("--image", options->images,
                   "JPEG, PNG or BMP files, prepared as the engine remembers")
      ->take_all();
  command->add_option(
      "--preprocess", options->preprocess,
      "How images become inputs, in this order: resize=, crop= or letterbox=, pad=; order=rgb|bgr; "
      "mean=, std= "
      "(one number or a/b/c); layout=nchw|nhwc. Or imagenet, efficientnet_lite, caffe, yolox");
  command->add_option("--labels", options->labels, "Class names, one per line");
  command->add_option("--top", options->top, "Print the best classes of the first output")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--target", options->target,
                   "What a model is compiled for (see `drawbar targets`)")
      ->capture_default_str();
  command->add_option("--threads", options->threads, "Threads (all processors)")
      ->check(CLI::Range(1, 1024));
  command->add_option(
      "--output", options->output,
      "Write NAME.npy for every output into this folder; for a sequence NAME/0.npy, …, "
      "for a map NAME/keys.npy and NAME/values.npy");
  command->add_flag("--strict", options->strict,
                    "Of a model: only ways as exact as plain sums, no Winograd convolution");
  command->add_option("--deadline", options->deadline, "Give up after this many seconds")
      ->check(CLI::PositiveNumber);
  add_device_memory_option(*command);
  add_plugin_option(*command);
  command->callback([options] { run(*options); });
}

}  // namespace drawbar::cli
