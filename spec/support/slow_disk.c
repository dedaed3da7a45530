/* A slow disk, for specs: with this preloaded, a sync of a file takes SLOW_DISK_MS more. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_for_disk(void) {
    const char *text = getenv("SLOW_DISK_MS");
    if (text) usleep((useconds_t)strtoul(text, NULL, 10) * 1000);
}

__attribute__((visibility("default"))) int fsync(int fd) {
    wait_for_disk();
    int (*next)(int);
    *(void **)&next = dlsym(RTLD_NEXT, "fsync");
    return next(fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd) {
    wait_for_disk();
    int (*next)(int);
    *(void **)&next = dlsym(RTLD_NEXT, "fdatasync");
    return next(fd);
}
