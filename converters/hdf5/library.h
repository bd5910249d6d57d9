// HDF5's C library behind handles and exceptions. It is used in a process of its own (survey.h), by
// one thread.
#pragma once

// The names of 1.10 in every later release.
#define H5_USE_110_API
#include <hdf5.h>

#include <string>
#include <utility>

namespace tensorferry::hdf5 {

/// Starts the library, before the process is forked that uses it: it takes as long as a small file.
void start_library();

/// Has it be silent (by itself it prints errors) and load no filter plugins, for the rest of this
/// process.
void prepare_library();

/// Why the call that has just failed in this thread failed; empty when the library does not say.
std::string library_reason();

/// An identifier of the library and the function that closes it.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Handle() = default;
  Handle(hid_t id, Close closer) : id_(id), close_(closer) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }

  hid_t id() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

}  // namespace tensorferry::hdf5
