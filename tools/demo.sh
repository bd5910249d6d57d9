# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by ../dev: the main job on the samples, for someone who sees it for the first time.

demo_output=build/demo

demo() {
  PATH=$root/build/release/bin:$PATH
  rm -rf "$demo_output"
  mkdir -p "$demo_output"

  local trained keras
  trained=$(checkpoint_in samples/trained_model)
  keras=$(checkpoint_in samples/keras_model)

  title "1. A TensorFlow checkpoint becomes ONNX, HDF5 and .npy; no TensorFlow is installed or used"
  run tensorferry ls --long "$trained"
  convert_to_all "$trained" trained_model

  title "2. Raw bytes become the same: manifest.json gives the names, dtypes and shapes that bytes lack"
  run tensorferry ls --long samples/dense_kernel
  run tensorferry convert samples/dense_kernel "$demo_output/dense_kernel.npy"
  convert_to_all samples/four_dtypes four_dtypes
  run tensorferry ls --long "$demo_output/four_dtypes_npy/"

  title "3. One layer of a Keras model"
  run tensorferry ls --scope my_dense_layer "$keras"
  run tensorferry convert "$keras" "$demo_output/my_dense_layer.onnx" --scope my_dense_layer

  title "4. What was written, and whether it is the same"
  echo "$ ls $demo_output"
  (cd "$demo_output" && ls -dp -C -w 100 -T 0 -- *)
  local form
  for form in .onnx .h5 _npy/; do
    run tensorferry diff "$trained" "$demo_output/trained_model$form"
    run tensorferry diff samples/four_dtypes "$demo_output/four_dtypes$form"
  done
  run tensorferry ls --long "$demo_output/four_dtypes.onnx"

  title "5. Shaped on the way, put into a model that exists, many at once"
  run tensorferry convert "$trained" "$demo_output/half.safetensors" --exclude-optimizer \
    --cast '*=float32>bfloat16' --rename '^my_dense_layer/=dense/'
  run tensorferry ls "$demo_output/half.safetensors"
  run tensorferry inject "$demo_output/trained_model.onnx" "$demo_output/trained_model.h5" -o "$demo_output/tuned.onnx"
  run tensorferry batch --in samples --out "$demo_output/all" --to safetensors
  printf '\nThe program is build/release/bin/tensorferry; what it wrote is in %s.\n' "$demo_output"
}

title() {
  printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

# Shows a command, then runs it.
run() {
  printf '$%s\n' "$(printf ' %q' "$@")"
  "$@"
}

convert_to_all() {
  local input=$1 name=$demo_output/$2
  run tensorferry convert "$input" "$name.onnx"
  run tensorferry convert "$input" "$name.h5"
  run tensorferry convert "$input" "${name}_npy/" --to npy
}

# The name that TensorFlow knows a checkpoint by: its .index file without the ending.
checkpoint_in() {
  local index
  for index in "$1"/*.index; do
    if [[ -f $index ]]; then
      echo "${index%.index}"
      return
    fi
  done
  die "$1 holds no checkpoint (*.index)"
}
