/* Lists the tensors of a model with a sample value each, and converts the model. Usage: embed_c
 * MODEL TARGET */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <tensorferry/c_api.h>

static int failed(const char* what) {
  fprintf(stderr, "embed_c: %s: error[%s]: %s\n", what, tensorferry_error_id(),
          tensorferry_error_message());
  return tensorferry_error_code();
}

/* The first element, for the types that it knows. Numbers are little-endian, as on most machines.
 */
static int print_sample(const tensorferry_model* model, size_t index,
                        const tensorferry_tensor* tensor) {
  union {
    float as_float;
    double as_double;
    int32_t as_int32;
    int64_t as_int64;
    unsigned char bytes[16];
  } value;
  if (tensor->dtype == TENSORFERRY_STRING) {
    tensorferry_strings* strings = NULL;
    size_t length = 0;
    if (tensorferry_read_strings(model, index, &strings) != 0) return failed("strings");
    const char* text = tensorferry_strings_at(strings, 0, &length);
    if (text != NULL) printf(" \"%.*s\"", (int)length, text);
    tensorferry_strings_free(strings);
    return 0;
  }
  if (tensor->elements == 0 || tensor->element_bytes == 0) return 0;
  memset(&value, 0, sizeof value);
  if (tensorferry_read(model, index, 0, 1, &value, sizeof value) != 0) return failed("read");
  switch (tensor->dtype) {
    case TENSORFERRY_FLOAT32:
      printf(" %.9g", (double)value.as_float);
      break;
    case TENSORFERRY_FLOAT64:
      printf(" %.17g", value.as_double);
      break;
    case TENSORFERRY_INT32:
      printf(" %" PRId32, value.as_int32);
      break;
    case TENSORFERRY_INT64:
      printf(" %" PRId64, value.as_int64);
      break;
    default:
      printf(" 0x%02x...", value.bytes[0]);
  }
  return 0;
}

static int list(const tensorferry_model* model) {
  for (size_t i = 0; i < tensorferry_tensor_count(model); ++i) {
    tensorferry_tensor tensor;
    tensor.struct_size = sizeof tensor;
    if (tensorferry_get_tensor(model, i, &tensor) != 0) return failed("tensor");
    printf("%.*s %s [", (int)tensor.name_length, tensor.name, tensor.dtype_name);
    for (uint32_t d = 0; d < tensor.rank; ++d)
      printf(d == 0 ? "%" PRIu64 : ", %" PRIu64, tensor.shape[d]);
    printf("]");
    if (tensor.problem_code != 0) {
      printf(" %s: %s\n", tensor.problem_id, tensor.problem_message);
      continue;
    }
    const int code = print_sample(model, i, &tensor);
    printf("\n");
    if (code != 0) return code;
  }
  return 0;
}

static void print_note(void* user, const char* id, const char* text) {
  fprintf(user, "note: %s: %s\n", id, text);
}

static int convert(const char* source, const char* target) {
  tensorferry_options* options = NULL;
  tensorferry_receipt receipt;
  receipt.struct_size = sizeof receipt;
  if (tensorferry_options_new(&options) != 0) return failed("options");
  tensorferry_options_on_note(options, print_note, stderr);
  int code = tensorferry_options_set(options, "overwrite", NULL);
  if (code == 0) code = tensorferry_options_set(options, "threads", "2");
  if (code == 0) code = tensorferry_convert(source, target, options, &receipt);
  if (code == 0)
    printf("%" PRIu64 " tensors, %" PRIu64 " bytes\n", receipt.tensors, receipt.bytes);
  else
    failed(target);
  tensorferry_options_free(options);
  return code;
}

int main(int argc, char** argv) {
  tensorferry_model* model = NULL;
  if (argc != 3) {
    fprintf(stderr, "usage: embed_c MODEL TARGET\n");
    return 2;
  }
  if (tensorferry_open(argv[1], NULL, &model) != 0) return failed("open");
  int code = list(model);
  tensorferry_close(model);
  if (code == 0) code = convert(argv[1], argv[2]);
  return code;
}
