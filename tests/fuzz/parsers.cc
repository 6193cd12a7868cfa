#include "tests/fuzz/parsers.h"

#include <iterator>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/npy.h"
#include "base/npz.h"
#include "base/tfrecord.h"
#include "drawbar/session.h"
#include "import/importer.h"
#include "ir/text.h"
#include "passes/pipeline.h"
#include "targets/target.h"

namespace drawbar::fuzz {
namespace {

constexpr int64_t most_elements = 1 << 18;  // of one value of a model that is run
constexpr int64_t symbol_value = 2;

using Constants = std::map<std::string, ConstantPtr, std::less<>>;

void collect(const Graph& graph, Constants& constants) {
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    const ConstantPtr& constant = graph.value(id).constant;
    if (constant && !constant->description()) constants.emplace(constant->hash().hex(), constant);
  }
  for (NodeId id : graph.order()) {
    for (const GraphPtr& subgraph : graph.node(id).subgraphs) collect(*subgraph, constants);
  }
}

void check_text(const Graph& graph) {
  Constants constants;
  collect(graph, constants);
  const std::string text = print(graph);
  std::string again;
  try {
    again = print(parse(text, [&](std::string_view hash, ElementType, const Shape&) {
      const auto found = constants.find(hash);
      return found == constants.end() ? nullptr : found->second;
    }));
  } catch (const Error& error) {
    throw Defect("the text form does not read back: " + error.message() + "\n" + text);
  }
  if (again != text) throw Defect("the text form changes when read back:\n" + text + "\n" + again);
}

/// Runs f; an error is an answer unless it says that we are wrong.
template <class F>
bool answer(const F& f) {
  try {
    f();
    return true;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw Defect(error.message());
    return false;
  }
}

/// Whether every value is small once symbols are numbers.
bool is_small(const Graph& graph, const Bindings& bindings) {
  const Graph concrete = graph.specialize(bindings);
  int64_t total = 0;
  for (ValueId id = 0; id < concrete.value_count(); ++id) {
    const Type& type = concrete.value(id).type;
    if (!type.is_static()) continue;
    const Dim size = type.tensor.size();
    if (size.value() > most_elements || (total += size.value()) > 4 * most_elements) return false;
  }
  return concrete.node_count() <= 500;
}

Bindings small_bindings(const Graph& graph) {
  Bindings bindings;
  for (ValueId id : graph.inputs()) {
    std::set<std::string> symbols;
    for (const Dim& dim : graph.value(id).type.tensor.dims) dim.collect_symbols(symbols);
    for (const std::string& symbol : symbols) bindings.emplace(symbol, symbol_value);
  }
  return bindings;
}

constexpr std::string_view awkward_texts[] = {"",
                                              "a",
                                              "ant bee,cat",
                                              "a@b.org",
                                              "-1e309",
                                              "NaN",
                                              "0x1F",
                                              "7",
                                              "\xff\xfe",
                                              "\xf0\x9f\x9a\x9c \xc3\x9f",
                                              "ANT,,",
                                              "k0",
                                              "\n",
                                              "12345678901234567890"};

std::optional<Tensor> make_value(const Type& type);

/// A sequence of three, an optional of one or a map of three keys.
std::optional<Tensor> make_compound(const Type& type) {
  std::vector<Type> parts(type.kind == Tensor::Kind::sequence ? 3 : 1, *type.element);
  if (type.kind == Tensor::Kind::map) {
    if (!type.element->is_tensor()) return std::nullopt;
    parts = {Type(type.key, {Dim(3)}), Type(type.element->tensor.element, {Dim(3)})};
  }
  std::vector<Tensor> elements;
  for (const Type& part : parts) {
    std::optional<Tensor> made = make_value(part);
    if (!made) return std::nullopt;
    elements.push_back(std::move(*made));
  }
  return Tensor::compound(type.kind, std::move(elements));
}

/// Small numbers and awkward texts; nothing where no value of that type can be made.
std::optional<Tensor> make_value(const Type& type) {
  if (!type.is_tensor()) return make_compound(type);
  if (kind(type.tensor.element) == ElementKind::complex) return std::nullopt;
  Shape shape;
  for (const Dim& dim : type.tensor.dims)
    shape.push_back(dim.is_constant() ? dim.value() : symbol_value);
  if (!type.tensor.ranked) shape = {symbol_value};
  if (element_count(shape) > most_elements) return std::nullopt;
  Tensor tensor = Tensor::allocate(type.tensor.element, shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (tensor.type() == ElementType::string) {
      tensor.data<std::string>()[i] =
          awkward_texts[static_cast<size_t>(i) % std::size(awkward_texts)];
    } else {
      write_integer(tensor, i, (i * 7 + 1) % 5 % 2);
    }
  }
  return tensor;
}

std::optional<std::vector<Tensor>> make_inputs(const Graph& graph, const Bindings& bindings) {
  std::vector<Tensor> inputs;
  for (ValueId id : graph.inputs()) {
    const Type type = substitute(graph.value(id).type, bindings);
    if (type.is_tensor() && !type.is_static()) return std::nullopt;
    std::optional<Tensor> made = make_value(type);
    if (!made) return std::nullopt;
    inputs.push_back(std::move(*made));
  }
  return inputs;
}

void run(const std::shared_ptr<Engine>& engine) {
  const Bindings bindings = small_bindings(engine->graph());
  if (!is_small(engine->graph(), bindings)) return;
  const auto inputs = make_inputs(engine->graph(), bindings);
  if (!inputs) return;
  RunOptions options;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  options.memory_budget = 64 << 20;
  Session(engine, {.threads = 1}).run(*inputs, options);
}

bool feed_onnx(std::string_view bytes) {
  return answer([&] {
    const Graph graph = import_bytes(bytes);
    verify(graph);
    check_text(graph);
  });
}

bool feed_run(std::string_view bytes) {
  return answer([&] {
    Graph graph = import_bytes(bytes);
    if (!is_small(graph, small_bindings(graph))) return;
    PassOptions passes;
    passes.fold_budget = 1 << 20;
    passes.verify = true;
    const auto optimized = std::make_shared<const Graph>(optimize(std::move(graph), passes));
    CompileOptions options;
    options.time_tactics = false;
    run(Engine::compile(optimized, "cpu", options));
  });
}

bool feed_text(std::string_view bytes) {
  return answer([&] {
    const Graph graph = parse(bytes);
    verify(graph);
    check_text(graph);
  });
}

bool feed_engine(std::string_view bytes) {
  const int file = memfd_create("engine", MFD_CLOEXEC);
  if (file < 0) throw Defect("no file in memory");
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = write(file, bytes.data() + at, bytes.size() - at);
    if (written <= 0) throw Defect("the file in memory cannot be written");
    at += static_cast<size_t>(written);
  }
  const std::string path = fmt::format("/proc/self/fd/{}", file);
  try {
    const bool taken = answer([&] { run(Engine::load(path, true)); });
    close(file);
    return taken;
  } catch (...) {
    close(file);
    throw;
  }
}

