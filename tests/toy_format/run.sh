#!/bin/sh
# Adds a format as a newcomer would, one folder and one line, to a copy of the project, builds it and uses it.
# Usage: run.sh SOURCE BUILD [CMAKE-ARGUMENT...]
set -eu
source=$1
build=$2
shift 2

tree=$build/tree
rm -rf "$tree"
mkdir -p "$tree/converters"
for part in CMakeLists.txt cmake include src schemas; do
  ln -s "$source/$part" "$tree/$part"
done
for format in raw npy; do
  cp -r "$source/converters/$format" "$tree/converters/"
  grep "tensorferry_format($format)" "$source/converters/CMakeLists.txt" >> "$tree/converters/CMakeLists.txt"
done

# The newcomer's change: one folder and one line.
cp -r "$source/tests/toy_format/toy" "$tree/converters/"
echo 'tensorferry_format(toy)' >> "$tree/converters/CMakeLists.txt"

cmake -S "$tree" -B "$build/build" -G Ninja -DTENSORFERRY_BUILD_TESTS=OFF -DCMAKE_BUILD_TYPE=Debug "$@" > "$build/configure.log"
ninja -C "$build/build" > "$build/build.log" || { tail -40 "$build/build.log"; exit 1; }

program=$build/build/bin/tensorferry
"$program" formats | grep toy
"$program" convert --overwrite "$source/samples/dense_kernel" "$build/kernel.toy"
"$program" ls "$build/kernel.toy"
there=$("$program" hash "$source/samples/dense_kernel" --json)
back=$("$program" hash "$build/kernel.toy" --json)
[ "$there" = "$back" ] || { echo "the toy format lost something:"; echo "$there"; echo "$back"; exit 1; }
head -c 3 "$build/kernel.toy" > "$build/truncated.toy"
if "$program" ls --from toy "$build/truncated.toy"; then
  echo "a truncated toy file was accepted"
  exit 1
fi
echo "toy format: added, built, detected, written and read back"
