#include "ops/non_max_suppression/op.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

namespace drawbar::ops {

DRAWBAR_OP(NonMaxSuppression);
DRAWBAR_OP(NonMaxSuppressionPadded);

namespace {

/// Boxes by corner, one array for each coordinate, so that overlaps are computed many at a time.
struct Boxes {
  std::vector<float> x1, y1, x2, y2, area;

  void reserve(size_t count) {
    for (auto* list : {&x1, &y1, &x2, &y2, &area}) list->reserve(count);
  }
  void clear() {
    for (auto* list : {&x1, &y1, &x2, &y2, &area}) list->clear();
  }
  size_t size() const { return x1.size(); }
  void push(const float* box, bool center) {
    if (center) {
      const float half_width = box[2] / 2, half_height = box[3] / 2;
      x1.push_back(box[0] - half_width);
      x2.push_back(box[0] + half_width);
      y1.push_back(box[1] - half_height);
      y2.push_back(box[1] + half_height);
    } else {
      x1.push_back(std::min(box[1], box[3]));
      x2.push_back(std::max(box[1], box[3]));
      y1.push_back(std::min(box[0], box[2]));
      y2.push_back(std::max(box[0], box[2]));
    }
    area.push_back((x2.back() - x1.back()) * (y2.back() - y1.back()));
  }
  void push(const Boxes& from, size_t i) {
    x1.push_back(from.x1[i]);
    x2.push_back(from.x2[i]);
    y1.push_back(from.y1[i]);
    y2.push_back(from.y2[i]);
    area.push_back(from.area[i]);
  }
};

/// Whether box i of `all` overlaps one of `selected` by more than the threshold.
bool overlaps_any(const Boxes& all, size_t i, const Boxes& selected, float threshold) {
  const float x1 = all.x1[i], y1 = all.y1[i], x2 = all.x2[i], y2 = all.y2[i], area = all.area[i];
  constexpr size_t block = 32;
  for (size_t start = 0; start < selected.size(); start += block) {
    const size_t end = std::min(start + block, selected.size());
    const float *sx1 = selected.x1.data(), *sy1 = selected.y1.data(), *sx2 = selected.x2.data(),
                *sy2 = selected.y2.data(), *sarea = selected.area.data();
    int32_t any = 0;
    for (size_t k = start; k < end; ++k) {
      const float width = std::min(x2, sx2[k]) - std::max(x1, sx1[k]);
      const float height = std::min(y2, sy2[k]) - std::max(y1, sy1[k]);
      const float both = width * height;
      const float either = area + sarea[k] - both;
      any |= static_cast<int32_t>(width > 0) & static_cast<int32_t>(height > 0) &
             static_cast<int32_t>(both > 0) & static_cast<int32_t>(area > 0) &
             static_cast<int32_t>(sarea[k] > 0) & static_cast<int32_t>(either > 0) &
             static_cast<int32_t>(both / either > threshold);
    }
    if (any) return true;
  }
  return false;
}

/// Selected boxes in bins by their left edges, so that a box is only compared with those that may
/// reach it. (Exporters suppress all classes in one call by moving each to a place of its own.)
class Selection {
 public:
  explicit Selection(const Boxes& all) : bins_(1) {
    float low = infinity, high = -infinity;
    for (size_t i = 0; i < all.size(); ++i) {
      low = std::min(low, all.x1[i]);
      high = std::max(high, all.x1[i]);
      widest_ = std::max(widest_, all.x2[i] - all.x1[i]);
      finite_ &= std::isfinite(all.x1[i]) && std::isfinite(all.x2[i]);
    }
    const float range = high - low;
    if (!finite_ || !(range > 0) || !std::isfinite(range) || !std::isfinite(widest_)) return;
    bins_.resize(std::clamp<size_t>(all.size() / 16, 1, 1024));
    low_ = low;
    per_unit_ = static_cast<float>(bins_.size()) / range;
  }

  bool overlaps(const Boxes& all, size_t i, float threshold) const {
    // One bin more on the left: the difference below is rounded.
    const size_t first = bin(all.x1[i] - widest_), last = bin(all.x2[i]);
    for (size_t k = first - (first > 0); k <= last; ++k) {
      if (overlaps_any(all, i, bins_[k], threshold)) return true;
    }
    return false;
  }