bool feed_npz(std::string_view bytes) {
  const bool taken = answer([&] {
    const Npz npz = Npz::parse(bytes);
    for (const std::string& name : npz.names()) npz.read(name);
  });
  // Few mutants have right checksums: what stands behind them is fed as well.
  const size_t magic = bytes.find("\x93NUMPY");
  if (magic != std::string_view::npos) answer([&] { parse_npy(bytes.substr(magic)); });
  return taken;
}

bool feed_tfrecord(std::string_view bytes) {
  const bool taken = answer([&] {
    const TfRecords records = TfRecords::parse(bytes);
    for (size_t i = 0; i < records.size(); ++i) parse_image_example(records.record(i), true);
  });
  if (bytes.size() > 12) answer([&] { parse_image_example(bytes.substr(12), true); });
  return taken;
}

constexpr Parser all[] = {
    {"onnx", feed_onnx},     {"run", feed_run},     {"text", feed_text},
    {"engine", feed_engine}, {"strings", feed_run}, {"sequences", feed_run},
    {"trees", feed_run},     {"npz", feed_npz},     {"tfrecord", feed_tfrecord}};

}  // namespace

std::span<const Parser> parsers() { return all; }

const Parser& parser_named(std::string_view name) {
  for (const Parser& parser : all) {
    if (parser.name == name) return parser;
  }
  throw std::invalid_argument("no parser '" + std::string(name) + "'");
}

}  // namespace drawbar::fuzz
