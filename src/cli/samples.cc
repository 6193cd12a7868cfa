#include "cli/samples.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "base/error.h"
#include "base/npy.h"
#include "base/npz.h"
#include "base/tfrecord.h"
#include "cli/preprocess.h"

namespace drawbar::cli {
namespace {

namespace fs = std::filesystem;

using Inputs = std::vector<Value>;

constexpr std::string_view label_array = "label";

/// All that a source holds.
class Source {
 public:
  virtual ~Source() = default;
  virtual size_t size() const = 0;
  virtual std::string name(size_t i) const = 0;
  virtual std::vector<Tensor> read(size_t i) const = 0;
  virtual int64_t label(size_t i) const = 0;
};

bool is_image(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png" ||
         extension == ".bmp" || extension == ".webp";
}

bool is_array(const fs::path& path) {
  return path.extension() == ".npy" || path.extension() == ".npz";
}

/// NAME.tfrecord, or a shard as ImageNet's script calls them: train-00000-of-01024.
bool is_records(const fs::path& path) {
  const std::string name = path.filename().string();
  const size_t of = name.rfind("-of-");
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (path.extension() == ".tfrecord") return true;
  if (of == std::string::npos || !digits(std::string_view(name).substr(of + 4))) return false;
  const size_t before = name.rfind('-', of - 1);
  return of > 0 && before != std::string::npos &&
         digits(std::string_view(name).substr(before + 1, of - before - 1));
}

const Value& only_input(const Inputs& inputs, const std::string& path) {
  if (inputs.size() != 1) {
    fail(ErrorCode::invalid_argument, "{}: the model has {} inputs, which need .npz files", path,
         inputs.size());
  }
  return inputs[0];
}

/// Refuses what is not of the input's type and shape, or not finite. `place` is the file, and the
/// array in it.
Tensor checked(Tensor sample, const Value& input, const std::string& place) {
  const TensorType& type = input.type.tensor;
  if (sample.type() != type.element) {
    fail(ErrorCode::invalid_argument, "{}: {}, input '{}' is {}", place,
         to_string(Type::of(sample)), input.name, to_string(input.type));
  }
  bool fits = !type.ranked || type.rank() == sample.rank();
  for (int64_t axis = 0; type.ranked && fits && axis < type.rank(); ++axis) {
    const Dim& dim = type.dims[static_cast<size_t>(axis)];
    fits = !dim.is_constant() || dim.value() == sample.dim(axis);
  }
  if (!fits) {
    fail(ErrorCode::invalid_argument, "{}: shape {}, input '{}' is {}", place,
         to_string(sample.shape()), input.name, to_string(input.type));
  }
  if (kind(sample.type()) == ElementKind::floating) {
    for (int64_t i = 0; i < sample.size(); ++i) {
      if (!std::isfinite(read_number(sample, i)))
        fail(ErrorCode::invalid_argument, "{}: holds numbers that are not finite", place);
    }
  }
  return sample;
}

/// How images become the model's one input.
class ImageReader {
 public:
  ImageReader(const Inputs& inputs, const std::string& how) : inputs_(inputs) {
    if (!how.empty()) how_ = Preprocess::parse(how);
  }

  template <class Read>
  Tensor read(const std::string& place, const Read& image) const {
    if (!how_) {
      fail(ErrorCode::invalid_argument,
           "{}: images need --preprocess (see `drawbar compile --help`)", place);
    }
    const Value& input = only_input(inputs_, place);
    return checked(preprocess(image(), *how_, input.type.tensor.element), input, place);
  }

 private:
  const Inputs& inputs_;
  std::optional<Preprocess> how_;
};

std::string place_of(const std::string& path, const std::string& array) {
  return path + ": array '" + array + "'";
}

/// Arrays that no input is called after, `label` aside, are refused: a misspelt name is one.
void check_names(const Npz& archive, const Inputs& inputs, const std::string& path) {
  const auto& names = archive.names();
  for (const Value& input : inputs) {
    if (std::find(names.begin(), names.end(), input.name) == names.end())
      fail(ErrorCode::invalid_argument, "{}: no array '{}' for the input", path, input.name);
  }
  for (const std::string& name : names) {
    if (name != label_array && std::none_of(inputs.begin(), inputs.end(), [&](const Value& input) {
          return input.name == name;
        })) {
      fail(ErrorCode::invalid_argument, "{}: array '{}', the model has no such input", path, name);
    }
  }
}

/// A file a sample.
class Folder : public Source {
 public:
  Folder(std::vector<fs::path> files, const Inputs& inputs, const std::string& how)
      : files_(std::move(files)), inputs_(inputs), images_(inputs, how) {}

  size_t size() const override { return files_.size(); }
  std::string name(size_t i) const override { return files_[i].string(); }

  std::vector<Tensor> read(size_t i) const override {
    const std::string path = name(i);
    if (files_[i].extension() == ".npz") {
      const Npz archive(path);
      check_names(archive, inputs_, path);
      std::vector<Tensor> sample;
      for (const Value& input : inputs_)
        sample.push_back(checked(archive.read(input.name), input, place_of(path, input.name)));
      return sample;
    }
    if (files_[i].extension() == ".npy")
      return {checked(read_npy(path), only_input(inputs_, path), path)};
    return {images_.read(path, [&] { return read_image(path); })};
  }

