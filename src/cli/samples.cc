#include "cli/samples.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/npy.h"
#include "cli/preprocess.h"

namespace drawbar::cli {
namespace {

namespace fs = std::filesystem;

bool is_image(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png" ||
         extension == ".bmp" || extension == ".webp";
}

/// Files that are read when asked for.
class Folder : public FileSamples {
 public:
  Folder(const std::string& folder, const Graph& graph, const SampleOptions& options)
      : input_(graph.value(graph.inputs()[0])) {
    if (!options.preprocess.empty()) how_ = Preprocess::parse(options.preprocess);
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (is_image(entry.path()) || entry.path().extension() == ".npy")
        files_.push_back(entry.path());
    }
    if (error) fail(ErrorCode::invalid_argument, "{}: {}", folder, error.message());
    if (files_.empty())
      fail(ErrorCode::invalid_argument, "{}: no images and no .npy files", folder);
    std::sort(files_.begin(), files_.end());
    if (options.most > 0 && options.most < files_.size()) {
      for (size_t i = 0; i < options.most; ++i)
        files_[i] = files_[i * files_.size() / options.most];
      files_.resize(options.most);
    }
    if (options.skip_unreadable) leave_out_unreadable(folder);
  }

  std::string file(size_t i) const override { return files_[i].string(); }
  size_t size() const override { return files_.size(); }
  std::vector<Tensor> sample(size_t i) override { return {read(files_[i])}; }

 private:
  void leave_out_unreadable(const std::string& folder) {
    const size_t skipped = std::erase_if(files_, [&](const fs::path& file) {
      try {
        read(file);
        return false;
      } catch (const Error& why) {
        fmt::print(stderr, "skipped: {}\n", why.what());
        return true;
      }
    });
    if (skipped > 0)
      fmt::print(stderr, "{}: {} files skipped, {} used\n", folder, skipped, files_.size());
  }

  /// Of the input's type; its shape is checked here so that the message names the file.
  Tensor read(const fs::path& file) const {
    const std::string path = file.string();
    Tensor sample;
    if (file.extension() == ".npy") {
      sample = read_npy(path);
    } else {
      if (!how_) {
        fail(ErrorCode::invalid_argument,
             "{}: images need --preprocess (see `drawbar compile --help`)", path);
      }
      sample = preprocess(read_image(path), *how_);
    }
    const TensorType& type = input_.type.tensor;
    if (sample.type() != type.element) {
      fail(ErrorCode::invalid_argument, "{}: {}, input '{}' is {}", path,
           to_string(Type::of(sample)), input_.name, to_string(input_.type));
    }
    bool fits = !type.ranked || type.rank() == sample.rank();
    for (int64_t axis = 0; type.ranked && fits && axis < type.rank(); ++axis) {
      const Dim& dim = type.dims[static_cast<size_t>(axis)];
      fits = !dim.is_constant() || dim.value() == sample.dim(axis);
    }
    if (!fits) {
      fail(ErrorCode::invalid_argument, "{}: shape {}, input '{}' is {}", path,
           to_string(sample.shape()), input_.name, to_string(input_.type));
    }
    if (sample.type() == ElementType::f32) {
      const auto* numbers = sample.data<float>();
      if (!std::all_of(numbers, numbers + sample.size(), [](float x) { return std::isfinite(x); }))
        fail(ErrorCode::invalid_argument, "{}: holds numbers that are not finite", path);
    }
    return sample;
  }

  const Value input_;
  std::optional<Preprocess> how_;
  std::vector<fs::path> files_;
};

}  // namespace

std::unique_ptr<FileSamples> open_samples(const std::string& folder, const Graph& graph,
                                          const SampleOptions& options) {
  if (graph.inputs().size() != 1 || !graph.value(graph.inputs()[0]).type.is_tensor()) {
    fail(ErrorCode::unsupported, "{}: the model has {} inputs, expected one tensor", folder,
         graph.inputs().size());
  }
  return std::make_unique<Folder>(folder, graph, options);
}

}  // namespace drawbar::cli
