#!/usr/bin/env bash
# Measures the GPU target beside PyTorch on a machine with a GPU, and tests every kernel there.
#
#     bench/gpu.sh [--only GROUP] [--bundle FOLDER] [--results FOLDER]
#
# Groups, each well under nine minutes: build, tests, sanitizer, answers, accuracy, resnet50, bert,
# bert_large_128, bert_large_384, networks, detectors, floats, cpu.
# Without --only all of them, one after the other. The machine needs a driver, a CUDA toolkit, CMake,
# Ninja, a C++ compiler and Python with PyTorch; nothing is downloaded. The bundle is what
# bench/gpu_prepare.sh packed (gpu-bundle). Each group writes GROUP.json into the results' folder
# (gpu-results), and all that are there are put together in gpu.json and gpu.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
groups=(build tests sanitizer answers accuracy resnet50 bert bert_large_128 bert_large_384 networks
  detectors floats cpu)
bundle=gpu-bundle results=gpu-results only=()
while (($#)); do
  case $1 in
    --only) only+=("$2") && shift 2 ;;
    --bundle) bundle=$2 && shift 2 ;;
    --results) results=$2 && shift 2 ;;
    *)
      sed -n '2,13s/^# \?//p' "$0"
      [[ $1 == -h || $1 == --help ]] && exit 0
      exit 2
      ;;
  esac
done
((${#only[@]})) && groups=("${only[@]}")
[[ -d $bundle/engines ]] || { echo "gpu.sh: no bundle in $bundle (bench/gpu_prepare.sh)" >&2; exit 1; }
bundle=$(cd "$bundle" && pwd)
mkdir -p "$results"
folder=build-gpu

# cuDNN and cuBLAS may lie in Python's packages alone.
packages=$(python3 -c 'import nvidia; print("\n".join(nvidia.__path__))' 2>/dev/null || true)
libraries=() cudnn=
for package in $packages; do
  for lib in "$package"/*/lib; do [[ -d $lib ]] && libraries+=("$lib"); done
  [[ -f $package/cudnn/include/cudnn.h ]] && cudnn=$package/cudnn/include
done
DRAWBAR_CUDA_LIBRARIES=${DRAWBAR_CUDA_LIBRARIES:-$(IFS=:; echo "${libraries[*]-}")}
export DRAWBAR_CUDA_LIBRARIES

build() {
  local options=()
  [[ -n $cudnn ]] && options+=("-DCUDNN=$cudnn")
  cmake -S . -B $folder -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$bundle" \
    -DDRAWBAR_IMPORT=OFF -DDRAWBAR_IMAGES=OFF -DDRAWBAR_REGEX=OFF -DDRAWBAR_ZLIB=OFF \
    -DDRAWBAR_GOOGLETEST="$bundle/googletest" "${options[@]}" >"$results/configure.log"
  cmake --build $folder --target drawbar_cli drawbar_cuda unit_tests >"$results/build.log" ||
    { tail -n 40 "$results/build.log" >&2; return 1; }
  $folder/drawbar targets
}

for group in "${groups[@]}"; do
  printf '\n== %s\n' "$group"
  if [[ $group == build ]]; then
    build
  else
    [[ -x $folder/drawbar ]] || build
    python3 bench/gpu_group.py "$group" --drawbar $folder/drawbar --engines "$bundle/engines" \
      --results "$results"
  fi
done
python3 bench/gpu_report.py "$results"
