#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "base/checked.h"
#include "base/mapped_file.h"
#include "drawbar/engine.h"
#include "engine/format.h"
#include "ir/text.h"
#include "targets/partitioned_program.h"

namespace drawbar {

using Json = nlohmann::json;
using engine_format::Header;

namespace {

constexpr size_t largest_manifest = size_t{256} << 20;

[[noreturn]] void damaged(const std::string& what) {
  fail(ErrorCode::invalid_model, "damaged: {}", what);
}

/// Constants that stand outside the graph's text, by hash; subgraphs included.
void collect_constants(const Graph& graph, const std::string& text,
                       std::map<std::string, ConstantPtr>& found) {
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    const ConstantPtr& constant = graph.value(id).constant;
    if (!constant || constant->description() || graph.value(id).uses.empty()) continue;
    if (element_count(constant->shape()) <= 64 && kind(constant->type()) != ElementKind::complex)
      continue;
    found.emplace(constant->hash().hex(), constant);
  }
  for (ValueId id : graph.outputs()) {
    const ConstantPtr& constant = graph.value(id).constant;
    if (constant && !constant->description() &&
        text.find(constant->hash().hex()) != std::string::npos) {
      found.emplace(constant->hash().hex(), constant);
    }
  }
  for (NodeId id : graph.order()) {
    for (const GraphPtr& subgraph : graph.node(id).subgraphs)
      collect_constants(*subgraph, text, found);
  }
}

/// Strings are stored as their lengths (64 bits each) followed by their bytes.
std::string pack_strings(const Tensor& tensor) {
  std::string bytes;
  for (const std::string& text : tensor.values<std::string>()) {
    const uint64_t length = text.size();
    bytes.append(reinterpret_cast<const char*>(&length), sizeof length);
  }
  for (const std::string& text : tensor.values<std::string>()) bytes += text;
  return bytes;
}

Tensor unpack_strings(const Shape& shape, const Section& section) {
  const auto count = static_cast<uint64_t>(element_count(shape));
  if (count > section.bytes / 8) damaged("a section of strings is too short");
  Tensor tensor = Tensor::allocate(ElementType::string, shape);
  const auto* bytes = reinterpret_cast<const char*>(section.data.get());
  uint64_t at = count * 8;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t length;
    std::memcpy(&length, bytes + i * 8, 8);
    if (length > section.bytes - at) damaged("a section of strings is too short");
    tensor.data<std::string>()[i].assign(bytes + at, length);
    at += length;
  }
  return tensor;
}

}  // namespace

/// Reads and writes engines; a friend of Engine.
class EngineFile {
 public:
  static void save(const Engine& engine, const std::string& path);
  static std::shared_ptr<Engine> load(const std::string& path, bool verify);

 private:
  struct Writer {
    AtomicFile file;
    Json sections = Json::object();

    void pad() {
      static const char zeros[engine_format::alignment] = {};
      const size_t over = file.position() % engine_format::alignment;
      if (over) file.write(zeros, engine_format::alignment - over);
    }
    void section(const std::string& name, const void* data, size_t bytes) {
      pad();
      sections[name] = {
          {"offset", file.position()}, {"bytes", bytes}, {"hash", hash_bytes(data, bytes).hex()}};
      file.write(data, bytes);
    }
  };

  static Header read_header(const MappedFile& file);
  static std::map<std::string, Section> read_sections(const MappedFile& file, const Json& manifest,
                                                      uint64_t end);
};

