// A first-fit allocator in a memory with 64-bit addresses, and a program that leaks in it and keeps the true figures.
typedef unsigned long size_t;
#define EXPORT(name) __attribute__((noinline, export_name(#name)))

struct chunk {
  size_t bytes; // without this header
  struct chunk *next;
};

static struct chunk *free_chunks;
static char *top = (char *)(1 << 20);
static size_t live_blocks, live_bytes;

EXPORT(malloc) void *malloc(size_t size) {
  size_t bytes = (size + 15) & ~15ul;
  for (struct chunk **at = &free_chunks; *at; at = &(*at)->next) {
    struct chunk *found = *at;
    if (found->bytes < bytes) continue;
    *at = found->next;
    return found + 1;
  }
  char *end = top + bytes + sizeof(struct chunk);
  size_t missing = (size_t)end > __builtin_wasm_memory_size(0) << 16
                       ? ((size_t)end >> 16) + 1 - __builtin_wasm_memory_size(0)
                       : 0;
  if (missing && __builtin_wasm_memory_grow(0, missing) == -1ul) return 0;
  struct chunk *made = (struct chunk *)top;
  made->bytes = bytes;
  top = end;
  return made + 1;
}

EXPORT(free) void free(void *block) {
  if (!block) return;
  struct chunk *freed = (struct chunk *)block - 1;
  freed->next = free_chunks;
  free_chunks = freed;
}

EXPORT(realloc) void *realloc(void *block, size_t size) {
  if (!block) return malloc(size);
  struct chunk *old = (struct chunk *)block - 1;
  if (old->bytes >= size) return block;
  char *moved = malloc(size);
  if (!moved) return 0;
  for (size_t i = 0; i < old->bytes; i++) moved[i] = ((volatile char *)block)[i];
  free(block);
  return moved;
}

static void *kept[4096];
static int kept_count;

EXPORT(leak) void leak(int count) {
  for (int i = 0; i < count; i++) {
    size_t bytes = 24 + 40 * i;
    kept[kept_count++] = malloc(bytes); // line 57
    live_blocks++;
    live_bytes += bytes;
  }
}

EXPORT(churn) void churn(int count) {
  for (int i = 0; i < count; i++) {
    void *block = malloc(100 + i);
    block = realloc(block, 5000);
    free(block);
  }
}

EXPORT(resize) void resize(size_t bytes) {
  kept[kept_count] = realloc(malloc(8), bytes); // line 72
  if (!kept[kept_count++]) return;
  live_blocks++;
  live_bytes += bytes;
}

EXPORT(blocks) size_t blocks(void) { return live_blocks; }
EXPORT(bytes) size_t bytes(void) { return live_bytes; }
EXPORT(high) size_t high(void) { return (size_t)kept[kept_count - 1]; }
