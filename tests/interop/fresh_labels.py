"""The names of the checkpoints that fresh.py builds, known before TensorFlow is loaded."""

LABELS = (
    "every_dtype", "odd_shapes", "odd_names", "many_keys", "partitioned", "sliced_by_hand", "max_shard_size",
    "sharded", "keras_object_graph", "saved_model", "big_endian", "snappy_blocks", "slices_of_any_dtype",
    "big_endian_slices",
)  # fmt: skip
