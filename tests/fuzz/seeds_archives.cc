#include "tests/fuzz/mutate.h"
#include "tests/support/archives.h"

namespace drawbar::fuzz {

Seeds npz_seeds() {
  using archives::archive, archives::Member, archives::number;
  const std::string numbers = archives::npy(Tensor::from<float>({2, 2}, {1, 2, 3, 4}));
  const std::string texts = archives::npy(Tensor::from<std::string>({2}, {"ant", "bee"}));
  Member a{"a.npy", numbers}, b{"b.npy", texts}, large = a;
  large.zip64 = true;
  // A deflate stream of one block that is stored.
  Member deflated{"c.npy", "\1" + number(numbers.size(), 2) + number(~numbers.size(), 2) + numbers};
  deflated.unpacked = numbers.size();
  deflated.method = 8;
  deflated.checksum = crc32(numbers);
  return {archive({a}), archive({b, a}), archive({large}), archive({deflated, b})};
}

Seeds tfrecord_seeds() {
  using archives::feature, archives::field, archives::framed;
  const std::string image = feature("image/encoded", 1, field(1, "BM of some bytes"));
  const std::string plain = feature("image/class/label", 3, "\x08\xac\x02");
  const std::string packed = feature("image/class/label", 3, field(1, "\x07"));
  const std::string size = feature("image/width", 3, "\x08\x07");
  return {framed(field(1, image + plain)), framed(field(1, size + packed + image)),
          framed("") + framed(field(1, image + packed)) + framed(field(1, plain))};
}

}  // namespace drawbar::fuzz