  int64_t label(size_t i) const override {
    const std::string name = files_[i].filename().string();
    const size_t end = name.find('_');
    if (end == std::string::npos || end == 0 || end > 9 ||
        !std::all_of(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(end),
                     [](unsigned char c) { return std::isdigit(c); })) {
      fail(ErrorCode::invalid_argument, "{}: its name does not begin with a class index and '_'",
           files_[i].string());
    }
    return std::stoll(name.substr(0, end));
  }

 private:
  std::vector<fs::path> files_;
  const Inputs& inputs_;
  ImageReader images_;
};

/// Arrays with many samples along the first axis.
class Pieces : public Source {
 public:
  Pieces(const std::string& path, const Inputs& inputs) : path_(path), inputs_(inputs) {
    if (fs::path(path).extension() == ".npy") {
      only_input(inputs, path);
      add(read_npy(path), path);
    } else {
      const Npz archive(path);
      check_names(archive, inputs, path);
      for (const Value& input : inputs) add(archive.read(input.name), place_of(path, input.name));
      read_labels(archive);
    }
    if (size_ == 0) fail(ErrorCode::invalid_argument, "{}: holds no samples", path);
  }

  size_t size() const override { return size_; }
  std::string name(size_t i) const override { return fmt::format("{}: sample {}", path_, i); }

  std::vector<Tensor> read(size_t i) const override {
    std::vector<Tensor> sample;
    for (size_t k = 0; k < inputs_.size(); ++k) {
      const Tensor& whole = arrays_[k];
      Shape shape = whole.shape();
      shape[0] = rows_[k];
      Tensor piece = Tensor::allocate(whole.type(), shape);
      if (whole.type() == ElementType::string) {
        const auto texts = whole.values<std::string>().subspan(
            i * static_cast<size_t>(piece.size()), static_cast<size_t>(piece.size()));
        std::copy(texts.begin(), texts.end(), piece.data<std::string>());
      } else {
        std::copy_n(static_cast<const char*>(whole.raw()) + static_cast<int64_t>(i) * piece.bytes(),
                    piece.bytes(), static_cast<char*>(piece.raw()));
      }
      sample.push_back(checked(std::move(piece), inputs_[k],
                               fmt::format("{}: array '{}'", name(i), inputs_[k].name)));
    }
    return sample;
  }

  int64_t label(size_t i) const override {
    if (!labels_.has_value()) {
      fail(ErrorCode::invalid_argument, "{}: no classes: expected an .npz with an array '{}'",
           path_, label_array);
    }
    return read_integer(labels_, static_cast<int64_t>(i));
  }

 private:
  void add(Tensor array, const std::string& place) {
    const Value& input = inputs_[arrays_.size()];
    const TensorType& type = input.type.tensor;
    const bool constant = type.ranked && type.rank() > 0 && type.dims[0].is_constant();
    const int64_t rows = constant ? type.dims[0].value() : 1;
    if (array.rank() == 0 || rows < 1 || array.dim(0) % rows != 0) {
      fail(ErrorCode::invalid_argument, "{}: shape {} cannot be cut into pieces for input '{}', {}",
           place, to_string(array.shape()), input.name, to_string(input.type));
    }
    const auto pieces = static_cast<size_t>(array.dim(0) / rows);
    if (!arrays_.empty() && pieces != size_) {
      fail(ErrorCode::invalid_argument, "{}: {} samples, the arrays before have {}", place, pieces,
           size_);
    }
    size_ = pieces;
    rows_.push_back(rows);
    arrays_.push_back(std::move(array));
  }

  void read_labels(const Npz& archive) {
    const auto is_label = [](const auto& name) { return name == label_array; };
    if (std::none_of(archive.names().begin(), archive.names().end(), is_label) ||
        std::any_of(inputs_.begin(), inputs_.end(),
                    [&](const Value& input) { return is_label(input.name); })) {
      return;
    }
    labels_ = archive.read(label_array);
    if (kind(labels_.type()) != ElementKind::signed_integer &&
        kind(labels_.type()) != ElementKind::unsigned_integer) {
      fail(ErrorCode::invalid_argument, "{}: {}, expected integers",
           place_of(path_, std::string(label_array)), to_string(Type::of(labels_)));
    }
    if (labels_.size() != static_cast<int64_t>(size_)) {
      fail(ErrorCode::invalid_argument, "{}: {} classes of {} samples",
           place_of(path_, std::string(label_array)), labels_.size(), size_);
    }
  }

