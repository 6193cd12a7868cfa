#pragma once

#include <span>
#include <stdexcept>
#include <string_view>

namespace drawbar::fuzz {

/// What no bytes may bring about: an INTERNAL error, a graph that breaks its own rules, a text form
/// that does not read back.
struct Defect : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One way into the program for untrusted bytes. `feed` returns for every answer that is right:
/// true where the bytes were taken, false where they were refused. It throws Defect otherwise.
struct Parser {
  std::string_view name;
  bool (*feed)(std::string_view bytes);
};

/// "onnx": import, verify, print, parse. "run": import, compile and run on the CPU, where the model
/// is small; "strings", "sequences" and "trees": the same, of other seeds. "text": parse, verify,
/// print, parse. "engine": load with all hashes checked, and run. "npz": read every array.
/// "tfrecord": check and parse every record.
std::span<const Parser> parsers();
const Parser& parser_named(std::string_view name);  // throws std::invalid_argument

}  // namespace drawbar::fuzz
