#include "file_sink.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "attributes.h"
#include "chunks.h"
#include "library.h"
#include "types.h"
#include "util/deflate.h"
#include "util/ordered_work.h"
#include "util/stream_parts.h"

namespace tensorferry::hdf5 {
namespace {

// Large tensors begin on a page, which costs 3 % at most and lets tools map and clone them.
constexpr hsize_t kAlignedFrom = 64 * 1024, kAlignment = 4096;

// Of 20,000 small datasets: the library's own choice, up to 32 MiB, takes six times as much memory
// and 1.5 times as long, since every entry costs several times its size and nothing is needed
// again.
constexpr std::size_t kMetadataCache = 256 * 1024;
// Structures lie together, and are written together.
constexpr hsize_t kMetadataBlock = 8 * 1024;

constexpr std::string_view kSetUp = "set up a property list";

Handle property_list(hid_t kind) { return Handle(H5Pcreate(kind), H5Pclose, kSetUp); }

void limit_cache(hid_t access) {
  H5AC_cache_config_t config;
  config.version = H5AC__CURR_CACHE_CONFIG_VERSION;
  checked(H5Pget_mdc_config(access, &config), kSetUp);
  config.set_initial_size = true;
  config.initial_size = config.min_size = config.max_size = kMetadataCache;
  config.incr_mode = H5C_incr__off;
  config.flash_incr_mode = H5C_flash_incr__off;
  config.decr_mode = H5C_decr__off;
  checked(H5Pset_mdc_config(access, &config), kSetUp);
}

Handle file_access() {
  Handle list = property_list(H5P_FILE_ACCESS);
  // The other drivers refuse a file that has no name yet (/proc/self/fd/N): they look for its real
  // path.
  checked(H5Pset_fapl_stdio(list.id()), kSetUp);
  // The oldest forms: superblock 0 and what every release reads.
  checked(H5Pset_libver_bounds(list.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V110), kSetUp);
  checked(H5Pset_fclose_degree(list.id(), H5F_CLOSE_STRONG), kSetUp);
  checked(H5Pset_alignment(list.id(), kAlignedFrom, kAlignment), kSetUp);
  checked(H5Pset_meta_block_size(list.id(), kMetadataBlock), kSetUp);
  limit_cache(list.id());
#if H5_VERSION_GE(1, 14, 0) || (H5_VERSION_GE(1, 12, 1) && !H5_VERSION_GE(1, 13, 0)) || \
    (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 11, 0))
  // The file is nobody else's until it has its name, and some file systems cannot lock.
  checked(H5Pset_file_locking(list.id(), false, true), kSetUp);
#endif
  return list;
}

// Without times of objects the same tensors give the same bytes.
Handle dataset_creation() {
  Handle list = property_list(H5P_DATASET_CREATE);
  checked(H5Pset_obj_track_times(list.id(), false), kSetUp);
  return list;
}

Handle dataspace(const Shape& shape) {
  if (shape.empty()) return Handle(H5Screate(H5S_SCALAR), H5Sclose, "make a dataspace");
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  return Handle(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr),
                H5Sclose, "make a dataspace");
}

Handle link_creation() {
  Handle list = property_list(H5P_LINK_CREATE);
  checked(H5Pset_create_intermediate_group(list.id(), 1), kSetUp);
  // Not only for the names: it gives groups the form that stays fast with many links. The other one
  // keeps all names of a group in one block, which is read again whenever it does not fit into the
  // cache.
  checked(H5Pset_char_encoding(list.id(), H5T_CSET_UTF8), kSetUp);
  return list;
}

/// The library's filter of that name: all first bytes of the elements, all second ones, and so on.
void shuffle(std::vector<std::byte>& bytes, std::size_t element_bytes) {
  if (element_bytes == 1) return;
  std::vector<std::byte> out(bytes.size());
  const std::size_t count = bytes.size() / element_bytes;
  for (std::size_t j = 0; j < element_bytes; ++j) {
    const std::byte* from = bytes.data() + j;
    std::byte* to = out.data() + j * count;
    for (std::size_t i = 0; i < count; ++i) to[i] = from[i * element_bytes];
  }
  bytes = std::move(out);
}

class FileSink final : public Sink {
 public:
  explicit FileSink(FilePlan plan) : plan_(std::move(plan)) {}
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  ~FileSink() override {
    const LibraryScope scope;
    release();
  }

  void create(const std::filesystem::path& path, std::vector<Slot>& slots) override {
    {
      const LibraryScope scope;
      open(path);
    }
    for (Slot& slot : slots) {
      const Dataset& dataset = plan_.datasets.at(slot.tensor);
      if (dataset.texts) {
        create_strings(dataset);
      } else {
        const LibraryScope scope;
        create_dataset(dataset, slot);
      }
    }
  }

  void allow(unsigned threads, std::uint64_t memory) override {
    threads_ = threads;
    memory_ = memory;
  }