  void add(const Boxes& all, size_t i) { bins_[bin(all.x1[i])].push(all, i); }

 private:
  static constexpr float infinity = std::numeric_limits<float>::infinity();

  size_t bin(float x) const {
    if (bins_.size() == 1) return 0;
    const float at = (x - low_) * per_unit_;
    const auto last = static_cast<float>(bins_.size() - 1);
    return static_cast<size_t>(std::min(std::max(at, 0.0f), last));
  }

  std::vector<Boxes> bins_;
  bool finite_ = true;
  float low_ = 0, per_unit_ = 0, widest_ = 0;
};

/// Larger for higher scores and, among equal ones, for smaller indices.
uint64_t sort_key(float score, uint32_t index) {
  const auto bits = std::bit_cast<uint32_t>(score == 0 ? 0.0f : score);
  const uint32_t ordered = bits & 0x80000000 ? ~bits : bits | 0x80000000;
  return static_cast<uint64_t>(ordered) << 32 | (~index & 0xffffffff);
}

struct Thresholds {
  int64_t most = 0;
  float iou = 0;
  float score = 0;
  bool by_score = false;
};

/// The boxes selected for one image and class, best first.
std::vector<uint32_t> select(const Boxes& boxes, const float* scores, const Thresholds& limits,
                             Evaluation& e) {
  std::vector<uint64_t> keys;
  for (size_t i = 0; i < boxes.size(); ++i) {
    if (limits.by_score && !(scores[i] > limits.score)) continue;
    keys.push_back(sort_key(scores[i], static_cast<uint32_t>(i)));
  }
  std::sort(keys.begin(), keys.end(), std::greater<>());
  std::vector<uint32_t> chosen;
  Selection selected(boxes);
  for (uint64_t key : keys) {
    if (static_cast<int64_t>(chosen.size()) >= limits.most) break;
    if (chosen.size() % 64 == 63) e.checkpoint();
    const uint32_t i = ~static_cast<uint32_t>(key);
    if (selected.overlaps(boxes, i, limits.iou)) continue;
    selected.add(boxes, i);
    chosen.push_back(i);
  }
  return chosen;
}

void check_scalar(const Infer& context, size_t i, ElementType element, std::string_view what) {
  if (!context.has(i)) return;
  if (context.element(i) != element) {
    fail(ErrorCode::invalid_model, "{} is {}, expected {}", what, name(context.element(i)),
         name(element));
  }
  if (!context.ranked(i)) return;
  for (const Dim& dim : context.dims(i)) {
    if (dim.is_constant() && dim.value() > 1) {
      fail(ErrorCode::invalid_model, "{} has {} elements, expected 1", what, dim.value());
    }
  }
}

/// What boxes and scores agree on.
struct Sizes {
  Dim lines, boxes;  // lines: of scores, one for each image and class
};

/// Nothing where they are not known.
std::optional<Sizes> infer_sizes(Infer& context) {
  context.expect_inputs(2, 5);
  for (size_t i : {0, 1}) {
    if (context.element(i) != ElementType::f32) {
      fail(ErrorCode::invalid_model, "{} are {}, expected f32", i ? "scores" : "boxes",
           name(context.element(i)));
    }
    context.expect_rank(i, 3, i ? "scores" : "boxes");
  }
  check_scalar(context, 2, ElementType::i64, "most_per_class");
  check_scalar(context, 3, ElementType::f32, "iou_threshold");
  check_scalar(context, 4, ElementType::f32, "score_threshold");
  if (!context.ranked(0) || !context.ranked(1)) return std::nullopt;
  const Dims &boxes = context.dims(0), &scores = context.dims(1);
  Infer::same(boxes[2], 4, "coordinates of boxes");
  const Dim images = Infer::same(boxes[0], scores[0], "images of boxes and scores");
  return Sizes{images * scores[1], Infer::same(boxes[1], scores[2], "boxes and their scores")};
}

using Selected = std::vector<std::vector<uint32_t>>;  // boxes, by image and class

Selected select_all(bool center, int64_t most, Evaluation& e) {
  const Tensor &boxes = e.input(0), &scores = e.input(1);
  const auto given = [&](size_t i) { return e.has(i) && e.input(i).size() > 0; };
  Thresholds limits;
  if (given(2)) limits.most = std::min(read_integer(e.input(2), 0), most);
  if (given(3)) limits.iou = static_cast<float>(read_number(e.input(3), 0));
  limits.by_score = given(4);
  if (given(4)) limits.score = static_cast<float>(read_number(e.input(4), 0));
  const int64_t images = boxes.dim(0), count = boxes.dim(1), classes = scores.dim(1);
  if (count > std::numeric_limits<int32_t>::max()) {
    fail(ErrorCode::resource_exhausted, "{} boxes, at most 2^31 - 1 are supported", count);
  }
  Selected selected(static_cast<size_t>(images * classes));
  Boxes corners;
  for (int64_t image = 0; image < images && limits.most > 0; ++image) {
    corners.clear();
    corners.reserve(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i)
      corners.push(boxes.data<float>() + (image * count + i) * 4, center);
    e.pool().parallel_for(classes, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t c = image * classes + begin; c < image * classes + end; ++c) {
        selected[static_cast<size_t>(c)] =
            select(corners, scores.data<float>() + c * count, limits, e);
      }
    });
  }
  return selected;
}

