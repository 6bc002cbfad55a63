// A bad disk, to be preloaded: every sync takes BAD_DISK_SYNC_MS longer, and while the file BAD_DISK_FULL is there nothing more
// can be written to a regular file.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void slow(void) {
  const char *ms = getenv("BAD_DISK_SYNC_MS");
  if (ms) usleep(1000 * atoi(ms));
}

static int full(int fd) {
  const char *file = getenv("BAD_DISK_FULL");
  struct stat about;
  if (!file || access(file, F_OK) != 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) return 0;
  errno = ENOSPC;
  return 1;
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

int fsync(int fd) { slow(); return REAL(int, "fsync", int)(fd); }
int fdatasync(int fd) { slow(); return REAL(int, "fdatasync", int)(fd); }

ssize_t write(int fd, const void *bytes, size_t n) {
  return full(fd) ? -1 : REAL(ssize_t, "write", int, const void *, size_t)(fd, bytes, n);
}
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) {
  return full(fd) ? -1 : REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)(fd, bytes, n, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) {
  return full(fd) ? -1 : REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, bytes, n, at);
}
