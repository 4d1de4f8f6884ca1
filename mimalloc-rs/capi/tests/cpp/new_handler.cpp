// The installed new-handler is asked for memory until there is some, or until it says no.
#include <mimalloc.h>

#include <new>
#include <stdexcept>
#include <vector>

#include "check.h"

static int calls = 0;

struct OurOwn : std::bad_alloc {};

// Gives up by uninstalling itself.
static void three_times() {
  if (++calls == 3) std::set_new_handler(nullptr);
}

static void says_no() {
  calls++;
  throw OurOwn();
}

static bool throws_our_own(void* (*call)(size_t)) {
  try {
    call(TOO_LARGE);
  } catch (const OurOwn&) {
    return true;
  } catch (...) {
  }
  return false;
}

int main() {
  calls = 0;
  std::set_new_handler(three_times);
  bool caught = false;
  try {
    operator delete(operator new(TOO_LARGE));
  } catch (const std::bad_alloc&) {
    caught = true;
  }
  CHECK(caught && calls == 3);

  calls = 0;
  std::set_new_handler(three_times);
  CHECK(operator new(TOO_LARGE, std::nothrow) == nullptr && calls == 3);
  calls = 0;
  std::set_new_handler(three_times);
  CHECK(mi_new_aligned_nothrow(TOO_LARGE, 64) == nullptr && calls == 3);

  calls = 0;
  std::set_new_handler(says_no);
  CHECK(throws_our_own([](size_t size) { return operator new(size); }));
  CHECK(throws_our_own([](size_t size) { return operator new[](size); }));
  CHECK(throws_our_own([](size_t size) { return operator new(size, std::align_val_t{64}); }));
  CHECK(throws_our_own([](size_t size) { return mi_new(size); }));
  CHECK(throws_our_own([](size_t size) { return mi_heap_alloc_new(mi_heap_main(), size); }));
  CHECK(calls == 5);

  // The nothrow forms swallow what the handler throws.
  calls = 0;
  CHECK(operator new(TOO_LARGE, std::nothrow) == nullptr && calls == 1);
  CHECK(operator new[](TOO_LARGE, std::align_val_t{64}, std::nothrow) == nullptr && calls == 2);
  CHECK(mi_new_nothrow(TOO_LARGE) == nullptr && calls == 3);
  CHECK(mi_heap_try_new(mi_heap_main(), TOO_LARGE, true) == nullptr && calls == 4);
  std::set_new_handler(nullptr);

  // Frames between the throw and the catch are cleaned up.
  static int cleaned = 0;
  struct Cleaner {
    ~Cleaner() { cleaned++; }
  };
  try {
    Cleaner cleaner;
    std::vector<char> numbers(100);
    numbers.reserve(NOT_THERE);
  } catch (const std::bad_alloc&) {
    CHECK(cleaned == 1);
  }
  CHECK(cleaned == 1);
  return report_checks();
}
