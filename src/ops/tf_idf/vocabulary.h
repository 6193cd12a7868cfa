#pragma once

#include <unordered_map>
#include <vector>

#include "ops/tf_idf/op.h"

namespace drawbar::ops {

/// The n-grams of a pool as a tree whose edges are items, every step a hash lookup. Items are
/// numbered, so that strings are hashed once however often they are looked at. Immutable.
class Vocabulary {
 public:
  static constexpr int32_t none = -1;

  /// Throws INVALID_MODEL for attributes that contradict each other.
  explicit Vocabulary(const TfIdfVectorizer& op);

  int64_t columns() const { return columns_; }

  /// The number of an item; none when no n-gram has it.
  int32_t number(int64_t item) const { return find(integers_, item); }
  int32_t number(const std::string& item) const { return find(strings_, item); }

  /// Where the tree goes from a node (0 is the root) with an item; none where no n-gram goes on so.
  int32_t next(int32_t node, int32_t item) const { return find(edges_, edge(node, item)); }
  /// The n-gram of the pool that ends at the node; none where none does.
  int32_t gram(int32_t node) const { return gram_of_node_[static_cast<size_t>(node)]; }

 private:
  /// Numbers from a file may be chosen to collide: their bits are mixed.
  struct Mixed {
    size_t operator()(uint64_t x) const;
  };

  template <class Map, class Key>
  static int32_t find(const Map& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? none : found->second;
  }
  static uint64_t edge(int32_t node, int32_t item) {
    return static_cast<uint64_t>(node) << 32 | static_cast<uint32_t>(item);
  }
  template <class Item, class Numbers>
  void add_pool(const TfIdfVectorizer& op, const std::vector<Item>& pool, Numbers& numbers);

  std::unordered_map<int64_t, int32_t, Mixed> integers_;
  std::unordered_map<std::string, int32_t> strings_;
  std::unordered_map<uint64_t, int32_t, Mixed> edges_;
  std::vector<int32_t> gram_of_node_ = {none};
  int64_t columns_ = 0;
};

}  // namespace drawbar::ops
