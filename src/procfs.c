#include "procfs.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

pid_t procfs_number(const char **end) {
    pid_t number = 0;
    for (; **end >= '0' && **end <= '9'; (*end)++)
        number = number > (INT_MAX - 9) / 10 ? INT_MAX : number * 10 + (**end - '0');
    return number;
}

static char *append(char *path, const char *text) {
    size_t length = strlen(text);
    memcpy(path, text, length + 1);
    return path + length;
}

int procfs_open(pid_t pid, const char *name) {
    char path[64], digits[16], *end = digits + sizeof digits;
    if (strlen(name) > 24) return -1;
    *--end = '\0';
    do {
        *--end = (char)('0' + pid % 10);
    } while (pid /= 10);
    append(append(append(append(path, "/proc/"), end), "/"), name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* "PID (NAME) STATE PARENT GROUP SESSION ...", where NAME may have anything in it, but what follows
 * has no parenthesis. */
static bool parse(const char *text, struct procfs_stat *stat) {
    const char *name = strchr(text, '('), *end = strrchr(text, ')');
    if (!name || !end || end < name || end[1] != ' ' || end[2] == '\0') return false;
    size_t length = (size_t)(end - name - 1);
    if (length >= sizeof stat->name) length = sizeof stat->name - 1;
    memcpy(stat->name, name + 1, length);
    stat->name[length] = '\0';
    stat->state = end[2];
    if (end[3] != ' ') return false;
    pid_t *numbers[] = {&stat->parent, &stat->group, &stat->session};
    end += 4;
    for (int i = 0; i < 3; i++) {
        *numbers[i] = procfs_number(&end);
        if (*end++ != ' ') return false;
    }
    return true;
}

bool procfs_read_stat(int fd, struct procfs_stat *stat) {
    char text[512];
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    if (size <= 0) return false;
    text[size] = '\0';
    return parse(text, stat);
}

bool procfs_stat(pid_t pid, struct procfs_stat *stat) {
    int fd = procfs_open(pid, "stat");
    if (fd < 0) return false;
    bool read = procfs_read_stat(fd, stat);
    close(fd);
    return read;
}
