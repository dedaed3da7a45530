/* log_main: the program watchbot-log. Puts the date, the category `worker` and $MessageId before a
 * line of arguments or each line of its input. No Lua: it starts in a millisecond, and is as fast
 * as a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "lines.h"
#include "version.h"

enum { CHUNK = 1 << 17, GATHERED = 1 << 17 };

/* Gathers what goes to stdout. */
struct out {
    struct lines_output lines;
    struct buffer buffer;
    int error; /* errno of the write that failed */
};

/* Another process with the same open file may have made it nonblocking. */
static void wait_for(int fd, short events) {
    struct pollfd one = {.fd = fd, .events = events};
    poll(&one, 1, -1);
}

static bool write_out(struct out *out, const char *data, size_t size) {
    while (size > 0 && !out->error) {
        ssize_t written = write(STDOUT_FILENO, data, size);
        if (written < 0 && errno == EAGAIN) {
            wait_for(STDOUT_FILENO, POLLOUT);
        } else if (written < 0 && errno != EINTR) {
            out->error = errno;
        } else if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return !out->error;
}

static bool flush(struct out *out) {
    bool good = write_out(out, buffer_data(&out->buffer), out->buffer.size);
    buffer_clear(&out->buffer);
    return good;
}

static bool out_write(struct lines_output *output, const void *data, size_t size) {
    struct out *out = container_of(output, struct out, lines);
    if (out->buffer.size + size > GATHERED && !flush(out)) return false;
    if (size > GATHERED) return write_out(out, data, size);
    return buffer_append(&out->buffer, data, size);
}

static bool out_write_file(struct lines_output *output, int fd, off_t size) {
    struct out *out = container_of(output, struct out, lines);
    static char piece[CHUNK];
    bool good = flush(out);
    for (off_t at = 0; good && at < size;) {
        size_t wanted = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        ssize_t got = pread(fd, piece, wanted, at);
        good = got > 0 && write_out(out, piece, (size_t)got);
        at += got;
    }
    close(fd);
    return good;
}

/* A complete line must not wait: the collected output is written before a read that would block. */
static bool would_block(void) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&in, 1, 0) == 0;
}

static bool copy_input(struct lines *lines, struct out *out, const char **problem) {
    static char chunk[CHUNK];
    bool terminal = isatty(STDOUT_FILENO);
    for (;;) {
        if (out->buffer.size > 0 && (terminal || would_block()) && !flush(out)) return false;
        ssize_t size = read(STDIN_FILENO, chunk, sizeof chunk);
        if (size == 0) return lines_end(lines);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) {
            wait_for(STDIN_FILENO, POLLIN);
            continue;
        }
        if (size < 0) {
            lines_end(lines);
            *problem = strerror(errno);
            return false;
        }
        if (!lines_feed(lines, chunk, (size_t)size)) return false;
    }
}

static bool copy_words(struct lines *lines, int argc, char **argv) {
    bool good = true;
    for (int i = 1; i < argc && good; i++) {
        good = (i == 1 || lines_feed(lines, " ", 1)) && lines_feed(lines, argv[i], strlen(argv[i]));
    }
    return good && lines_feed(lines, "\n", 1);
}

static int help(void) {
    puts("usage: watchbot-log TEXT...        writes the words as one line\n"
         "       COMMAND | watchbot-log     writes each line of the input\n\n"
         "Each line gets the date, [worker], and the message's id from $MessageId before it;\n"
         "with structuredLogging=true in the environment it is a JSON object.");
    return fflush(stdout) == 0 ? 0 : 1;
}

static int version(void) {
    puts("watchbot-log " WATCHBOT_VERSION);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int finish(struct out *out, bool good, const char *problem) {
    good = flush(out) && good;
    buffer_free(&out->buffer);
    if (good) return 0;
    if (out->error && out->error != EPIPE) {
        fprintf(stderr, "watchbot-log: could not write to stdout: %s\n", strerror(out->error));
    } else if (problem) {
        fprintf(stderr, "watchbot-log: could not read stdin: %s\n", problem);
    } else if (!out->error) {
        fprintf(stderr, "watchbot-log: not enough memory\n");
    }
    return 1;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--help") == 0) return help();
    if (argc == 2 && strcmp(argv[1], "--version") == 0) return version();
    const char *structured = getenv("structuredLogging");
    const char *id = getenv("MessageId");
    struct out out = {
        {out_write, out_write_file},
        {0        },
        0
    };
    struct lines lines;
    const char *problem = NULL;
    /* With stdout closed, the next file to be opened would get its number. */
    if (fcntl(STDOUT_FILENO, F_GETFD) < 0) {
        out.error = errno;
        return finish(&out, false, NULL);
    }
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error of write(2), and told */
    enum lines_format format =
        structured && strcmp(structured, "true") == 0 ? LINES_JSON : LINES_TEXT;
    if (!lines_open(&lines, format, "worker", id && *id ? id : NULL, &out.lines))
        return finish(&out, false, NULL);
    bool good = argc > 1 ? copy_words(&lines, argc, argv) : copy_input(&lines, &out, &problem);
    lines_close(&lines);
    return finish(&out, good, problem);
}