void EngineFile::save(const Engine& engine, const std::string& path) {
  Writer writer{AtomicFile(path)};
  Header header{};
  writer.file.write(&header, sizeof header);
  const std::string text = print(*engine.graph_);
  writer.section("graph", text.data(), text.size());
  std::map<std::string, ConstantPtr> constants;
  collect_constants(*engine.graph_, text, constants);
  for (const auto& [hash, constant] : constants) {
    const Tensor& tensor = constant->tensor();
    if (tensor.type() == ElementType::string) {
      const std::string packed = pack_strings(tensor);
      writer.section("weights/" + hash, packed.data(), packed.size());
    } else {
      writer.section("weights/" + hash, tensor.raw(), static_cast<size_t>(tensor.bytes()));
    }
  }
  const ProgramImage image = engine.program_->save();
  writer.section("program", image.text.data(), image.text.size());
  for (const auto& [name, section] : image.sections)
    writer.section("program/" + name, section.data.get(), section.bytes);
  writer.pad();
  const EngineInfo& info = engine.info_;
  const Json manifest = {
      {"target", engine.target_},
      {"requires", engine.profiles_.empty() ? std::string()
                                            : target_named(engine.target_).device().requirement()},
      {"profiles", engine.profiles_},
      {"threads", engine.threads_},
      {"info",
       {{"source", info.source},
        {"source_hash", info.source_hash},
        {"options", info.options},
        {"built_by", info.built_by},
        {"built_on", info.built_on},
        {"precision", info.precision},
        {"preprocess", info.preprocess}}},
      {"sections", writer.sections},
  };
  const std::string manifest_text = manifest.dump();
  std::memcpy(header.magic, engine_format::magic, sizeof header.magic);
  header.version = engine_format::version;
  header.header_bytes = sizeof header;
  header.manifest_offset = writer.file.position();
  header.manifest_bytes = manifest_text.size();
  header.file_bytes = writer.file.position() + manifest_text.size();
  header.manifest_hash = hash_bytes(manifest_text);
  header.header_hash = hash_bytes(&header, sizeof header - sizeof header.header_hash).low;
  writer.file.write(manifest_text.data(), manifest_text.size());
  writer.file.overwrite(0, &header, sizeof header);
  writer.file.commit();
}

Header EngineFile::read_header(const MappedFile& file) {
  Header header;
  if (file.size() < sizeof header ||
      std::memcmp(file.bytes().data(), engine_format::magic, 8) != 0) {
    fail(ErrorCode::invalid_model, "not an engine");
  }
  std::memcpy(&header, file.bytes().data(), sizeof header);
  if (header.version != engine_format::version) {
    fail(ErrorCode::unsupported, "engine format {} (this build reads {}): compile the model again",
         header.version, engine_format::version);
  }
  if (hash_bytes(&header, sizeof header - sizeof header.header_hash).low != header.header_hash) {
    damaged("the header does not match its hash");
  }
  if (header.file_bytes != file.size()) {
    fail(ErrorCode::invalid_model, "truncated: {} of {} bytes", file.size(), header.file_bytes);
  }
  if (header.header_bytes != sizeof header || header.manifest_bytes > largest_manifest ||
      header.manifest_bytes > file.size() ||
      header.manifest_offset != file.size() - header.manifest_bytes) {
    damaged("the header contradicts itself");
  }
  return header;
}

std::map<std::string, Section> EngineFile::read_sections(const MappedFile& file,
                                                         const Json& manifest, uint64_t end) {
  std::map<std::string, Section> sections;
  std::map<uint64_t, uint64_t> extents;
  for (const auto& [name, entry] : manifest.at("sections").items()) {
    const auto offset = entry.at("offset").get<uint64_t>(),
               bytes = entry.at("bytes").get<uint64_t>();
    if (offset % engine_format::alignment || offset < sizeof(Header) || bytes > end ||
        offset > end - bytes) {
      damaged("section '" + name + "' lies outside the file");
    }
    const auto expected = Hash::from_hex(entry.at("hash").get<std::string>());
    if (!expected) damaged("hash of section '" + name + "'");
    sections[name] = {file.at(offset), static_cast<size_t>(bytes), expected};
    if (bytes && !extents.emplace(offset, bytes).second) damaged("sections overlap");
  }
  // The gaps between sections are zeros, so that no byte of the file is without a meaning.
  uint64_t at = sizeof(Header);
  const auto gap = [&](uint64_t until) {
    if (until < at) damaged("sections overlap");
    if (until - at >= engine_format::alignment) damaged("bytes that belong to no section");
    for (; at < until; ++at) {
      if (file.bytes()[at]) damaged("padding is not zero");
    }
  };
  for (const auto& [offset, bytes] : extents) {
    gap(offset);
    at = offset + bytes;
  }
  gap(end);
  return sections;
}

