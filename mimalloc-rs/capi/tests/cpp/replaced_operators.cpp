// A program replaces the operators that all others are defined by; with ARRAYS set those for arrays, too.
#include <algorithm>
#include <cstdlib>
#include <new>
#include <vector>

#include "check.h"

// In front of each block of the program's own.
struct alignas(64) Header {
  void* start;
  size_t kind;
};

enum Kind : size_t { SINGLE = 0x51, ARRAY = 0xa1, ALIGNED = 0xa7, ALIGNED_ARRAY = 0xaa };

static size_t live[256];

static void* allocate(Kind kind, size_t size, size_t align = 64) {
  if (size > PTRDIFF_MAX / 2) throw std::bad_alloc();
  const size_t room = std::max(align, sizeof(Header));
  char* start = static_cast<char*>(std::aligned_alloc(room, (room + size + room - 1) / room * room));
  Header* header = reinterpret_cast<Header*>(start + room) - 1;
  header->start = start;
  header->kind = kind;
  live[kind]++;
  return header + 1;
}

static void release(Kind kind, void* p) {
  if (p == nullptr) return;
  Header* header = static_cast<Header*>(p) - 1;
  CHECK(header->kind == kind);
  if (header->kind != kind) std::abort();
  live[kind]--;
  std::free(header->start);
}

void* operator new(size_t size) { return allocate(SINGLE, size); }
void operator delete(void* p) noexcept { release(SINGLE, p); }
void* operator new(size_t size, std::align_val_t align) { return allocate(ALIGNED, size, size_t(align)); }
void operator delete(void* p, std::align_val_t align) noexcept {
  CHECK(align == std::align_val_t{256});
  release(ALIGNED, p);
}
#ifdef ARRAYS
void* operator new[](size_t size) { return allocate(ARRAY, size); }
void operator delete[](void* p) noexcept { release(ARRAY, p); }
void* operator new[](size_t size, std::align_val_t align) { return allocate(ALIGNED_ARRAY, size, size_t(align)); }
void operator delete[](void* p, std::align_val_t align) noexcept {
  CHECK(align == std::align_val_t{256});
  release(ALIGNED_ARRAY, p);
}
static const Kind array = ARRAY, aligned_array = ALIGNED_ARRAY;
#else
static const Kind array = SINGLE, aligned_array = ALIGNED;
#endif

// A block comes from the program's operator of this kind and goes back there.
#define OWN(kind, allocation, deletion) \
  do {                                  \
    void* p = allocation;               \
    CHECK(live[kind] == 1);             \
    deletion;                           \
    CHECK(live[kind] == 0);             \
  } while (0)

int main() {
  const std::align_val_t align{256};
  OWN(SINGLE, operator new(10), operator delete(p));
  OWN(SINGLE, operator new(10), operator delete(p, size_t{10}));
  OWN(SINGLE, operator new(10, std::nothrow), operator delete(p, std::nothrow));
  OWN(array, operator new[](10), operator delete[](p));
  OWN(array, operator new[](10), operator delete[](p, size_t{10}));
  OWN(array, operator new[](10, std::nothrow), operator delete[](p, std::nothrow));
  OWN(ALIGNED, operator new(10, align), operator delete(p, align));
  OWN(ALIGNED, operator new(10, align), operator delete(p, size_t{10}, align));
  OWN(ALIGNED, operator new(10, align, std::nothrow), operator delete(p, align, std::nothrow));
  OWN(aligned_array, operator new[](10, align), operator delete[](p, align));
  OWN(aligned_array, operator new[](10, align), operator delete[](p, size_t{10}, align));
  OWN(aligned_array, operator new[](10, align, std::nothrow), operator delete[](p, align, std::nothrow));

  // What they throw is swallowed.
  CHECK(operator new(TOO_LARGE, std::nothrow) == nullptr);
  CHECK(operator new[](TOO_LARGE, std::nothrow) == nullptr);
  CHECK(operator new(TOO_LARGE, align, std::nothrow) == nullptr);
  CHECK(operator new[](TOO_LARGE, align, std::nothrow) == nullptr);

  // The C++ library allocates in forms of its choice.
  std::vector<int> numbers(1000);
  for (int i = 0; i < 1000; i++) numbers[i] = i * 7919 % 1000;
  std::stable_sort(numbers.begin(), numbers.end());
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  return report_checks();
}
