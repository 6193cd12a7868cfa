#include "targets/cuda/launch.h"

#include <set>

#include "base/error.h"
#include "base/hash.h"

namespace drawbar::cuda {
namespace {

std::string_view known_code_name(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return "float";
    case ElementType::f64:
      return "double";
    case ElementType::f16:
      return "f16";
    case ElementType::bf16:
      return "bf16";
    case ElementType::f8e4m3fn:
      return "f8e4m3";
    case ElementType::i8:
      return "signed char";
    case ElementType::i16:
      return "short";
    case ElementType::i32:
      return "int";
    case ElementType::i64:
      return "long long";
    case ElementType::u8:
      return "unsigned char";
    case ElementType::u16:
      return "unsigned short";
    case ElementType::u32:
      return "unsigned";
    case ElementType::u64:
      return "unsigned long long";
    case ElementType::boolean:
      return "boolean";
    default:
      return {};
  }
}

}  // namespace

bool has_code_name(ElementType type) { return !known_code_name(type).empty(); }

std::string_view code_name(ElementType type) {
  const std::string_view result = known_code_name(type);
  if (result.empty())
    fail(ErrorCode::internal, "device code has no type for {}", drawbar::name(type));
  return result;
}

Launch launch_along_x(std::string file, std::string call, int64_t blocks, int64_t threads,
                      std::vector<Argument> arguments) {
  Launch launch;
  launch.file = std::move(file);
  launch.call = std::move(call);
  launch.grid.x = blocks;
  launch.block.x = threads;
  launch.arguments = std::move(arguments);
  return launch;
}

std::string Launch::name() const {
  if (!image.empty()) return fmt::format("{} at {}", call, fmt::ptr(image.data()));
  std::string what = file + "\n" + call + fmt::format("\n{}", block.size());
  for (const std::string& piece : preface) what += "\n" + piece;
  for (const Argument& argument : arguments)
    what += fmt::format("\n{}{}", argument.source == Argument::Source::input ? "const " : "",
                        code_name(argument.type));
  std::string stem = call.substr(0, call.find('<'));
  for (char& c : stem) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return stem + "_" + hash_bytes(what).hex().substr(0, 16);
}

std::string Launch::code() const {
  std::string parameters, passed;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const bool read = arguments[i].source == Argument::Source::input ||
                      arguments[i].source == Argument::Source::packed;
    parameters += fmt::format("{}{}{}* p{}", i ? ", " : "", read ? "const " : "",
                              code_name(arguments[i].type), i);
    passed += fmt::format("{}p{}", i ? ", " : "", i);
  }
  return fmt::format("DRAWBAR_KERNEL({}, {}, ({}), {}({}))\n", name(), block.size(), parameters,
                     call, passed);
}

std::string source_of(const std::vector<const Launch*>& launches) {
  std::string includes = "#include \"targets/cuda/code/device.cuh\"\n", code;
  std::set<std::string> files, prefaces, names;
  for (const Launch* launch : launches) {
    if (!launch->file.empty() && files.insert(launch->file).second)
      includes += fmt::format("#include \"{}\"\n", launch->file);
    for (const std::string& piece : launch->preface) {
      if (prefaces.insert(piece).second) code += piece + "\n";
    }
    if (names.insert(launch->name()).second) code += launch->code();
  }
  return includes + code;
}

}  // namespace drawbar::cuda
