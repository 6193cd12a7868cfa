#include "ir/constant.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/checked.h"
#include "base/memory.h"

namespace drawbar {
namespace {

constexpr int64_t largest_described = int64_t{4} << 30;  // bytes: a few words of text ask for them

/// SplitMix64: a counter-based generator, so that any build draws the same numbers.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
uint64_t splitmix(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

double uniform(uint64_t& state) {
  return (static_cast<double>(splitmix(state) >> 11) + 0.5) * 0x1p-53;
}

}  // namespace

Constant::Constant(Tensor tensor)
    : type_(tensor.type()), shape_(tensor.shape()), tensor_(std::move(tensor)) {}

Constant::Constant(ElementType type, Shape shape, Description description)
    : type_(type), shape_(std::move(shape)), description_(std::move(description)) {
  const int64_t bytes = storage_bytes(type_, element_count(shape_));
  if (bytes > largest_described) {
    fail(ErrorCode::resource_exhausted, "a constant would be filled with {} bytes, at most {}",
         bytes, largest_described);
  }
  if (description_->distribution != "normal" && description_->distribution != "fill") {
    fail(ErrorCode::invalid_model, "constant of unknown distribution '{}'",
         description_->distribution);
  }
}

Constant::Constant(ElementType type, Shape shape, Hash hash, std::function<Tensor()> load)
    : type_(type), shape_(std::move(shape)), load_(std::move(load)), hash_(hash) {
  std::call_once(hashed_, [] {});
}

namespace {

Hash content_hash(const Tensor& tensor) {
  const std::string head = std::string(name(tensor.type())) + "[" + to_string(tensor.shape()) + "]";
  if (tensor.type() != ElementType::string) {
    return hash_bytes(tensor.raw(), static_cast<size_t>(tensor.bytes()), hash_bytes(head).low);
  }
  std::string all = head;
  for (const std::string& text : tensor.values<std::string>())
    all += std::to_string(text.size()) + ":" + text;
  return hash_bytes(all);
}

}  // namespace

void Constant::fill() const {
  if (load_) {
    Tensor loaded = load_();
    if (type_ != ElementType::string) bring_in(loaded.raw(), static_cast<size_t>(loaded.bytes()));
    if (content_hash(loaded) != hash_) {
      fail(ErrorCode::invalid_model, "damaged: constant {} does not match its hash", hash_.hex());
    }
    tensor_ = std::move(loaded);
    return;
  }
  Tensor drawn = Tensor::allocate(type_, shape_);
  uint64_t state = description_->seed;
  for (int64_t i = 0; i < drawn.size(); ++i) {
    double value = description_->mean;
    if (description_->distribution == "normal") {  // Box-Muller
      const double radius = std::sqrt(-2 * std::log(uniform(state)));
      value += description_->deviation * radius * std::cos(2 * std::numbers::pi * uniform(state));
    }
    if (is_integer(type_)) {
      const int width = bits(type_) - (kind(type_) == ElementKind::signed_integer ? 1 : 0);
      const double most = std::ldexp(1, width) - 1;
      value = std::clamp(std::nearbyint(value), width < bits(type_) ? -most - 1 : 0.0, most);
    }
    write_number(drawn, i, value);
  }
  tensor_ = std::move(drawn);
}

const Tensor& Constant::tensor() const {
  if (load_ || description_) std::call_once(drawn_, [this] { fill(); });
  return tensor_;
}

const Hash& Constant::hash() const {
  std::call_once(hashed_, [this] {
    if (!description_) {
      hash_ = content_hash(tensor_);
      return;
    }
    hash_ = hash_bytes(fmt::format("{}[{}]{} {} {} {}", name(type_), to_string(shape_),
                                   description_->distribution, description_->mean,
                                   description_->deviation, description_->seed));
  });
  return hash_;
}

}  // namespace drawbar
