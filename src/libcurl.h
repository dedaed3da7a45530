/* libcurl: its functions, in a table that is filled by the first request. libcurl brings some
 * thirty other libraries with it; loading them takes longer than everything else that a watcher of
 * an embedded queue does before its first message. The static program contains the functions, and
 * its table is filled from the start. Headers are libcurl's own, so types and constants are checked
 * as usual; only the name differs: libcurl.easy_init(). */
#ifndef WATCHBOT_LIBCURL_H
#define WATCHBOT_LIBCURL_H

#include <curl/curl.h>

/* clang-format off */
#define LIBCURL_FUNCTIONS(F) \
    F(easy_cleanup) F(easy_getinfo) F(easy_init) F(easy_setopt) F(easy_strerror) F(free) \
    F(global_cleanup) F(global_init) F(multi_add_handle) F(multi_cleanup) F(multi_info_read) \
    F(multi_init) F(multi_remove_handle) F(multi_setopt) F(multi_socket_action) F(slist_append) \
    F(slist_free_all) F(url) F(url_cleanup) F(url_get) F(url_set) F(url_strerror) F(version)
/* clang-format on */

#define LIBCURL_MEMBER(name) __typeof__(curl_##name) *name;
struct libcurl {
    LIBCURL_FUNCTIONS(LIBCURL_MEMBER)
};
#undef LIBCURL_MEMBER

/* Of the whole process, as the library itself is; written once, by libcurl_load. */
extern struct libcurl libcurl;

/* Does nothing if it is loaded, and may be called in several threads at once. NULL, or why it
 * cannot be loaded: the text stays valid. */
const char *libcurl_load(void);

#endif
