// Containers of the standard library with the allocators of mimalloc.h.
#include <mimalloc.h>

#include <deque>
#include <list>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "check.h"

struct alignas(256) Wide {
  int value = 0;
};

template <template <class> class Allocator>
static void containers() {
  std::vector<int, Allocator<int>> numbers;
  for (int i = 0; i < 100000; i++) numbers.push_back(i);
  CHECK(numbers[99999] == 99999 && mi_is_in_heap_region(numbers.data()));
  auto copy = numbers;
  CHECK(copy == numbers);
  auto moved = std::move(copy);
  CHECK(moved.size() == 100000);
  numbers.swap(moved);
  numbers = moved;

  std::map<int, std::string, std::less<int>, Allocator<std::pair<const int, std::string>>> names;
  for (int i = 0; i < 1000; i++) names[i] = std::to_string(i);
  for (int i = 0; i < 1000; i += 2) names.erase(i);
  CHECK(names.size() == 500 && names[501] == "501");

  std::list<long, Allocator<long>> list(100, 7);
  list.remove(7);
  CHECK(list.empty());
  std::deque<double, Allocator<double>> deque;
  for (int i = 0; i < 10000; i++) deque.push_front(i);
  CHECK(deque.back() == 0);
  std::unordered_map<int, int, std::hash<int>, std::equal_to<int>, Allocator<std::pair<const int, int>>> table;
  for (int i = 0; i < 10000; i++) table[i] = i;
  CHECK(table.size() == 10000);
  std::basic_string<char, std::char_traits<char>, Allocator<char>> text(1000, 'x');
  text += "more";
  CHECK(text.size() == 1004);
  std::set<int, std::less<int>, Allocator<int>> set{3, 1, 2};
  CHECK(*set.begin() == 1);

  std::vector<Wide, Allocator<Wide>> wide(10);
  CHECK(is_aligned(wide.data(), 256) && is_aligned(&wide[3], 256));

  bool caught = false;
  try {
    Allocator<long> allocator;
    allocator.deallocate(allocator.allocate(TOO_LARGE));
  } catch (const std::bad_alloc&) {
    caught = true;
  }
  CHECK(caught);
}

// What is passed to code that allocates types of its own.
template <class Allocator>
static bool makes_numbers(const Allocator& any) {
  using Numbers = typename std::allocator_traits<Allocator>::template rebind_alloc<int>;
  std::vector<int, Numbers> numbers(100, 7, Numbers(any));
  return numbers[99] == 7 && mi_is_in_heap_region(numbers.data());
}

static void of_nothing() {
  CHECK(makes_numbers(mi_stl_allocator<void>()));
  CHECK(makes_numbers(mi_heap_stl_allocator<void>()));
  CHECK(makes_numbers(mi_heap_destroy_stl_allocator<void>(mi_heap_main())));
  CHECK(mi_stl_allocator<void>(mi_stl_allocator<int>()) == mi_stl_allocator<void>());
}

static void equality() {
  mi_stl_allocator<int> a;
  mi_stl_allocator<long> b(a);
  CHECK(a == b && !(a != b));
  mi_heap_stl_allocator<int> c;
  mi_heap_stl_allocator<long> d(c);
  mi_heap_stl_allocator<int> e;
  CHECK(c == d && !(c != d) && c != e);
  mi_heap_destroy_stl_allocator<int> f;
  mi_heap_destroy_stl_allocator<long> g(f);
  mi_heap_destroy_stl_allocator<int> h;
  CHECK(f == g && f != h);
  CHECK(a.max_size() > 0 && c.select_on_container_copy_construction() == c);
}

static void borrowed() {
  mi_heap_t* heap = mi_heap_new();
  CHECK(heap != nullptr);
  {
    mi_heap_stl_allocator<int> allocator(heap);
    std::vector<int, mi_heap_stl_allocator<int>> numbers(allocator);
    numbers.resize(1000);
    CHECK(mi_heap_contains(heap, numbers.data()));
    allocator.collect(false);
  }
  {
    mi_heap_destroy_stl_allocator<int> allocator(heap);
    std::vector<int, mi_heap_destroy_stl_allocator<int>> numbers(allocator);
    numbers.resize(1000);
    CHECK(mi_heap_contains(heap, numbers.data()));
  }
  {
    std::vector<int, mi_heap_stl_allocator<int>> numbers(heap);
    std::vector<int, mi_heap_destroy_stl_allocator<int>> others(heap);
    numbers.resize(1000);
    others.resize(1000);
    CHECK(mi_heap_contains(heap, numbers.data()) && mi_heap_contains(heap, others.data()));
  }
  void* p = mi_heap_malloc(heap, 10);
  CHECK(p != nullptr);
  mi_heap_destroy(heap);
}

static void across_threads() {
  std::vector<int, mi_heap_stl_allocator<int>> numbers;
  std::thread([&] {
    for (int i = 0; i < 10000; i++) numbers.push_back(i);
  }).join();
  for (int i = 0; i < 10000; i++) numbers.push_back(i);
  CHECK(numbers.size() == 20000);
}

int main() {
  containers<mi_stl_allocator>();
  containers<mi_heap_stl_allocator>();
  containers<mi_heap_destroy_stl_allocator>();
  of_nothing();
  equality();
  borrowed();
  across_threads();
  return report_checks();
}
