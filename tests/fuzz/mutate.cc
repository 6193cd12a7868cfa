#include "tests/fuzz/mutate.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace drawbar::fuzz {
namespace {

constexpr size_t longest_mutant = 256 << 10;

struct Range {
  size_t begin, length;
};

Range some_range(const std::string& bytes, Random& random) {
  const size_t begin = below(random, bytes.size() + 1);
  const size_t most = std::min<size_t>(bytes.size() - begin, below(random, 4) ? 16 : 400);
  return {begin, below(random, most + 1)};
}

void change_bytes(std::string& bytes, const Seeds& seeds, Random& random) {
  const Range range = some_range(bytes, random);
  switch (below(random, 8)) {
    case 0:
    case 1:
      if (!bytes.empty())
        bytes[below(random, bytes.size())] ^= static_cast<char>(1 << below(random, 8));
      break;
    case 2:
      if (!bytes.empty()) bytes[below(random, bytes.size())] = static_cast<char>(random());
      break;
    case 3:
      bytes.erase(range.begin, range.length);
      break;
    case 4:
      bytes.insert(range.begin, bytes.substr(range.begin, range.length));
      break;
    case 5: {  // a varint or a number at its limits
      const int64_t number = awkward_number(random);
      char raw[8];
      std::memcpy(raw, &number, 8);
      bytes.replace(range.begin, std::min<size_t>(range.length, 8), raw, 8);
      break;
    }
    case 6:
      bytes.insert(range.begin, std::string(below(random, 12), '\xff'));
      break;
    default: {
      const std::string& other = seeds[below(random, seeds.size())];
      const Range from = some_range(other, random);
      bytes.replace(range.begin, range.length, other, from.begin, from.length);
    }
  }
}

/// Runs of letters and digits, as [begin, end).
std::vector<Range> words_of(const std::string& text, bool numbers) {
  std::vector<Range> words;
  for (size_t at = 0; at < text.size();) {
    const auto plain = [&](size_t i) {
      const auto c = static_cast<unsigned char>(text[i]);
      return numbers ? std::isdigit(c) != 0 : std::isalnum(c) || c == '_' || c == '?' || c == '.';
    };
    if (!plain(at)) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() && plain(end)) ++end;
    words.push_back({at, end - at});
    at = end;
  }
  return words;
}

void change_line(std::string& text, Random& random) {
  const size_t at = below(random, text.size());
  const size_t begin = text.rfind('\n', at) == std::string::npos ? 0 : text.rfind('\n', at) + 1;
  const size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
  if (end <= begin) return;
  const std::string line = text.substr(begin, end - begin);
  if (below(random, 2)) {
    text.erase(begin, end - begin);
  } else {
    text.insert(below(random, 2) ? begin : below(random, text.size()), line);
  }
}

void change_text(std::string& text, const Seeds& seeds, Random& random) {
  const size_t choice = below(random, 6);
  if (text.empty() || choice == 0) return change_bytes(text, seeds, random);
  if (choice == 1) return change_line(text, random);
  const bool numbers = choice < 4;
  const std::vector<Range> words = words_of(text, numbers);
  if (words.empty()) return;
  const Range word = words[below(random, words.size())];
  std::string replacement = std::to_string(awkward_number(random));
  if (!numbers) {
    const std::string& other = seeds[below(random, seeds.size())];
    const std::vector<Range> others = words_of(other, false);
    if (others.empty()) return;
    const Range from = others[below(random, others.size())];
    replacement = other.substr(from.begin, from.length);
  }
  text.replace(word.begin, word.length, replacement);
}

}  // namespace

size_t below(Random& random, size_t n) { return n ? random() % n : 0; }

int64_t awkward_number(Random& random) {
  static constexpr int64_t numbers[] = {
      0,         1,         -1,        2,         3,          5,         7,         8,
      13,        64,        127,       128,       255,        256,       -2,        -128,
      1 << 15,   1 << 16,   1 << 20,   INT32_MAX, INT32_MIN,  1LL << 32, 1LL << 40, 1LL << 61,
      1LL << 62, INT64_MAX, INT64_MIN, -9,        1000000007, 4,         6,         9};
  if (below(random, 8) == 0) return static_cast<int64_t>(random());
  return numbers[below(random, std::size(numbers))];
}

std::string mutate_bytes(std::string bytes, const Seeds& seeds, Random& random) {
  for (size_t i = 1 + below(random, 4); i > 0; --i) change_bytes(bytes, seeds, random);
  if (bytes.size() > longest_mutant) bytes.resize(longest_mutant);
  return bytes;
}

std::string mutate_text(std::string text, const Seeds& seeds, Random& random) {
  for (size_t i = 1 + below(random, 4); i > 0; --i) change_text(text, seeds, random);
  if (text.size() > longest_mutant) text.resize(longest_mutant);
  return text;
}

}  // namespace drawbar::fuzz
