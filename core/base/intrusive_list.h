// A doubly linked list whose links are members of its elements: it allocates nothing, and an
// element can be removed from anywhere.
#pragma once

#include <cstddef>

namespace zerogate {

/// Links elements by two of their own members, as in IntrusiveList<T, &T::prev, &T::next>. It does
/// not own the elements, and each may be in one list of these members only. One thread.
template <class T, T* T::*Prev, T* T::*Next>
class IntrusiveList {
 public:
  bool empty() const { return first_ == nullptr; }
  size_t size() const { return size_; }
  T* front() const { return first_; }
  T* back() const { return last_; }

  void push_back(T& element) {
    T* const last = last_;
    element.*Prev = last;
    element.*Next = nullptr;
    (last == nullptr ? first_ : last->*Next) = &element;
    last_ = &element;
    ++size_;
  }
  void remove(T& element) {
    T* const prev = element.*Prev;
    T* const next = element.*Next;
    (prev == nullptr ? first_ : prev->*Next) = next;
    (next == nullptr ? last_ : next->*Prev) = prev;
    element.*Prev = element.*Next = nullptr;
    --size_;
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
  size_t size_ = 0;
};

}  // namespace zerogate
