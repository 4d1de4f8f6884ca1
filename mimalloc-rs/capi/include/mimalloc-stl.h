/* Part of mimalloc.h, from C++11 on: allocators for the containers of the standard library. */
#ifndef MIMALLOC_STL_H
#define MIMALLOC_STL_H
#ifndef MIMALLOC_H
#error "include mimalloc.h"
#endif

#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#define MI_HAS_HEAP_STL_ALLOCATOR 1

/* What the allocators below have in common. */
template <class T>
struct _mi_stl_allocator_types {
  typedef T value_type;
  typedef std::size_t size_type;
  typedef std::ptrdiff_t difference_type;
  typedef T* pointer;
  typedef const T* const_pointer;
  using propagate_on_container_copy_assignment = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
};

template <class T>
struct _mi_stl_allocator_common : _mi_stl_allocator_types<T> {
  using typename _mi_stl_allocator_types<T>::size_type;
  using typename _mi_stl_allocator_types<T>::difference_type;
  using typename _mi_stl_allocator_types<T>::pointer;
  using typename _mi_stl_allocator_types<T>::const_pointer;
  typedef T& reference;
  typedef const T& const_reference;

  template <class U, class... Args>
  void construct(U* p, Args&&... args) {
    ::new (static_cast<void*>(p)) U(std::forward<Args>(args)...);
  }
  template <class U>
  void destroy(U* p) noexcept {
    p->~U();
  }
  size_type max_size() const noexcept {
    return static_cast<size_type>(std::numeric_limits<difference_type>::max()) / sizeof(T);
  }
  pointer address(reference x) const noexcept { return std::addressof(x); }
  const_pointer address(const_reference x) const noexcept { return std::addressof(x); }
};

/* Stands for allocators of whatever a container needs, and allocates nothing itself. */
template <>
struct _mi_stl_allocator_common<void> : _mi_stl_allocator_types<void> {};

/* NULL is an exception. */
template <class T>
T* _mi_stl_checked(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  return static_cast<T*>(block);
}

/* Allocates as mi_new does. Types that need more alignment than every block has ask for it. */
template <class T>
struct mi_stl_allocator : _mi_stl_allocator_common<T> {
  using typename _mi_stl_allocator_common<T>::size_type;
  using is_always_equal = std::true_type;
  template <class U>
  struct rebind {
    typedef mi_stl_allocator<U> other;
  };

  mi_stl_allocator() noexcept = default;
  mi_stl_allocator(const mi_stl_allocator&) noexcept = default;
  mi_stl_allocator& operator=(const mi_stl_allocator&) noexcept = default;
  template <class U>
  mi_stl_allocator(const mi_stl_allocator<U>&) noexcept {}
  mi_stl_allocator select_on_container_copy_construction() const { return *this; }

  mi_decl_nodiscard T* allocate(size_type count, const void* = nullptr) {
    if (alignof(T) > alignof(std::max_align_t)) {
      if (count > this->max_size()) throw std::bad_alloc();
      return static_cast<T*>(mi_new_aligned(count * sizeof(T), alignof(T)));
    }
    return static_cast<T*>(mi_new_n(count, sizeof(T)));
  }
  void deallocate(T* p, size_type = 0) noexcept { mi_free(p); }
};

template <class T, class U>
bool operator==(const mi_stl_allocator<T>&, const mi_stl_allocator<U>&) noexcept {
  return true;
}
template <class T, class U>
bool operator!=(const mi_stl_allocator<T>&, const mi_stl_allocator<U>&) noexcept {
  return false;
}

/* Allocates in a heap: one of its own, ended with the last copy of the allocator, or one of the program's. */
template <class T, bool Destroy>
struct _mi_heap_stl_allocator_common : _mi_stl_allocator_common<T> {
  using typename _mi_stl_allocator_common<T>::size_type;
  using is_always_equal = std::false_type;

  _mi_heap_stl_allocator_common(mi_heap_t* borrowed) : heap(borrowed, [](mi_heap_t*) {}) {}