  // The filters are ours: the library has one thread and zlib.
  void write(const Slot& slot, ByteStream& bytes) override {
    const Dataset& dataset = plan_.datasets.at(slot.tensor);
    const std::size_t element_bytes = info(dataset.dtype).bytes;
    Target target = open_target(dataset);
    const std::size_t chunk_bytes = element_count(dataset.chunk) * element_bytes;
    // Read, shuffled, compressed.
    const std::uint64_t most = std::min<std::uint64_t>(2 * threads_, memory_ / chunk_bytes / 3);
    OrderedWork work(most > 1 ? threads_ : 1, most);
    for (ChunkWalk walk(dataset.shape, dataset.chunk); !walk.done(); walk.next()) {
      auto chunk = std::make_shared<Chunk>();
      chunk->start.assign(walk.start().begin(), walk.start().end());
      chunk->bytes.resize(chunk_bytes);  // what lies beyond the edge is 0, the fill value
      read_fully(bytes, std::span(chunk->bytes).first(walk.elements() * element_bytes),
                 dataset.path);
      work.add(
          [this, chunk, element_bytes] {
            if (plan_.shuffle) shuffle(chunk->bytes, element_bytes);
            chunk->bytes = zlib_compressed(chunk->bytes, static_cast<int>(plan_.level),
                                           plan_.shuffle ? element_bytes : 1);
          },
          [&target, chunk] {
            const LibraryScope scope;
            checked(H5Dwrite_chunk(target.dataset.id(), H5P_DEFAULT, 0, chunk->start.data(),
                                   chunk->bytes.size(), chunk->bytes.data()),
                    "write a chunk");
          });
    }
    work.finish();
    expect_end(bytes, dataset.path);
    const LibraryScope scope;
    target.dataset.close("finish a dataset");
  }

  void close() override {
    const LibraryScope scope;
    file_.close("finish the file");
    release();
    // The mover begins now, and nothing asks for these again.
    plan_ = FilePlan();
    H5garbage_collect();
  }

 private:
  struct Chunk {
    std::vector<hsize_t> start;
    std::vector<std::byte> bytes;
  };

  struct Target {
    explicit Target(Handle opened) : dataset(std::move(opened)) {}
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;
    ~Target() {
      const LibraryScope scope;
      dataset = Handle();
    }
    Handle dataset;
  };

  void release() {
    file_ = Handle();
    types_.clear();
    links_ = Handle();
    contiguous_ = Handle();
  }

  void open(const std::filesystem::path& path) {
    Handle creation = property_list(H5P_FILE_CREATE);
    checked(H5Pset_obj_track_times(creation.id(), false), kSetUp);
    const Handle access = file_access();
    file_ = Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), H5Fclose,
                   "create the file");
    links_ = link_creation();
    contiguous_ = dataset_creation();
    checked(H5Pset_alloc_time(contiguous_.id(), H5D_ALLOC_TIME_EARLY), kSetUp);
    checked(H5Pset_fill_time(contiguous_.id(), H5D_FILL_TIME_NEVER), kSetUp);
    const Handle root(H5Gopen2(file_.id(), "/", H5P_DEFAULT), H5Gclose, "open the root group");
    write_attributes(root.id(), plan_.attributes);
  }

  Handle add(const Dataset& dataset, hid_t type, hid_t creation) {
    const Handle space = dataspace(dataset.shape);
    Handle created(H5Dcreate2(file_.id(), dataset.path.c_str(), type, space.id(), links_.id(),
                              creation, H5P_DEFAULT),
                   H5Dclose, "create a dataset");
    write_attributes(created.id(), dataset.attributes);
    return created;
  }

  void create_dataset(const Dataset& dataset, Slot& slot) {
    const Handle& type = type_of(dataset.dtype);
    if (dataset.chunk.empty()) {
      const Handle created = add(dataset, type.id(), contiguous_.id());
      if (slot.length == 0) return;
      const haddr_t offset = H5Dget_offset(created.id());
      if (offset == HADDR_UNDEF) throw_library_error("place a dataset");
      slot.offset = offset;
    } else {
      add(dataset, type.id(), chunked(dataset.chunk).id());
    }
  }

  const Handle& type_of(DType dtype) {
    Handle& type = types_[dtype];
    if (!type) type = element_type(dtype);
    return type;
  }

  Handle chunked(const Shape& chunk) const {
    Handle list = dataset_creation();
    const std::vector<hsize_t> extents(chunk.begin(), chunk.end());
    checked(H5Pset_chunk(list.id(), static_cast<int>(extents.size()), extents.data()), kSetUp);
    if (plan_.shuffle) checked(H5Pset_shuffle(list.id()), kSetUp);
    checked(H5Pset_deflate(list.id(), plan_.level), kSetUp);
    return list;
  }

  void create_strings(const Dataset& dataset) {
    const std::vector<std::string> texts = load_strings(*dataset.texts);
    const bool as_text = are_texts(texts);
    Dataset described = dataset;
    if (!as_text) described.attributes["tensorferry_dtype"] = std::string(to_string(DType::string));
    const LibraryScope scope;
    const Handle type = as_text ? text_type() : bytes_type();
    const Handle created = add(described, type.id(), dataset_creation().id());
    write_strings(created.id(), type.id(), as_text, texts);
  }

  Target open_target(const Dataset& dataset) const {
    const LibraryScope scope;
    return Target(Handle(H5Dopen2(file_.id(), dataset.path.c_str(), H5P_DEFAULT), H5Dclose,
                         "open a dataset"));
  }

  FilePlan plan_;
  std::map<DType, Handle> types_;
  Handle file_, links_, contiguous_;
  unsigned threads_ = 1;
  std::uint64_t memory_ = 0;
};

}  // namespace

bool has_gzip() {
  const LibraryScope scope;
  return H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0;
}

std::unique_ptr<Sink> make_file_sink(FilePlan plan) {
  return std::make_unique<FileSink>(std::move(plan));
}

}  // namespace tensorferry::hdf5
