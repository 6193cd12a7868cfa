#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace drawbar::fuzz {

using Random = std::mt19937_64;
using Seeds = std::vector<std::string>;

/// A number from 0 to n - 1.
size_t below(Random& random, size_t n);
/// Numbers that programs get wrong: 0, -1, powers of two, the ends of the types.
int64_t awkward_number(Random& random);

/// A mutant of bytes of any kind: flipped, cut, doubled, spliced with another seed.
std::string mutate_bytes(std::string bytes, const Seeds& seeds, Random& random);
/// A mutant of text: numbers and words changed, lines lost and doubled; now and then its bytes.
std::string mutate_text(std::string text, const Seeds& seeds, Random& random);
/// A mutant of an ONNX model: fields of the parsed message changed; now and then its bytes.
std::string mutate_onnx(const std::string& bytes, const Seeds& seeds, Random& random);
/// A mutant of an engine: a section or the manifest changed and every hash made right again; now
/// and then its bytes as they are.
std::string mutate_engine(const std::string& bytes, const Seeds& seeds, Random& random);

/// Seeds of a kind of parser, out of the cases that tools/onnx_cases.py writes: models of at most
/// 16 KiB, the text form of their graphs, or engines compiled from them. Of "strings", "sequences"
/// (optionals and maps too) and "trees" the models that have to do with those, and
/// classical_seeds().
Seeds read_seeds(std::string_view kind, const std::string& cases_folder);
Seeds classical_seeds(std::string_view kind);
/// Archives of NumPy, stored and deflated, with zip64 and without; records of ImageNet's layout.
Seeds npz_seeds();
Seeds tfrecord_seeds();

}  // namespace drawbar::fuzz
