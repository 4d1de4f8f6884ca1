/* A program in C whose plugin is in C++, and brings the C++ library. */
#include <dlfcn.h>
#include <stdio.h>

int main(int count, char** arguments) {
  if (count < 2) return 2;
  void* plugin = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (plugin == NULL) {
    puts(dlerror());
    return 2;
  }
  int (*check_new)(void);
  *(void**)&check_new = dlsym(plugin, "check_new");
  return check_new == NULL ? 2 : check_new();
}