  mi_decl_nodiscard T* allocate(size_type count, const void* = nullptr) {
    if (alignof(T) > alignof(std::max_align_t)) {
      if (count > this->max_size()) throw std::bad_alloc();
      return _mi_stl_checked<T>(mi_heap_malloc_aligned(heap.get(), count * sizeof(T), alignof(T)));
    }
    return static_cast<T*>(mi_heap_alloc_new_n(heap.get(), count, sizeof(T)));
  }
  /* A heap that will be destroyed frees its blocks then. */
  void deallocate(T* p, size_type = 0) noexcept {
    if (!Destroy) mi_free(p);
  }
  void collect(bool force) { mi_heap_collect(heap.get(), force); }
  template <class U>
  bool is_equal(const _mi_heap_stl_allocator_common<U, Destroy>& other) const noexcept {
    return heap == other.heap;
  }

 protected:
  std::shared_ptr<mi_heap_t> heap;
  template <class U, bool D>
  friend struct _mi_heap_stl_allocator_common;

  _mi_heap_stl_allocator_common()
      : heap(_mi_stl_checked<mi_heap_t>(mi_heap_new()), Destroy ? mi_heap_destroy : mi_heap_delete) {}
  _mi_heap_stl_allocator_common(const _mi_heap_stl_allocator_common&) = default;
  _mi_heap_stl_allocator_common& operator=(const _mi_heap_stl_allocator_common&) = default;
  template <class U>
  _mi_heap_stl_allocator_common(const _mi_heap_stl_allocator_common<U, Destroy>& other) noexcept : heap(other.heap) {}
};

/* Ends its heap by mi_heap_delete. */
template <class T>
struct mi_heap_stl_allocator : _mi_heap_stl_allocator_common<T, false> {
  template <class U>
  struct rebind {
    typedef mi_heap_stl_allocator<U> other;
  };
  mi_heap_stl_allocator() = default;
  mi_heap_stl_allocator(mi_heap_t* borrowed) : _mi_heap_stl_allocator_common<T, false>(borrowed) {}
  template <class U>
  mi_heap_stl_allocator(const mi_heap_stl_allocator<U>& other) noexcept
      : _mi_heap_stl_allocator_common<T, false>(other) {}
  mi_heap_stl_allocator select_on_container_copy_construction() const { return *this; }
};

/* Ends its heap by mi_heap_destroy; giving blocks back before does nothing. */
template <class T>
struct mi_heap_destroy_stl_allocator : _mi_heap_stl_allocator_common<T, true> {
  template <class U>
  struct rebind {
    typedef mi_heap_destroy_stl_allocator<U> other;
  };
  mi_heap_destroy_stl_allocator() = default;
  mi_heap_destroy_stl_allocator(mi_heap_t* borrowed) : _mi_heap_stl_allocator_common<T, true>(borrowed) {}
  template <class U>
  mi_heap_destroy_stl_allocator(const mi_heap_destroy_stl_allocator<U>& other) noexcept
      : _mi_heap_stl_allocator_common<T, true>(other) {}
  mi_heap_destroy_stl_allocator select_on_container_copy_construction() const { return *this; }
};

template <class T, class U>
bool operator==(const mi_heap_stl_allocator<T>& a, const mi_heap_stl_allocator<U>& b) noexcept {
  return a.is_equal(b);
}
template <class T, class U>
bool operator!=(const mi_heap_stl_allocator<T>& a, const mi_heap_stl_allocator<U>& b) noexcept {
  return !a.is_equal(b);
}
template <class T, class U>
bool operator==(const mi_heap_destroy_stl_allocator<T>& a, const mi_heap_destroy_stl_allocator<U>& b) noexcept {
  return a.is_equal(b);
}
template <class T, class U>
bool operator!=(const mi_heap_destroy_stl_allocator<T>& a, const mi_heap_destroy_stl_allocator<U>& b) noexcept {
  return !a.is_equal(b);
}

#endif
