# The core needs zlib, too, and has found it.
set(libraries ${ZLIB_LIBRARIES})
