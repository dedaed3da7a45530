#define _GNU_SOURCE /* MADV_WIPEONFORK */
#include "self.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

/* In a page that the kernel empties in a child; NULL where it cannot. */
static _Atomic(pid_t) *known;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_page(void) {
#ifdef MADV_WIPEONFORK
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return;
    if (madvise(page, size, MADV_WIPEONFORK) == 0) {
        known = page;
    } else {
        munmap(page, size);
    }
#endif
}

pid_t self_pid(void) {
    pthread_once(&once, make_page);
    pid_t self = known ? *known : 0;
    if (self > 0) return self;
    self = getpid();
    if (known) *known = self;
    return self;
}
