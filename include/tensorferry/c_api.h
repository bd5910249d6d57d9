/* The library for C and for everything that calls C. C99.
 *
 * A function that can fail returns 0, or one of the program's exit codes: 2 usage, 3 corrupt, 4
 * unsupported, 5 unsafe, 6 input, 7 output, 8 resources, 9 lossy, 70 internal. The
 * tensorferry_error_*() functions then say more. No C++ exception leaves a function; nothing is
 * printed, and no signal handler is installed.
 *
 * Ownership: what a function gives out through a pointer to a handle is the caller's, until the
 * function of the same name that ends in _close or _free, which take NULL too. Every other pointer
 * belongs to the handle that it came from, and is valid as long as that one.
 *
 * Threads: a model may be read by any number of threads at a time, each into its own memory. A
 * stream or an options handle is used by one thread at a time; tensorferry_options_cancel() is the
 * exception.
 *
 * Paths are bytes as the system's functions take them. Texts end in NUL; names of tensors have a
 * length as well, since they may hold any byte.
 *
 * What is promised: functions and constants stay as they are; structs only grow at their end, and
 * struct_size, which the caller sets to sizeof, tells the library how much of one there is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tensorferry/export.h"
#include "tensorferry/version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0", of the library that is running; that of this header is TENSORFERRY_VERSION_MAJOR and so
 * on. */
TENSORFERRY_API const char* tensorferry_version(void);

/* ---- Errors: of the last function that failed in this thread. Valid until another one fails in
 * it. ---- */

/* 0 when none has failed. */
TENSORFERRY_API int tensorferry_error_code(void);
/* A stable dotted identifier, "corrupt.truncated"; "" when none has failed. */
TENSORFERRY_API const char* tensorferry_error_id(void);
/* One line or more for people: file, tensor, expected and found. Control characters in names are
 * escaped. */
TENSORFERRY_API const char* tensorferry_error_message(void);

/* ---- Options: of opening and converting, as the command line spells them (tensorferry convert
 * --help). ---- */

typedef struct tensorferry_options tensorferry_options;

TENSORFERRY_API int tensorferry_options_new(tensorferry_options** options);
TENSORFERRY_API void tensorferry_options_free(tensorferry_options* options);

/* `name` without dashes, in its long form: "to", "from", "names", "in-opt", "out-opt", "limit",
 * "scope", "include", "exclude", "overwrite", "threads", "memory-limit" and so on. A flag has the
 * value NULL. Options that the command line takes several times add up here too. Opening uses
 * "from", "in-opt", "names" and "limit" only. */
TENSORFERRY_API int tensorferry_options_set(tensorferry_options* options, const char* name,
                                            const char* value);

/* Called while converting, by one thread at a time, at most ten times a second. Bytes are of the
 * output, before it is compressed; `reading_back` is 1 while the output is verified. It must return
 * (no longjmp, no exception). */
typedef void (*tensorferry_on_progress)(void* user, uint64_t bytes_done, uint64_t bytes_total,
                                        int reading_back);
TENSORFERRY_API void tensorferry_options_on_progress(tensorferry_options* options,
                                                     tensorferry_on_progress call, void* user);

/* Called by tensorferry_open() and tensorferry_convert(), in their thread, with what a person
 * should know that is no error: `id` is stable and dotted, `text` one line. Valid during the call.
 */
typedef void (*tensorferry_on_note)(void* user, const char* id, const char* text);
TENSORFERRY_API void tensorferry_options_on_note(tensorferry_options* options,
                                                 tensorferry_on_note call, void* user);

/* Ends the conversions that run with these options, and those to come, with "input.cancelled";
 * nothing is left of their output. From any thread, from a callback, and from a signal handler. */
TENSORFERRY_API void tensorferry_options_cancel(tensorferry_options* options);

/* ---- Models ---- */

typedef struct tensorferry_model tensorferry_model;

/* Detects and reads the description of a model; weights are read when they are asked for. `options`
 * may be NULL, and is not needed afterwards. */
TENSORFERRY_API int tensorferry_open(const char* path, const tensorferry_options* options,
                                     tensorferry_model** model);
TENSORFERRY_API void tensorferry_close(tensorferry_model* model);

TENSORFERRY_API size_t tensorferry_tensor_count(const tensorferry_model* model);

/* Types of elements. In memory an element takes info.element_bytes; types of fewer than 8 bits lie
 * in the low bits of a byte. */
