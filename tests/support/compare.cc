#include <cmath>

#include "ir/attribute.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

struct Worst {
  int64_t index = -1, wrong = 0;
  double excess = 0;

  void add(int64_t i, double by) {
    ++wrong;
    if (index < 0 || by > excess) {
      index = i;
      excess = by;
    }
  }
};

/// How far `got` is beyond what is allowed around `want`, 0 or less when it is close.
double beyond(double got, double want, double rtol, double atol) {
  if (std::isnan(got) || std::isnan(want))
    return std::isnan(got) && std::isnan(want) ? 0 : INFINITY;
  if (got == want) return 0;
  if (std::isinf(got) || std::isinf(want)) return INFINITY;
  return std::abs(got - want) - (atol + rtol * std::abs(want));
}

bool exactly_equal(const Tensor& got, const Tensor& want, int64_t i) {
  if (got.type() == ElementType::string) {
    return got.data<std::string>()[i] == want.data<std::string>()[i];
  }
  return read_integer(got, i) == read_integer(want, i);
}

std::complex<double> read_complex(const Tensor& tensor, int64_t i) {
  if (tensor.type() == ElementType::c128) return tensor.data<std::complex<double>>()[i];
  return std::complex<double>(tensor.data<std::complex<float>>()[i]);
}

std::string element_text(const Tensor& tensor, int64_t i) {
  switch (kind(tensor.type())) {
    case ElementKind::string:
      return drawbar::quoted(tensor.data<std::string>()[i]);
    case ElementKind::complex:
      return fmt::format("{}+{}i", read_complex(tensor, i).real(), read_complex(tensor, i).imag());
    case ElementKind::floating:
      return fmt::format("{}", read_number(tensor, i));
    default:
      return std::to_string(read_integer(tensor, i));
  }
}

double distance(const Tensor& got, const Tensor& want, int64_t i, double rtol, double atol) {
  switch (kind(want.type())) {
    case ElementKind::floating:
      return beyond(read_number(got, i), read_number(want, i), rtol, atol);
    case ElementKind::complex: {
      const auto g = read_complex(got, i), w = read_complex(want, i);
      return std::max(beyond(g.real(), w.real(), rtol, atol),
                      beyond(g.imag(), w.imag(), rtol, atol));
    }
    default:
      if (exactly_equal(got, want, i)) return 0;
      if (want.type() == ElementType::string || atol < 1) return 1;
      return beyond(read_number(got, i), read_number(want, i), 0, atol);
  }
}

}  // namespace

void expect_close(const Tensor& got, const Tensor& want, double rtol, double atol,
                  const std::string& what) {
  ASSERT_EQ(got.has_value(), want.has_value()) << what;
  if (!want.has_value()) return;
  ASSERT_EQ(got.kind(), want.kind()) << what;
  if (want.kind() != Tensor::Kind::tensor) {
    ASSERT_EQ(got.elements().size(), want.elements().size()) << what;
    for (size_t i = 0; i < want.elements().size(); ++i) {
      expect_close(got.elements()[i], want.elements()[i], rtol, atol,
                   fmt::format("{}[{}]", what, i));
    }
    return;
  }
  ASSERT_EQ(name(got.type()), name(want.type())) << what;
  ASSERT_EQ(to_string(got.shape()), to_string(want.shape())) << what;
  Worst worst;
  for (int64_t i = 0; i < want.size(); ++i) {
    const double by = distance(got, want, i, rtol, atol);
    if (by > 0) worst.add(i, by);
  }
  if (worst.wrong == 0) return;
  ADD_FAILURE() << what << ": " << worst.wrong << " of " << want.size() << " elements of "
                << name(want.type()) << " " << to_string(want.shape()) << " differ; the worst, at "
                << worst.index << ", is " << element_text(got, worst.index) << ", expected "
                << element_text(want, worst.index) << " (rtol " << rtol << ", atol " << atol << ")";
}

}  // namespace drawbar
