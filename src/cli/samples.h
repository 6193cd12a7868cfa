#pragma once

#include <memory>
#include <string>

#include "precision/calibrate.h"

namespace drawbar::cli {

struct SampleOptions {
  std::string preprocess;        // of images
  size_t most = 0;               // samples, spread evenly over the source; 0: all
  bool skip_unreadable = false;  // else the first file that cannot be used is refused
};

/// Samples that come from a file each.
class FileSamples : public SampleSource {
 public:
  virtual std::string file(size_t i) const = 0;
};

/// The samples of a folder, for a graph with one input: images (.jpg, .jpeg, .png, .bmp, .webp) as
/// `--preprocess` makes them, or .npy files as they are; in the order of their names. Throws
/// INVALID_ARGUMENT naming the folder; `sample` naming the file and what is wrong with it. With
/// `skip_unreadable` such files are found now, named on standard error and left out.
std::unique_ptr<FileSamples> open_samples(const std::string& folder, const Graph& graph,
                                          const SampleOptions& options);

}  // namespace drawbar::cli
