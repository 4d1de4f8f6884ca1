// The operators of mimalloc-new-delete.h instead of those in the library.
#include <mimalloc-new-delete.h>

#include <memory>
#include <vector>

#include "check.h"

struct alignas(64) Wide {
  int value = 1;
};

int main() {
  auto one = std::make_unique<int>(1);
  CHECK(mi_is_in_heap_region(one.get()));
  auto wide = std::make_unique<Wide[]>(10);
  CHECK(mi_is_in_heap_region(wide.get()) && is_aligned(wide.get(), 64));
  std::vector<int> numbers(1000);
  CHECK(mi_is_in_heap_region(numbers.data()));
  CHECK(operator new(TOO_LARGE, std::nothrow) == nullptr);
  bool caught = false;
  try {
    operator delete[](operator new[](TOO_LARGE));
  } catch (const std::bad_alloc&) {
    caught = true;
  }
  CHECK(caught);
  return report_checks();
}
