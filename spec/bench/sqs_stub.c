/* An SQS that costs next to nothing, so that what is measured is its client: one queue, HTTP/1.1
 * that is kept alive, JSON 1.0, one thread. It leaves out signatures, attributes, FIFO and dead
 * letters, bodies with \u escapes and chunked requests; a receipt handle is the message's number.
 * `Calls` among the queue's attributes counts the requests that clients have made,
 * GetQueueAttributes apart: that is how the bench looks on. usage: sqs_stub; prints its port. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 10,
    EVENTS = 64,
    HEX = 33,
    READ = 65536,
    VISIBILITY = 30,
    SWEEP = 1000
}; /* seconds, milliseconds */

/* A piece of a request, in place. */
struct text {
    const char *start;
    size_t size;
};

struct message {
    char *body; /* as it came, JSON escapes and all; NULL once it is deleted */
    char md5[HEX];
    int receives;
    int64_t sent, first_received, visible_at;
    bool ready;
};

/* Parameters of a call, or of one of its entries. */
struct entry {
    struct text id, receipt, body;
    long visibility;
};

struct call {
    struct text target, body;
    struct entry own, entries[BATCH];
    int count;
    long max, wait;
};

struct connection {
    int fd;
    char *input;
    size_t size, room;
    bool waits; /* in a long poll */
    int64_t until;
    struct call poll;
    struct connection *next;
};

struct bytes {
    char *start;
    size_t size, room;
};

static struct message *messages;
static size_t count, room, in_flight;

/* The numbers of those that can be received, oldest first. A number is at most once in it, so it
 * never needs more room. */
static size_t *ready, ready_first, ready_count;

static struct connection *connections;
static long calls;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void *must(void *memory) {
    if (!memory) perror("sqs_stub"), exit(1);
    return memory;
}

static void add(struct bytes *bytes, const char *start, size_t size) {
    if (bytes->size + size > bytes->room) {
        bytes->room = (bytes->size + size) * 2;
        bytes->start = must(realloc(bytes->start, bytes->room));
    }
    memcpy(bytes->start + bytes->size, start, size);
    bytes->size += size;
}

__attribute__((format(printf, 2, 3))) static void print(struct bytes *bytes, const char *format,
                                                        ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    add(bytes, line, (size_t)size);
}

/* messages */

static void make_ready(size_t number) {
    messages[number].ready = true;
    ready[(ready_first + ready_count++) % room] = number;
}

static void grow(void) {
    size_t wider = room ? room * 2 : 1024, *queue = must(malloc(wider * sizeof *queue));
    for (size_t i = 0; i < ready_count; i++) queue[i] = ready[(ready_first + i) % room];
    free(ready);
    messages = must(realloc(messages, wider * sizeof *messages));
    ready = queue;
    ready_first = 0;
    room = wider;
}

/* The body as its sender wrote it: SQS returns the MD5 of that. */
static size_t unescape(struct text body, char *out) {
    static const char *const names = "bfnrt\"\\/", *const bytes = "\b\f\n\r\t\"\\/";
    size_t size = 0;
    for (size_t i = 0; i < body.size; i++) {
        const char *name = body.start[i] == '\\' ? strchr(names, body.start[++i]) : NULL;
        out[size++] = name ? bytes[name - names] : body.start[i];
    }
    return size;
}

static void digest(struct text body, char *hex) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    char *plain = must(malloc(body.size + 1));
    EVP_Digest(plain, unescape(body, plain), bytes, NULL, EVP_md5(), NULL);
    for (int i = 0; i < 16; i++) sprintf(hex + 2 * i, "%02x", bytes[i]);
    free(plain);
}

static size_t store(struct text body) {
    if (count == room) grow();
    struct message *message = &messages[count];
    *message = (struct message){.body = must(strndup(body.start, body.size)), .sent = now()};
    digest(body, message->md5);
    make_ready(count);
    return count++;
}

static struct message *find(struct text receipt) {
    size_t number = (size_t)strtoul(receipt.start ? receipt.start : "-1", NULL, 10);
    return number < count && messages[number].body && !messages[number].ready ? &messages[number]
                                                                              : NULL;
}