int64_t count_rows(const Selected& selected) {
  size_t total = 0;
  for (const auto& list : selected) total += list.size();
  return static_cast<int64_t>(total);
}

/// Image, class and box of each; returns what is behind the last.
int64_t* write_rows(const Selected& selected, int64_t classes, int64_t* row) {
  for (size_t c = 0; c < selected.size(); ++c) {
    for (uint32_t box : selected[c]) {
      *row++ = static_cast<int64_t>(c) / classes;
      *row++ = static_cast<int64_t>(c) % classes;
      *row++ = box;
    }
  }
  return row;
}

}  // namespace

void infer(const NonMaxSuppression&, Infer& context) {
  const auto sizes = infer_sizes(context);
  Dim bound = std::numeric_limits<int32_t>::max();
  if (sizes) {
    Dim most = sizes->boxes;
    if (const Tensor* given = context.constant(2))
      most = min(most, Dim(given->size() ? std::max<int64_t>(read_integer(*given, 0), 0) : 0));
    bound = sizes->lines * most;
  }
  context.output(0, ElementType::i64, {context.fresh("selected", bound), 3});
}

void infer(const NonMaxSuppressionPadded& op, Infer& context) {
  if (op.most < 0) fail(ErrorCode::invalid_model, "most is {}, expected at least 0", op.most);
  const auto sizes = infer_sizes(context);
  if (!sizes) fail(ErrorCode::invalid_model, "boxes and scores are of unknown rank, expected 3");
  context.output(0, ElementType::i64, {sizes->lines * min(sizes->boxes, Dim(op.most)), 3});
  context.output(1, ElementType::i64, {1});
}

void reference(const NonMaxSuppression& op, Evaluation& e) {
  const Selected selected = select_all(op.center_point_box, std::numeric_limits<int64_t>::max(), e);
  Tensor& y = e.output(0, ElementType::i64, {count_rows(selected), 3});
  write_rows(selected, e.input(1).dim(1), y.data<int64_t>());
}

void reference(const NonMaxSuppressionPadded& op, Evaluation& e) {
  const Tensor& scores = e.input(1);
  const int64_t rows = scores.dim(0) * scores.dim(1) * std::min(scores.dim(2), op.most);
  const Selected selected = select_all(op.center_point_box, op.most, e);
  Tensor& y = e.output(0, ElementType::i64, {rows, 3});
  int64_t* const end = write_rows(selected, scores.dim(1), y.data<int64_t>());
  std::fill(end, y.data<int64_t>() + y.size(), 0);
  e.output(1, ElementType::i64, {1}).data<int64_t>()[0] = count_rows(selected);
}

/// Of sorting, and of some overlaps; how many are looked at depends on the data.
Dim operations(const NonMaxSuppressionPadded&, const Infer& context) {
  if (!context.ranked(1)) return 0;
  const Dims& scores = context.dims(1);
  return 64 * scores[0] * scores[1] * scores[2];
}

}  // namespace drawbar::ops