  std::string path_;
  const Inputs& inputs_;
  size_t size_ = 0;
  std::vector<Tensor> arrays_;
  std::vector<int64_t> rows_;  // of a piece
  Tensor labels_;
};

/// Records of one or more files; a file's records are found when it is opened, none is kept.
class Records : public Source {
 public:
  Records(const std::vector<fs::path>& files, const Inputs& inputs, const std::string& how)
      : images_(inputs, how) {
    for (const fs::path& file : files) {
      paths_.push_back(file.string());
      files_.emplace_back(paths_.back());
      ends_.push_back(size() + files_.back().size());
    }
    if (size() == 0) fail(ErrorCode::invalid_argument, "{}: holds no records", paths_[0]);
  }

  size_t size() const override { return ends_.empty() ? 0 : ends_.back(); }

  std::string name(size_t i) const override {
    const auto [file, k] = find(i);
    return fmt::format("{}: record at byte {}", paths_[file], files_[file].offset(k));
  }

  std::vector<Tensor> read(size_t i) const override {
    const std::string_view encoded = example(i, false).encoded;
    return {images_.read(name(i), [&] { return decode_image(encoded, name(i)); })};
  }

  int64_t label(size_t i) const override { return example(i, true).label - 1; }

 private:
  std::pair<size_t, size_t> find(size_t i) const {
    const auto file =
        static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), i) - ends_.begin());
    return {file, i - (file == 0 ? 0 : ends_[file - 1])};
  }

  ImageExample example(size_t i, bool with_label) const {
    const auto [file, k] = find(i);
    const std::string_view record = files_[file].record(k);
    try {
      return parse_image_example(record, with_label);
    } catch (const Error& error) {
      throw error.at(name(i));
    }
  }

  ImageReader images_;
  std::vector<std::string> paths_;
  std::vector<TfRecords> files_;
  std::vector<size_t> ends_;  // of each file's records among all
};

std::unique_ptr<Source> open(const std::string& path, const Inputs& inputs,
                             const std::string& how) {
  if (!fs::is_directory(path)) {
    if (is_array(path)) return std::make_unique<Pieces>(path, inputs);
    return std::make_unique<Records>(std::vector<fs::path>{path}, inputs, how);
  }
  std::vector<fs::path> files, records;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    if (is_image(entry.path()) || is_array(entry.path())) files.push_back(entry.path());
    if (is_records(entry.path())) records.push_back(entry.path());
  }
  if (error) fail(ErrorCode::invalid_argument, "{}: {}", path, error.message());
  if (files.empty() == records.empty()) {
    fail(ErrorCode::invalid_argument, "{}: {}", path,
         files.empty() ? "no images, no .npy, .npz or .tfrecord files"
                       : "holds TFRecords and other samples, expected one kind");
  }
  std::sort(files.begin(), files.end());
  std::sort(records.begin(), records.end());
  if (!records.empty()) return std::make_unique<Records>(records, inputs, how);
  return std::make_unique<Folder>(std::move(files), inputs, how);
}

/// Those of a source that are used.
class Samples : public NamedSamples {
 public:
  Samples(const std::string& path, Inputs inputs, const SampleOptions& options)
      : inputs_(std::move(inputs)), source_(open(path, inputs_, options.preprocess)) {
    const size_t all = source_->size();
    chosen_.resize(options.most > 0 ? std::min(options.most, all) : all);
    for (size_t i = 0; i < chosen_.size(); ++i) chosen_[i] = i * all / chosen_.size();
    if (options.skip_unreadable) leave_out_unreadable(path);
  }

  size_t size() const override { return chosen_.size(); }
  std::string name(size_t i) const override { return source_->name(chosen_[i]); }
  int64_t label(size_t i) const override { return source_->label(chosen_[i]); }
  std::vector<Tensor> sample(size_t i) override { return source_->read(chosen_[i]); }

 private:
  void leave_out_unreadable(const std::string& path) {
    const size_t skipped = std::erase_if(chosen_, [&](size_t i) {
      try {
        source_->read(i);
        return false;
      } catch (const Error& why) {
        fmt::print(stderr, "skipped: {}\n", why.what());
        return true;
      }
    });
    if (skipped > 0)
      fmt::print(stderr, "{}: {} samples skipped, {} used\n", path, skipped, chosen_.size());
  }

  const Inputs inputs_;
  std::unique_ptr<Source> source_;
  std::vector<size_t> chosen_;
};

}  // namespace

std::unique_ptr<NamedSamples> open_samples(const std::string& source, const Graph& graph,
                                           const SampleOptions& options) {
  Inputs inputs;
  for (ValueId id : graph.inputs()) {
    inputs.push_back(graph.value(id));
    if (!inputs.back().type.is_tensor()) {
      fail(ErrorCode::unsupported, "{}: input '{}' is {}, expected a tensor", source,
           inputs.back().name, to_string(inputs.back().type));
    }
  }
  if (inputs.empty()) fail(ErrorCode::unsupported, "{}: the model has no inputs", source);
  return std::make_unique<Samples>(source, std::move(inputs), options);
}

std::vector<int64_t> classes_of(const NamedSamples& samples, int offset) {
  std::vector<int64_t> classes;
  for (size_t i = 0; i < samples.size(); ++i) classes.push_back(samples.label(i) + offset);
  return classes;
}

}  // namespace drawbar::cli
