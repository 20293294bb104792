// What the fixtures beside it are made of: an allocator that only hands out, inlined functions, a class, a recursion.
// The tests name lines of this file.
extern "C" {
static unsigned long top = 1 << 16;

__attribute__((noinline, export_name("malloc"))) void *malloc(unsigned long size) {
  unsigned long block = top;
  top += (size + 15) & ~15ul;
  return (void *)block;
}
__attribute__((noinline, export_name("free"))) void free(void *block) { *(volatile int *)block = 0; }
}

namespace shapes {
template <typename T> struct Pool {
  __attribute__((always_inline)) T *take(int count) {
    return (T *)malloc(sizeof(T) * count); // line 17
  }
};

struct Shape {
  int corners;
  __attribute__((always_inline)) void *grow() {
    Pool<double> pool;
    return pool.take(corners); // line 25
  }
  __attribute__((noinline)) void *draw(int n);
};

void *Shape::draw(int n) {
  if (n > 0) return (char *)draw(n - 1) + 1; // line 31
  return grow();                             // line 32
}
} // namespace shapes

extern "C" __attribute__((export_name("draw"))) void *draw(int corners, int depth) {
  shapes::Shape shape{corners};
  return (char *)shape.draw(depth) + 1; // line 38
}
