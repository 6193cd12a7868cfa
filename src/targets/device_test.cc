#include "targets/device.h"

#include <gtest/gtest.h>

#include "targets/target.h"

namespace drawbar {
namespace {

DeviceRates rates() {
  DeviceRates rates;
  rates.compute = {{"narrow", 10e9}, {"wide", 100e9}};
  rates.byte_operations = 400e9;
  rates.memory = {{"L1", 1000, 400e9, 300e9}, {"L2", 10000, 100e9, 50e9}, {"memory", 0, 10e9, 8e9}};
  return rates;
}

TEST(DeviceRates, LevelsHoldWhatFits) {
  EXPECT_EQ(rates().level_of(0)->level, "L1");
  EXPECT_EQ(rates().level_of(1000)->level, "L1");
  EXPECT_EQ(rates().level_of(1001)->level, "L2");
  EXPECT_EQ(rates().level_of(1e12)->level, "memory");
  EXPECT_EQ(DeviceRates().level_of(1), nullptr);
  DeviceRates bounded = rates();
  bounded.memory.pop_back();  // without a last level the last one known serves
  EXPECT_EQ(bounded.level_of(1e12)->level, "L2");
}

TEST(DeviceRates, RooflineIsTheLowerOfComputeAndMemory) {
  // Intensity 0.1 in L2: 0.1 operations per byte times 100 GB/s.
  EXPECT_DOUBLE_EQ(rates().least_seconds({500, 0}, 5000), 500 / 10e9);
  EXPECT_EQ(rates().bound({500, 0}, 5000), "L2");
  // Intensity 10 in L2: 1000 G/s are more than the peak.
  EXPECT_DOUBLE_EQ(rates().least_seconds({50000, 0}, 5000), 50000 / 100e9);
  EXPECT_EQ(rates().bound({50000, 0}, 5000), "compute");
  // The same intensity in memory: 10 times 10 GB/s is the ridge.
  EXPECT_DOUBLE_EQ(rates().least_seconds({1e9, 0}, 1e8), 1e9 / 100e9);
  EXPECT_DOUBLE_EQ(rates().least_seconds({1e8, 0}, 1e8), 1e8 / 10e9);
  EXPECT_EQ(rates().bound({1e8, 0}, 1e8), "memory");
}

TEST(DeviceRates, BytesHaveARoofOfTheirOwn) {
  EXPECT_DOUBLE_EQ(rates().least_seconds({0, 400e9}), 1);
  EXPECT_DOUBLE_EQ(rates().least_seconds({100e9, 400e9}), 2);
  EXPECT_EQ(rates().bound({0, 50000}, 5000), "compute");
  EXPECT_EQ(rates().bound({0, 10000}, 5000), "L2");
  DeviceRates unknown = rates();
  unknown.byte_operations = 0;
  EXPECT_DOUBLE_EQ(unknown.least_seconds({0, 400e9}), 4);
}

TEST(DeviceRates, StepsThatOnlyMoveHaveARoofToo) {
  EXPECT_DOUBLE_EQ(rates().least_seconds({}, 5000), 5000 / 100e9);
  EXPECT_EQ(rates().bound({}, 5000), "L2");
  EXPECT_EQ(rates().least_seconds({}, 0), 0);
  EXPECT_EQ(rates().bound({}, 0), "");
}

TEST(DeviceRates, WithoutMemoryOnlyComputeBounds) {
  DeviceRates compute = rates();
  compute.memory.clear();
  EXPECT_DOUBLE_EQ(compute.least_seconds({1, 0}, 1e9), 1 / 100e9);
  EXPECT_EQ(DeviceRates().peak(), 0);
  EXPECT_EQ(DeviceRates().least_seconds({1, 0}, 1), 0);
}

TEST(DeviceRates, TimesFarBelowTheLeastAreImpossible) {
  EXPECT_FALSE(rates().is_impossible({104e9, 0}, 1));
  EXPECT_TRUE(rates().is_impossible({106e9, 0}, 1));
  EXPECT_FALSE(rates().is_impossible({0, 419e9}, 1));
  EXPECT_TRUE(rates().is_impossible({10e9, 419e9}, 1));
  EXPECT_FALSE(DeviceRates().is_impossible({1e30, 1e30}, 1));  // nothing is known
}

TEST(DeviceRates, TheBetterMeasurementCounts) {
  DeviceRates low = rates(), high = rates();
  low.compute.back().operations = 40e9;
  EXPECT_TRUE(low.is_impossible({90e9, 0}, 1));
  low.keep_best(high);
  EXPECT_FALSE(low.is_impossible({90e9, 0}, 1));
  high.keep_best(DeviceRates());
  EXPECT_EQ(high.peak(), 100e9);
}

TEST(Device, MeasuresItself) {
  const Device& device = target_named("cpu").device();
  EXPECT_TRUE(device.satisfies(device.requirement()));
  EXPECT_FALSE(device.satisfies("abacus"));
  const DeviceRates rates = device.measure(2, Device::Measure::compute);
  EXPECT_EQ(rates.threads, 2);
  EXPECT_TRUE(rates.memory.empty());
  ASSERT_FALSE(rates.compute.empty());
  EXPECT_EQ(rates.compute.back().instructions, device.requirement());
  for (const ComputeRate& rate : rates.compute) EXPECT_GT(rate.operations, 1e6);
  EXPECT_GT(rates.byte_operations, 1e6);
}

}  // namespace
}  // namespace drawbar
