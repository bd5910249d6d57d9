#include "file_driver.h"

#include <array>
#include <cstring>
#include <optional>
#include <string>

#include "header_patch.h"
#include "object_header.h"
#include "tensorferry/error.h"
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

namespace tensorferry::hdf5 {
namespace {

// The only name that the driver opens: a file that an object refers to has another.
constexpr char kName[] = "tensorferry:input";
// Metadata may be read a few times over; a structure that leads in circles is read without end.
constexpr std::uint64_t kReadsOfFile = 64, kReadsFree = 256u << 20;

std::optional<Error> driver_error;

// What the library keeps of an open file: its own part comes first.
struct Open {
  H5FD_t base;
  const File* file;
  haddr_t end_of_allocation;
  std::uint64_t budget;
  ShownBytes* shown;
  // Set: elements are not read.
  std::optional<RawReadCatcher::Place>* caught;
};

struct Access {
  const File* file;
  ShownBytes* shown;
};

Open& of(H5FD_t* file) { return *reinterpret_cast<Open*>(file); }
const Open& of(const H5FD_t* file) { return *reinterpret_cast<const Open*>(file); }

H5FD_t* open_file(const char* name, unsigned flags, hid_t access, haddr_t) {
  const auto* wanted = static_cast<const Access*>(H5Pget_driver_info(access));
  if (wanted == nullptr || flags != H5F_ACC_RDONLY || std::strcmp(name, kName) != 0) return nullptr;
  auto* opened = new (std::nothrow) Open{};
  if (opened == nullptr) return nullptr;
  opened->file = wanted->file;
  opened->shown = wanted->shown;
  opened->budget = wanted->file->size() / 4 * kReadsOfFile + kReadsFree;
  return &opened->base;
}

herr_t close_file(H5FD_t* file) {
  delete &of(file);
  return 0;
}

int compare_files(const H5FD_t* a, const H5FD_t* b) {
  if (a == b) return 0;
  return std::less<>()(a, b) ? -1 : 1;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  // Metadata is not accumulated: 1.10 copies from outside its buffer for a damaged address.
  *flags = H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_IGNORE_DRVRINFO;
  return 0;
}

haddr_t get_end_of_allocation(const H5FD_t* file, H5FD_mem_t) { return of(file).end_of_allocation; }

herr_t set_end_of_allocation(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  of(file).end_of_allocation = address;
  return 0;
}

haddr_t get_end_of_file(const H5FD_t* file, H5FD_mem_t) { return of(file).file->size(); }

void show(const ShownBytes& shown, std::uint64_t address, std::span<char> bytes) {
  auto next = shown.upper_bound(address);
  if (next != shown.begin()) --next;
  for (; next != shown.end() && next->first < address + bytes.size(); ++next) {
    const auto& [begin, patch] = *next;
    const std::uint64_t from = std::max<std::uint64_t>(begin, address),
                        to = std::min(begin + patch.size(), address + bytes.size());
    if (from < to) std::memcpy(&bytes[from - address], &patch[from - begin], to - from);
  }
}

void read_bytes(Open& open, haddr_t address, std::size_t size, void* buffer) {
  if (size > open.budget) {
    throw Error(ErrorCode::corrupt, "hdf5_loop",
                "its structure is read over and over: it leads in circles");
  }
  open.budget -= size;
  open.file->read_at(address, {static_cast<std::byte*>(buffer), size});
  show(*open.shown, address, {static_cast<char*>(buffer), size});
}

herr_t read(H5FD_t* file, H5FD_mem_t kind, hid_t, haddr_t address, std::size_t size, void* buffer) {
  if (kind == H5FD_MEM_DRAW && of(file).caught != nullptr) {
    *of(file).caught = {address, size};
    return 0;
  }
  try {
    read_bytes(of(file), address, size, buffer);
    return 0;
  } catch (const Error& error) {
    driver_error = error;
  } catch (...) {
    driver_error = Error(ErrorCode::resources, "memory", "out of memory");
  }
  return -1;
}

herr_t get_handle(H5FD_t* file, hid_t, void** handle) {
  *handle = &of(file);
  return 0;
}

herr_t refuse_write(H5FD_t*, H5FD_mem_t, hid_t, haddr_t, std::size_t, const void*) { return -1; }

hid_t register_driver() {
  static const H5FD_class_t description = [] {
    H5FD_class_t c{};
#ifdef H5FD_CLASS_VERSION
    c.version = H5FD_CLASS_VERSION;
    c.value = static_cast<H5FD_class_value_t>(511);  // of the range for private drivers
#endif
    c.name = "tensorferry";
    c.maxaddr = ~haddr_t{0} >> 1;
    c.fc_degree = H5F_CLOSE_STRONG;
    c.fapl_size = sizeof(Access);
    c.open = open_file;
    c.close = close_file;
    c.cmp = compare_files;
    c.query = query;
    c.get_eoa = get_end_of_allocation;
    c.set_eoa = set_end_of_allocation;
    c.get_eof = get_end_of_file;
    c.get_handle = get_handle;
    c.read = read;
    c.write = refuse_write;
    const H5FD_mem_t kinds[] = H5FD_FLMAP_DICHOTOMY;
    std::copy(std::begin(kinds), std::end(kinds), std::begin(c.fl_map));
    return c;
  }();
  return readable(H5FDregister(&description), "register its driver");
}

hid_t driver() {
  static hid_t id = -1;
  // A host that closes the whole library takes the registration with it.
  if (id < 0 || H5Iis_valid(id) <= 0) id = register_driver();
  return id;
}

Handle access_list(const File& file, ShownBytes& shown) {
  Handle list = readable_handle(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "make a property list");
  const Access access{&file, &shown};
  readable(H5Pset_driver(list.id(), driver(), &access), "set its driver");
  readable(H5Pset_fclose_degree(list.id(), H5F_CLOSE_STRONG), "set up a property list");
  // Chunks are read by dataset_files.
  readable(H5Pset_cache(list.id(), 0, 521, 0, 1), "set up a property list");
  readable(H5Pset_elink_file_cache_size(list.id(), 0), "set up a property list");
  return list;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

void throw_read_error(std::string_view doing) {
  const std::string reason = library_reason();
  if (driver_error) {
    const Error error = *driver_error;
    driver_error.reset();
    throw Error(error);
  }
  const std::string message =
      "HDF5 could not " + std::string(doing) + (reason.empty() ? "" : ": " + reason);
  if (contains(reason, "truncated file")) throw Error(ErrorCode::corrupt, "truncated", message);
  // Newer releases raise these numbers; 1.10 cannot tell them from damage.
  if (contains(reason, "bad version number") || contains(reason, "unknown version"))
    throw Error(ErrorCode::unsupported, "hdf5_version",
                message +
                    " (if a newer release of HDF5 wrote the file, the h5repack of that release "
                    "makes one that is read, with --high=2)");
  throw Error(ErrorCode::corrupt, "hdf5", message);
}

namespace {

Open& open_of(hid_t object) {
  const Handle file = readable_handle(H5Iget_file_id(object), H5Fclose, "find its file");
  void* open = nullptr;
  readable(H5Fget_vfd_handle(file.id(), H5P_DEFAULT, &open), "find its file");
  return *static_cast<Open*>(open);
}

// Has the library shown the object as its release can read it, where that is another way than the
// file has it. Throws Error for what it is not to look at.
bool add_patches(hid_t other, haddr_t address) {
  const Open& open = open_of(other);
  const std::uint64_t base = open.base.base_addr;
  std::vector<SealedBlock> blocks;
  const auto messages = object_header(*open.file, base, address, blocks);
  check_messages(messages);
  // Opening one has the library read the names of the other files out of a heap, unchecked.
  if (is_virtual(messages)) {
    throw Error(ErrorCode::unsafe, "virtual",
                "it is a virtual dataset: its elements lie in other files, which are never opened");
  }
  auto patches = patches_for_library(*open.file, base, messages, blocks);
  for (HeaderPatch& patch : patches)
    open.shown->insert_or_assign(patch.offset, std::move(patch.bytes));
  return !patches.empty();
}

haddr_t root_of(hid_t file) {
  H5O_info_t info{};
  readable(H5Oget_info2(file, &info, H5O_INFO_BASIC), "find the root group");
  return info.addr;
}

}  // namespace

Source source_of(hid_t object) {
  const Open& open = open_of(object);
  return {open.file, open.base.base_addr};
}

Handle open_object(hid_t other, haddr_t address) {
  add_patches(other, address);
  return readable_handle(H5Oopen_by_addr(other, address), H5Oclose, "open an object");
}

Handle open_root(hid_t other) {
  const Handle file = readable_handle(H5Iget_file_id(other), H5Fclose, "find its file");
  return open_object(other, root_of(file.id()));
}

OpenFile::OpenFile(std::shared_ptr<const File> file)
    : file_(std::move(file)), shown_(std::make_unique<ShownBytes>()) {
  const Handle access = access_list(*file_, *shown_);
  const auto open = [&] {
    id_ = Handle();
    id_ = readable_handle(H5Fopen(kName, H5F_ACC_RDONLY, access.id()), H5Fclose, "open the file");
  };
  open();
  const Handle creation =
      readable_handle(H5Fget_create_plist(id_.id()), H5Pclose, "read its properties");
  std::size_t address_bytes = 0, length_bytes = 0;
  readable(H5Pget_sizes(creation.id(), &address_bytes, &length_bytes), "read its properties");
  // object_header and global_heap know no other; no writer in use makes them.
  if (address_bytes != 8 || length_bytes != 8) {
    throw Error(ErrorCode::unsupported, "hdf5_sizes",
                "its addresses and lengths have " + std::to_string(address_bytes) + " and " +
                    std::to_string(length_bytes) + " bytes instead of 8");
  }
  // The library has read the root group already.
  if (add_patches(id(), root_of(id()))) open();
}

RawReadCatcher::RawReadCatcher(hid_t object) : place_(&open_of(object).caught) {
  *place_ = &caught_;
}

RawReadCatcher::~RawReadCatcher() { *place_ = nullptr; }

}  // namespace tensorferry::hdf5
