# DRAWBAR_BUILD_ID: the version and a hash of all headers, as they are when the build is configured. A
# target's library and what loads it compare it.
file(GLOB_RECURSE headers ${PROJECT_SOURCE_DIR}/src/*.h ${PROJECT_SOURCE_DIR}/include/*.h)
list(SORT headers)
set(hashes "")
foreach(header IN LISTS headers)
  file(SHA1 ${header} hash)
  string(APPEND hashes ${hash})
endforeach()
string(SHA1 hashes "${hashes}")
string(SUBSTRING ${hashes} 0 16 hashes)
set(DRAWBAR_BUILD_ID "${PROJECT_VERSION}-${hashes}")