std::shared_ptr<Engine> EngineFile::load(const std::string& path, bool verify) {
  const MappedFile file(path);
  const Header header = read_header(file);
  const std::string_view manifest_text = file.bytes().substr(header.manifest_offset);
  if (hash_bytes(manifest_text) != header.manifest_hash)
    damaged("the manifest does not match its hash");
  auto engine = std::make_shared<Engine>();
  try {
    const Json manifest = Json::parse(manifest_text);
    auto sections = std::make_shared<std::map<std::string, Section>>(
        read_sections(file, manifest, header.manifest_offset));
    if (verify) {
      for (const auto& [name, section] : *sections) section.check(name);
    }
    engine->target_ = manifest.at("target").get<std::string>();
    const auto required = manifest.at("requires").get<std::string>();
    const Target& target = target_named(engine->target_);
    if (!required.empty() && !target.device().satisfies(required)) {
      fail(ErrorCode::unsupported,
           "the engine needs {}, this machine has {}: compile the model here", required,
           target.device().description());
    }
    manifest.at("profiles").get_to(engine->profiles_);
    manifest.at("threads").get_to(engine->threads_);
    const Json& info = manifest.at("info");
    info.at("source").get_to(engine->info_.source);
    info.at("source_hash").get_to(engine->info_.source_hash);
    info.at("options").get_to(engine->info_.options);
    info.at("built_by").get_to(engine->info_.built_by);
    info.at("built_on").get_to(engine->info_.built_on);
    info.at("precision").get_to(engine->info_.precision);
    info.at("preprocess").get_to(engine->info_.preprocess);
    const auto text_of = [&](const char* name) {
      const auto found = sections->find(name);
      if (found == sections->end()) damaged(fmt::format("section '{}' is missing", name));
      found->second.check(name);
      return std::string_view(reinterpret_cast<const char*>(found->second.data.get()),
                              found->second.bytes);
    };
    const ConstantSource source = [&](std::string_view hex, ElementType type,
                                      const Shape& shape) -> ConstantPtr {
      const auto found = sections->find("weights/" + std::string(hex));
      if (found == sections->end()) damaged("constant @" + std::string(hex) + " is missing");
      const Section& section = found->second;
      if (type == ElementType::string) {
        section.check(found->first);
        return std::make_shared<const Constant>(unpack_strings(shape, section));
      }
      if (static_cast<int64_t>(section.bytes) != storage_bytes(type, element_count(shape))) {
        damaged("constant @" + std::string(hex) + " has another size than its type");
      }
      const auto hash = Hash::from_hex(hex);
      if (!hash) damaged("constant @" + std::string(hex) + " has no hash for its name");
      return std::make_shared<const Constant>(type, shape, *hash, [section, type, shape] {
        return Tensor::view(type, shape, const_cast<std::byte*>(section.data.get()), section.data);
      });
    };
    engine->graph_ = std::make_shared<const Graph>(parse(text_of("graph"), source));
    ProgramImage image;
    image.text = text_of("program");
    for (const auto& [name, section] : *sections) {
      if (name.starts_with("program/")) image.sections[name.substr(8)] = section;
    }
    engine->program_ = load_for(target, engine->graph_, std::move(image));
  } catch (const Json::exception& error) {
    damaged(fmt::format("manifest: {}", error.what()));
  }
  return engine;
}

void Engine::save(const std::string& path) const { EngineFile::save(*this, path); }

std::shared_ptr<Engine> Engine::load(const std::string& path, bool verify) {
  try {
    return EngineFile::load(path, verify);
  } catch (const Error& error) {
    throw error.at(path);
  }
}

bool Engine::is_engine(const std::string& path) {
  const MappedFile file(path);
  return file.size() >= 8 && std::memcmp(file.bytes().data(), engine_format::magic, 8) == 0;
}

}  // namespace drawbar
