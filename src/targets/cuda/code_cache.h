#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "targets/target.h"

namespace drawbar::cuda {

/// Compiled device code by architecture and the hash of its source, and plans of libraries by a
/// name of theirs ("cudnn …"); shared by the plans of a program and saved in the engine.
/// Thread-safe; what two ask for at once may be compiled twice.
class CodeCache {
 public:
  /// Compiles the source where it is not there.
  Section get(const std::string& source, const std::string& architecture);
  /// What engines keep, by name; code of the emulation, which is the host's, never is.
  std::map<std::string, Section> saved() const;
  /// From an engine, or a library's plan: a section that is none of saved()'s is ignored.
  void add(const std::string& name, Section section);
  /// A section that was added; whether it is whole is unknown.
  std::optional<Section> find(const std::string& name) const;
  /// Of the code that is there, one of the architectures; nothing where there is none.
  std::optional<std::string> architecture() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Section> code_;
};

}  // namespace drawbar::cuda
