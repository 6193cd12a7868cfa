#!/usr/bin/env bash
# Packs what bench/gpu.sh needs on a machine with a GPU where nothing can be installed, into
# gpu-bundle/ (some 40 MiB): header-only libraries, GoogleTest's sources, engines without weights; to
# measure accuracy, one trained model and images.
#
#     bench/gpu_prepare.sh
#
# Needs the folder ../shared beside the checkout (models and data), Python with onnx (tools/setup), and
# GoogleTest's sources, which Debian's package googletest has.
set -euo pipefail
cd "$(dirname "$0")/.."
bundle=gpu-bundle models=../shared/models data=../shared/data
googletest=${GOOGLETEST_SOURCE:-/usr/src/googletest}

for needed in "$models" "$googletest"; do
  [[ -d $needed ]] || { echo "gpu_prepare: $needed is missing" >&2; exit 1; }
done
tools/build release drawbar_cli drawbar_cuda
rm -rf "$bundle"
mkdir -p "$bundle/include" "$bundle/engines" "$bundle/googletest"

# A header's folder as CMake found it.
found() { sed -n "s/^$1:PATH=//p" build/CMakeCache.txt; }
cp -r "$(found FMT)/fmt" "$(found XBYAK)/xbyak" "$(found JSON)/nlohmann" "$(found CLI11)/CLI" \
  "$(found DLPACK)/dlpack" "$bundle/include/"
cp "$(found XXHASH)/xxhash.h" "$bundle/include/"
cp -r "${HIGHWAY_INCLUDE:-/usr/include}/hwy" "$bundle/include/"
cp -r "$googletest/googletest" "$googletest/CMakeLists.txt" "$bundle/googletest/"
rm -rf "$bundle/googletest/googletest/test" "$bundle/googletest/googletest/samples" \
  "$bundle/googletest/googletest/docs"

large=.cache/bert_large.onnx
.venv/bin/python bench/bert_graph.py $large
for model in "$models"/*.onnx $large; do
  name=$(basename "$model" .onnx)
  build/drawbar compile "$model" -o "$bundle/engines/$name.cpu.fp32.engine" --target cpu \
    --strip-weights --portable
  case $name in faster_rcnn | mask_rcnn) continue ;; esac  # most of them runs on the processors
  for precision in fp32 tf32 fp16; do
    build/drawbar compile "$model" -o "$bundle/engines/$name.cuda.$precision.engine" --target cuda \
      --precision "$precision" --strip-weights --portable
  done
done
for model in .cache/quantized/*_qdq.onnx; do
  [[ -f $model ]] || continue
  name=$(basename "$model" _qdq.onnx)
  for target in cpu cuda; do
    build/drawbar compile "$model" -o "$bundle/engines/$name.$target.int8.engine" \
      --target "$target" --strip-weights --portable
  done
done
mkdir "$bundle/accuracy"
cp -r "$data/imagenet500" "$bundle/accuracy/images"
mkdir .cache/gpu_samples 2>/dev/null || true
find "$data/imagenet500" -name '*.jpg' | sort | awk 'NR % 5 == 1' |
  xargs -I{} cp {} .cache/gpu_samples/
for precision in fp16 int8; do
  calibrate=()
  [[ $precision == int8 ]] && calibrate=(--calibrate .cache/gpu_samples)
  build/drawbar compile "$data/models/efficientnet_lite0.onnx" --target cuda --portable \
    --optimize size -o "$bundle/accuracy/efficientnet_lite0.$precision.engine" \
    --precision "$precision" --preprocess efficientnet_lite "${calibrate[@]}"
done
du -sh "$bundle"
