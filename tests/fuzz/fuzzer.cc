// The entry of libFuzzer, for the parser that the build names.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/parsers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const drawbar::fuzz::Parser& parser = drawbar::fuzz::parser_named(DRAWBAR_FUZZ_PARSER);
  parser.feed({reinterpret_cast<const char*>(data), size});  // what it throws ends the process
  return 0;
}