typedef enum tensorferry_dtype {
  TENSORFERRY_BOOL = 0,
  TENSORFERRY_INT2 = 1,
  TENSORFERRY_INT4 = 2,
  TENSORFERRY_INT8 = 3,
  TENSORFERRY_INT16 = 4,
  TENSORFERRY_INT32 = 5,
  TENSORFERRY_INT64 = 6,
  TENSORFERRY_UINT2 = 7,
  TENSORFERRY_UINT4 = 8,
  TENSORFERRY_UINT8 = 9,
  TENSORFERRY_UINT16 = 10,
  TENSORFERRY_UINT32 = 11,
  TENSORFERRY_UINT64 = 12,
  TENSORFERRY_FLOAT4_E2M1FN = 13,
  TENSORFERRY_FLOAT6_E2M3FN = 14,
  TENSORFERRY_FLOAT6_E3M2FN = 15,
  TENSORFERRY_FLOAT8_E4M3FN = 16,
  TENSORFERRY_FLOAT8_E4M3FNUZ = 17,
  TENSORFERRY_FLOAT8_E4M3B11FNUZ = 18,
  TENSORFERRY_FLOAT8_E5M2 = 19,
  TENSORFERRY_FLOAT8_E5M2FNUZ = 20,
  TENSORFERRY_FLOAT8_E8M0FNU = 21,
  TENSORFERRY_FLOAT16 = 22,
  TENSORFERRY_BFLOAT16 = 23,
  TENSORFERRY_FLOAT32 = 24,
  TENSORFERRY_FLOAT64 = 25,
  TENSORFERRY_LONGDOUBLE = 26,
  TENSORFERRY_COMPLEX64 = 27,
  TENSORFERRY_COMPLEX128 = 28,
  TENSORFERRY_QINT8 = 29,
  TENSORFERRY_QUINT8 = 30,
  TENSORFERRY_QINT16 = 31,
  TENSORFERRY_QUINT16 = 32,
  TENSORFERRY_QINT32 = 33,
  TENSORFERRY_STRING = 34,   /* byte strings: tensorferry_read_strings() */
  TENSORFERRY_VARIANT = 35,  /* bytes that only their own framework can interpret */
  TENSORFERRY_RESOURCE = 36, /* a handle, no bytes at all */
  TENSORFERRY_UNKNOWN = 37   /* a type that this version does not know: the problem names it */
} tensorferry_dtype;

typedef struct tensorferry_tensor {
  size_t struct_size; /* set by the caller: sizeof(tensorferry_tensor) */
  const char* name;   /* name_length bytes and a NUL */
  size_t name_length;
  int32_t dtype;          /* a tensorferry_dtype, or a later one */
  uint32_t rank;          /* 0 = a scalar */
  const char* dtype_name; /* "float32" */
  const uint64_t* shape;  /* `rank` extents, outermost first */
  uint64_t elements;      /* their product */
  uint64_t bytes;         /* elements x element_bytes; of strings what loading takes at most */
  uint32_t element_bytes; /* 0 for strings and opaque types */
  int32_t bookkeeping;    /* 1 = not a weight: object graphs, configuration */
  const char* role; /* "weight", "optimizer" and so on: what it is to the program that saved it */
  int32_t problem_code;   /* not 0: it is listed, but reading it fails with this error */
  const char* problem_id; /* "" without a problem */
  const char* problem_message;
} tensorferry_tensor;

/* Fills `tensor` for `index` < tensorferry_tensor_count(). */
TENSORFERRY_API int tensorferry_get_tensor(const tensorferry_model* model, size_t index,
                                           tensorferry_tensor* tensor);
/* The index of the tensor of that name, or of the only one of which it is another name. */
TENSORFERRY_API int tensorferry_find(const tensorferry_model* model, const char* name,
                                     size_t name_length, size_t* index);

/* ---- Elements: row-major, little-endian, in the tensor's dtype ---- */

/* Copies the elements `first` .. `first` + `count` - 1, all of which must exist, to `buffer`, whose
 * `size` in bytes must be count x element_bytes at least. Of a whole tensor the checksums that the
 * file has are verified. Not for strings. */
TENSORFERRY_API int tensorferry_read(const tensorferry_model* model, size_t index, uint64_t first,
                                     uint64_t count, void* buffer, size_t size);

/* The same piece by piece, in bounded memory: for whole tensors that are large. The model may be
 * closed before the stream. */
typedef struct tensorferry_stream tensorferry_stream;
TENSORFERRY_API int tensorferry_stream_open(const tensorferry_model* model, size_t index,
                                            uint64_t first, uint64_t count,
                                            tensorferry_stream** stream);
/* At most `size` bytes; `*got` is 0 only at the end. */
TENSORFERRY_API int tensorferry_stream_read(tensorferry_stream* stream, void* buffer, size_t size,
                                            size_t* got);
TENSORFERRY_API void tensorferry_stream_close(tensorferry_stream* stream);

/* All elements of a tensor of strings. */
typedef struct tensorferry_strings tensorferry_strings;
TENSORFERRY_API int tensorferry_read_strings(const tensorferry_model* model, size_t index,
                                             tensorferry_strings** strings);
TENSORFERRY_API size_t tensorferry_strings_count(const tensorferry_strings* strings);
/* *length bytes and a NUL; NULL when there is no such element. */
TENSORFERRY_API const char* tensorferry_strings_at(const tensorferry_strings* strings, size_t index,
                                                   size_t* length);
TENSORFERRY_API void tensorferry_strings_free(tensorferry_strings* strings);

/* ---- Converting ---- */

typedef struct tensorferry_receipt {
  size_t struct_size;    /* set by the caller: sizeof(tensorferry_receipt) */
  uint64_t tensors;      /* written */
  uint64_t bytes;        /* of their elements */
  uint64_t output_bytes; /* of the files */
  uint64_t aliases;      /* tensors that share their bytes with another one */
  uint64_t damaged;      /* tensors that the option "salvage" left out; notes name them */
  double seconds;
  int32_t verified; /* 1 = the output was read back and has the same bits */
} tensorferry_receipt;

/* Writes `target` from `source`: complete, or not at all. `options` and `receipt` may be NULL. */
TENSORFERRY_API int tensorferry_convert(const char* source, const char* target,
                                        const tensorferry_options* options,
                                        tensorferry_receipt* receipt);

#ifdef __cplusplus
}
#endif
