// The C++ part of the demo: keeps 120 blocks of 16 KiB in a std::vector, and loses two more.
#include <cstdlib>
#include <vector>

static std::vector<char *> kept;

extern "C" {

__attribute__((export_name("keep"))) void keep(int blocks, int bytes) {
  for (int i = 0; i < blocks; i++) {
    char *block = new char[bytes];
    block[0] = static_cast<char>(i);
    kept.push_back(block);
  }
}

__attribute__((export_name("lose"))) void lose() {
  volatile char *a = new char[1024];
  volatile char *b = new char[2048];
  a[0] = b[0] = 1;
}

}
