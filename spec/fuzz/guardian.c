/* guardian.c: the groups that the guardian knows are those of a set that was told the same,
 * whatever the numbers; and a line of /proc/PID/stat is read within its bounds. */
#define _GNU_SOURCE /* memfd_create */
#include "guardian.h"
#include "procfs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

enum { MOST_PIDS = 1 << 22, MAP_SIZE = MOST_PIDS / 8, MOST = 512 };

static int32_t known[MOST];
static size_t count;

static size_t find(int32_t pid) {
    size_t at = 0;
    while (at < count && known[at] != pid) at++;
    return at;
}

static void tell_set(int32_t pid, bool add) {
    size_t at = find(pid);
    if (pid <= 1 || pid >= MOST_PIDS) return;
    if (add && at == count && count < MOST) known[count++] = pid;
    if (!add && at < count) known[at] = known[--count];
}

static void check_groups(const uint8_t *data, size_t size, uint8_t *groups) {
    struct guardian guardian = {.groups = groups};
    count = 0;
    for (; size >= 5 && count < MOST - 1; data += 5, size -= 5) {
        int32_t pid;
        memcpy(&pid, data + 1, sizeof pid);
        if (data[0] & 2) pid &= 0xFFFF;
        tell_set(pid, data[0] & 1);
        if (data[0] & 1) {
            guardian_add(&guardian, pid);
        } else {
            guardian_remove(&guardian, pid);
        }
    }
    for (size_t at = 0; at < count; at++) HOLDS(groups[known[at] / 8] & 1 << known[at] % 8);
    for (size_t at = 0; at < count; at++) guardian_remove(&guardian, known[at]);
    for (size_t at = 0; at < count; at++) HOLDS(groups[known[at] / 8] == 0);
}

static void check_stat(const uint8_t *data, size_t size) {
    static int fd = -1;
    struct procfs_stat stat;
    if (fd < 0) fd = memfd_create("stat", 0);
    HOLDS(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    if (!procfs_read_stat(fd, &stat)) return;
    HOLDS(memchr(stat.name, '\0', sizeof stat.name));
    HOLDS(stat.parent >= 0 && stat.group >= 0 && stat.session >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t *groups;
    if (!groups) groups = calloc(1, MAP_SIZE);
    HOLDS(groups);
    check_groups(data, size, groups);
    check_stat(data, size);
    return 0;
}