static bool delete (struct entry *entry) {
    struct message *message = find(entry->receipt);
    if (!message) return false;
    free(message->body);
    message->body = NULL;
    in_flight--;
    return true;
}

static bool delay(struct entry *entry) {
    struct message *message = find(entry->receipt);
    if (message) message->visible_at = now() + entry->visibility * 1000;
    return message != NULL;
}

static void sweep(void) {
    int64_t time = now();
    for (size_t number = 0; number < count; number++) {
        struct message *message = &messages[number];
        if (!message->body || message->ready || message->visible_at > time) continue;
        in_flight--;
        make_ready(number);
    }
}

/* JSON, as far as these requests have it */

static const char *string_end(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++) at += *at == '\\';
    return at;
}

static bool is(struct text text, const char *word) {
    return text.size == strlen(word) && memcmp(text.start, word, text.size) == 0;
}

static void set(struct call *call, struct entry *entry, struct text key, struct text value) {
    if (is(key, "Id")) entry->id = value;
    if (is(key, "ReceiptHandle")) entry->receipt = value;
    if (is(key, "MessageBody")) entry->body = value;
    if (is(key, "VisibilityTimeout")) entry->visibility = atol(value.start);
    if (is(key, "MaxNumberOfMessages")) call->max = atol(value.start);
    if (is(key, "WaitTimeSeconds")) call->wait = atol(value.start);
}

/* The members of the call itself, and of the objects in its list of entries; anything deeper is
 * passed over. */
static void parse(struct call *call) {
    const char *at = call->body.start, *end = at + call->body.size;
    struct text key = {0};
    struct entry *entry = &call->own;
    bool in_entries = false;
    for (int depth = 0; at < end; at++) {
        bool counts = depth == (in_entries ? 2 : 1);
        if (*at == '"') {
            struct text text = {at + 1, 0};
            at = string_end(at, end);
            text.size = (size_t)(at - text.start);
            if (at + 1 < end && at[1] == ':')
                key = text;
            else if (counts)
                set(call, entry, key, text);
        } else if (isdigit((unsigned char)*at)) {
            if (counts) set(call, entry, key, (struct text){at, 1});
            while (at + 1 < end && isdigit((unsigned char)at[1])) at++;
        } else if (*at == '[' && depth == 1) {
            in_entries = is(key, "Entries");
        } else if (*at == ']' && depth == 1) {
            in_entries = false;
        } else if (*at == '{' && ++depth == 2 && in_entries && call->count < BATCH) {
            entry = &call->entries[call->count++];
            *entry = (struct entry){.visibility = VISIBILITY};
        } else if (*at == '}' && --depth == 1) {
            entry = &call->own;
        }
    }
}

/* answers */

static void answer(struct connection *connection, const char *status, struct bytes *body) {
    struct bytes all = {0};
    print(&all,
          "HTTP/1.1 %s\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %zu\r\n",
          status, body->size);
    print(&all, "x-amzn-RequestId: %08lx-0000-4000-8000-000000000000\r\n\r\n", calls);
    add(&all, body->start, body->size);
    for (size_t sent = 0; sent < all.size;) {
        ssize_t size = send(connection->fd, all.start + sent, all.size - sent, MSG_NOSIGNAL);
        if (size <= 0) break;
        sent += (size_t)size;
    }
    free(all.start);
}

static void write_message(struct bytes *out, size_t number, long visibility) {
    struct message *message = &messages[number];
    int64_t time = now();
    message->ready = false;
    message->receives++;
    message->visible_at = time + visibility * 1000;
    if (!message->first_received) message->first_received = time;
    print(out,
          "{\"MessageId\":\"%08zx-0000-4000-8000-000000000000\",\"ReceiptHandle\":\"%zu\","
          "\"MD5OfBody\":\"%s\",",
          number, number, message->md5);
    print(
        out,
        "\"Attributes\":{\"SentTimestamp\":\"%lld\",\"ApproximateFirstReceiveTimestamp\":\"%lld\",",
        (long long)message->sent, (long long)message->first_received);
    print(out, "\"ApproximateReceiveCount\":\"%d\"},\"Body\":\"", message->receives);
    add(out, message->body, strlen(message->body));
    print(out, "\"}");
}

