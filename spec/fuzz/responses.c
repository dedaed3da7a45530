/* responses.c: HTTP answers of a hostile server, through libcurl and the loop; see
 * readers/responses.lua.
 * The server is a thread behind an abstract Unix socket, so that no port is used up: it reads the
 * request, sends the bytes, and closes. */
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libcurl.h"
#include "reader.h"

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_size;

/* libFuzzer's bytes are gone when the next come, which may be while the server still sends. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t answer[1 << 20];
static size_t answer_size;

static void set_answer(const uint8_t *data, size_t size) {
    pthread_mutex_lock(&lock);
    answer_size = size < sizeof answer ? size : sizeof answer;
    if (answer_size > 0) memcpy(answer, data, answer_size);
    pthread_mutex_unlock(&lock);
}

static size_t take_answer(uint8_t *copy) {
    pthread_mutex_lock(&lock);
    size_t size = answer_size;
    memcpy(copy, answer, size);
    pthread_mutex_unlock(&lock);
    return size;
}

static CURL *(*easy_init)(void);

static CURL *init_for_socket(void) {
    CURL *easy = easy_init();
    if (easy) libcurl.easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, address.sun_path + 1);
    return easy;
}

static void answer_one(int connection) {
    static uint8_t copy[sizeof answer];
    char request[4096];
    size_t size = recv(connection, request, sizeof request, 0) > 0 ? take_answer(copy) : 0;
    for (size_t sent = 0; sent < size;) {
        ssize_t part = send(connection, copy + sent, size - sent, MSG_NOSIGNAL);
        if (part <= 0) break;
        sent += (size_t)part;
    }
    close(connection);
}

static void *serve(void *user) {
    int listening = *(int *)user;
    for (;;) {
        int connection = accept(listening, NULL, NULL);
        if (connection >= 0) answer_one(connection);
    }
    return NULL;
}

static lua_State *open(void) {
    static int listening;
    pthread_t thread;
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "watchbot-fuzz-%ld",
             (long)getpid());
    address_size =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address.sun_path + 1));
    listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    HOLDS(bind(listening, (struct sockaddr *)&address, address_size) == 0 &&
          listen(listening, 64) == 0);
    HOLDS(pthread_create(&thread, NULL, serve, &listening) == 0);
    HOLDS(libcurl_load() == NULL);
    easy_init = libcurl.easy_init;
    libcurl.easy_init = init_for_socket;
    return reader_open("spec/fuzz/readers/responses.lua");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lua_State *L;
    if (!L) L = open();
    set_answer(data, size);
    reader_run(L, data, size);
    return 0;
}
