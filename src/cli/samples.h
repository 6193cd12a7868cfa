#pragma once

#include <memory>
#include <string>

#include "precision/calibrate.h"

namespace drawbar::cli {

struct SampleOptions {
  std::string preprocess;        // of images
  size_t most = 0;               // samples, spread evenly over the source; 0: all
  bool skip_unreadable = false;  // else the first sample that cannot be used is refused
};

/// Samples that know where they come from and, where that says it, their class.
class NamedSamples : public SampleSource {
 public:
  virtual std::string name(size_t i) const = 0;  // the file, and the place in it
  /// Of an image or .npy or .npz file in a folder, the digits before the first '_' of its name; of
  /// a piece of an .npz file, its `label`; of a record, its image/class/label less 1. Throws
  /// INVALID_ARGUMENT naming the sample where there is none.
  virtual int64_t label(size_t i) const = 0;
};

/// The samples of a source, for a graph whose inputs are tensors, each a run's inputs:
///   a folder of images (.jpg, .jpeg, .png, .bmp, .webp), as `--preprocess` makes them, or .npy
///     files, as they are, for one input; or .npz files with an array for each input; in the order
///     of their names;
///   an .npz file, or an .npy file for one input, with many samples along the first axis: pieces as
///     large as the input's first dimension, 1 where that is free; an array `label` that is no
///     input counts as the classes;
///   a TFRecord file in ImageNet's layout, or a folder of such (.tfrecord, or NAME-NNNNN-of-NNNNN),
///     for one input, its images as `--preprocess` makes them.
/// Throws INVALID_ARGUMENT naming the source; `sample` naming file, array and what is wrong. With
/// `skip_unreadable` such samples are found now, named on standard error and left out. `name`,
/// `label` and `sample` are thread-safe.
std::unique_ptr<NamedSamples> open_samples(const std::string& source, const Graph& graph,
                                           const SampleOptions& options);

/// The class of each sample, with `offset` added: a wrong name is told before anything runs.
std::vector<int64_t> classes_of(const NamedSamples& samples, int offset);

}  // namespace drawbar::cli