static void answer_receive(struct connection *connection, struct call *call) {
    struct bytes out = {0};
    print(&out, "{\"Messages\":[");
    for (long i = 0; i < call->max && ready_count > 0; i++) {
        size_t number = ready[ready_first];
        ready_first = (ready_first + 1) % room;
        ready_count--;
        in_flight++;
        if (i > 0) print(&out, ",");
        write_message(&out, number, call->own.visibility);
    }
    print(&out, "]}");
    answer(connection, "200 OK", &out);
    free(out.start);
}

static void receive(struct connection *connection, struct call *call) {
    if (ready_count > 0 || call->wait == 0) {
        answer_receive(connection, call);
        return;
    }
    connection->waits = true;
    connection->until = now() + call->wait * 1000;
    connection->poll = *call;
}

static void answer_polls(void) {
    int64_t time = now();
    for (struct connection *one = connections; one; one = one->next) {
        if (!one->waits || (ready_count == 0 && one->until > time)) continue;
        one->waits = false;
        answer_receive(one, &one->poll);
    }
}

static void write_sent(struct bytes *out, struct entry *entry) {
    size_t number = store(entry->body);
    if (entry->id.start) print(out, "\"Id\":\"%.*s\",", (int)entry->id.size, entry->id.start);
    print(out, "\"MessageId\":\"%08zx-0000-4000-8000-000000000000\",\"MD5OfMessageBody\":\"%s\"",
          number, messages[number].md5);
}

static void answer_batch(struct connection *connection, struct call *call,
                         bool (*apply)(struct entry *)) {
    struct bytes out = {0}, failed = {0};
    print(&out, "{\"Successful\":[");
    for (int i = 0, good = 0; i < call->count; i++) {
        struct entry *entry = &call->entries[i];
        if (apply && !apply(entry)) {
            print(&failed,
                  "%s{\"Id\":\"%.*s\",\"SenderFault\":true,\"Code\":\"ReceiptHandleIsInvalid\"}",
                  failed.size ? "," : "", (int)entry->id.size, entry->id.start);
            continue;
        }
        print(&out, good++ ? ",{" : "{");
        if (apply)
            print(&out, "\"Id\":\"%.*s\"", (int)entry->id.size, entry->id.start);
        else
            write_sent(&out, entry);
        print(&out, "}");
    }
    print(&out, "],\"Failed\":[");
    if (failed.size) add(&out, failed.start, failed.size);
    print(&out, "]}");
    answer(connection, "200 OK", &out);
    free(failed.start);
    free(out.start);
}

static void answer_one(struct connection *connection, struct call *call,
                       bool (*apply)(struct entry *)) {
    struct bytes out = {0};
    bool ok = apply(&call->own);
    print(&out, ok ? "{}"
                   : "{\"__type\":\"com.amazonaws.sqs#ReceiptHandleIsInvalid\",\"message\":\"no "
                     "such receipt\"}");
    answer(connection, ok ? "200 OK" : "400 Bad Request", &out);
    free(out.start);
}

static void answer_send(struct connection *connection, struct call *call) {
    struct bytes out = {0};
    print(&out, "{");
    write_sent(&out, &call->own);
    print(&out, "}");
    answer(connection, "200 OK", &out);
    free(out.start);
}

static void answer_attributes(struct connection *connection) {
    struct bytes out = {0};
    print(&out, "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"%zu\",", ready_count);
    print(&out,
          "\"ApproximateNumberOfMessagesNotVisible\":\"%zu\","
          "\"ApproximateNumberOfMessagesDelayed\":\"0\",",
          in_flight);
    print(&out, "\"Calls\":\"%ld\"}}", calls);
    answer(connection, "200 OK", &out);
    free(out.start);
}

