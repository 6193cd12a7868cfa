#include <cstring>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "engine/format.h"
#include "tests/fuzz/mutate.h"

namespace drawbar::fuzz {
namespace {

using Json = nlohmann::json;
using engine_format::Header;

/// The file of these sections and this manifest, with hashes that fit.
std::string assemble(Json manifest,
                     const std::vector<std::pair<std::string, std::string>>& sections,
                     const Seeds& seeds, Random& random) {
  std::string file(sizeof(Header), '\0');
  for (const auto& [name, bytes] : sections) {
    file.resize((file.size() + engine_format::alignment - 1) / engine_format::alignment *
                engine_format::alignment);
    manifest["sections"][name] = {
        {"offset", file.size()}, {"bytes", bytes.size()}, {"hash", hash_bytes(bytes).hex()}};
    file += bytes;
  }
  file.resize((file.size() + engine_format::alignment - 1) / engine_format::alignment *
              engine_format::alignment);
  std::string text = manifest.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (below(random, 4) == 0) text = mutate_text(text, seeds, random);
  Header header{};
  std::memcpy(header.magic, engine_format::magic, sizeof header.magic);
  header.version = engine_format::version;
  header.header_bytes = sizeof header;
  header.manifest_offset = file.size();
  header.manifest_bytes = text.size();
  header.file_bytes = file.size() + text.size();
  header.manifest_hash = hash_bytes(text);
  header.header_hash = hash_bytes(&header, sizeof header - sizeof header.header_hash).low;
  std::memcpy(file.data(), &header, sizeof header);
  return file + text;
}

}  // namespace

std::string mutate_engine(const std::string& bytes, const Seeds& seeds, Random& random) {
  if (below(random, 4) == 0 || bytes.size() < sizeof(Header))
    return mutate_bytes(bytes, seeds, random);
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const Json manifest = Json::parse(bytes.substr(header.manifest_offset), nullptr, false);
  if (manifest.is_discarded()) return mutate_bytes(bytes, seeds, random);
  std::vector<std::pair<std::string, std::string>> sections;
  for (const auto& [name, entry] : manifest.at("sections").items()) {
    sections.emplace_back(name, bytes.substr(entry.at("offset"), entry.at("bytes")));
  }
  const size_t chosen = below(random, sections.size() + 1);
  if (chosen < sections.size()) {
    auto& [name, content] = sections[chosen];
    const bool text = name == "graph" || name == "program";
    content = text ? mutate_text(content, seeds, random) : mutate_bytes(content, seeds, random);
    if (below(random, 8) == 0) name += "x";
  }
  return assemble(manifest, sections, seeds, random);
}

}  // namespace drawbar::fuzz