static void answer_unknown(struct connection *connection) {
    struct bytes out = {0};
    print(&out, "{\"__type\":\"com.amazonaws.sqs#InvalidAction\",\"message\":\"sqs_stub does not "
                "know this operation\"}");
    answer(connection, "400 Bad Request", &out);
    free(out.start);
}

static void serve(struct connection *connection, struct call *call) {
    parse(call);
    calls += !is(call->target, "GetQueueAttributes");
    if (is(call->target, "ReceiveMessage"))
        receive(connection, call);
    else if (is(call->target, "DeleteMessageBatch"))
        answer_batch(connection, call, delete);
    else if (is(call->target, "ChangeMessageVisibilityBatch"))
        answer_batch(connection, call, delay);
    else if (is(call->target, "SendMessageBatch"))
        answer_batch(connection, call, NULL);
    else if (is(call->target, "DeleteMessage"))
        answer_one(connection, call, delete);
    else if (is(call->target, "ChangeMessageVisibility"))
        answer_one(connection, call, delay);
    else if (is(call->target, "SendMessage"))
        answer_send(connection, call);
    else if (is(call->target, "GetQueueAttributes"))
        answer_attributes(connection);
    else
        answer_unknown(connection);
}

/* connections */

static void watch(int poller, int fd, void *data) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) perror("epoll_ctl"), exit(1);
}

static void take(int poller, int listener) {
    int fd = accept(listener, NULL, NULL), on = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *connection = must(calloc(1, sizeof *connection));
    connection->fd = fd;
    connection->next = connections;
    connections = connection;
    watch(poller, fd, connection);
}

static void drop(struct connection *connection) {
    struct connection **link = &connections;
    while (*link != connection) link = &(*link)->next;
    *link = connection->next;
    close(connection->fd);
    free(connection->input);
    free(connection);
}

/* The value of a header; `name` with its colon, after the line break before it. */
static struct text header(const char *head, const char *name) {
    const char *at = strcasestr(head, name);
    if (!at) return (struct text){"", 0};
    at += strlen(name);
    at += strspn(at, " ");
    return (struct text){at, strcspn(at, "\r")};
}

/* Serves the request at the beginning of the input; its size, or 0 while it is
 * incomplete. */
static size_t serve_one(struct connection *connection) {
    connection->input[connection->size] = 0;
    char *end = strstr(connection->input, "\r\n\r\n");
    if (!end) return 0;
    *end = 0;
    size_t head = (size_t)(end + 4 - connection->input),
           size = (size_t)atol(header(connection->input, "\ncontent-length:").start);
    struct text target = header(connection->input, "\nx-amz-target:");
    struct call call = {
        .target = target,
        .body = {connection->input + head, size},
        .max = 1,
        .own.visibility = VISIBILITY
    };
    *end = '\r';
    if (connection->size < head + size) return 0;
    size_t prefix = strlen("AmazonSQS.");
    if (target.size > prefix)
        call.target = (struct text){target.start + prefix, target.size - prefix};
    serve(connection, &call);
    return head + size;
}

static void read_requests(struct connection *connection) {
    if (connection->room < connection->size + READ) {
        connection->room = connection->room * 2 + READ + 1;
        connection->input = must(realloc(connection->input, connection->room));
    }
    ssize_t got = recv(connection->fd, connection->input + connection->size, READ - 1, 0);
    if (got <= 0) {
        drop(connection);
        return;
    }
    connection->size += (size_t)got;
    for (size_t used; (used = serve_one(connection)) > 0;) {
        connection->size -= used;
        memmove(connection->input, connection->input + used, connection->size);
    }
}

static int start(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 64) != 0)
        perror("sqs_stub"), exit(1);
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(void) {
    int listener = start(), poller = epoll_create1(EPOLL_CLOEXEC);
    int64_t swept = now();
    watch(poller, listener, NULL);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready_events = epoll_wait(poller, events, EVENTS, SWEEP);
        for (int i = 0; i < ready_events; i++) {
            if (events[i].data.ptr)
                read_requests(events[i].data.ptr);
            else
                take(poller, listener);
        }
        if (now() - swept >= SWEEP) {
            sweep();
            swept = now();
        }
        answer_polls();
    }
}
