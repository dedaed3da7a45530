/* laws: watchbot.core.aws. Signing and digests for Lua; lua/watchbot/aws/ makes calls with them. A
 * signer is a handle because it keeps its key and its buffers between requests. sigv4.c uses the
 * strings in the argument tables without copies: they are read raw, so the tables reference them
 * meanwhile. */
#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "core.h"
#include "lerror.h"
#include "lhandle.h"
#include "loptions.h"
#include "self.h"
#include "sigv4.h"

#define SIGNER_TYPE "watchbot.aws.signer"
#define DIGESTS_TYPE "watchbot.aws.digests"

struct signer {
    struct sigv4 sigv4;
    struct buffer authorization;
};

static struct signer *check_signer(lua_State *L) {
    struct signer *signer = luaL_checkudata(L, 1, SIGNER_TYPE);
    luaL_argcheck(L, signer->sigv4.sha256.context, 1, "the signer is closed");
    return signer;
}

/* => signer */
static int l_signer(lua_State *L) {
    struct signer *signer = lhandle_new(L, SIGNER_TYPE, sizeof *signer, 0);
    return sigv4_open(&signer->sigv4)
               ? 1
               : luaL_error(L, "signer: OpenSSL has no SHA-256, or there is no memory");
}

static int signer_close(lua_State *L) {
    struct signer *signer = luaL_checkudata(L, 1, SIGNER_TYPE);
    sigv4_close(&signer->sigv4);
    buffer_free(&signer->authorization);
    return 0;
}

static struct sigv4_text text_at(lua_State *L, int index) {
    struct sigv4_text text;
    text.data = lua_tolstring(L, index, &text.size);
    return text;
}

/* The table keeps the texts, so that their places on the stack need not. */
static struct sigv4_text opt_text(struct loptions options, const char *name) {
    struct sigv4_text text = {"", 0};
    const char *data = loptions_bytes(options, name, &text.size);
    if (data) text.data = data;
    lua_pop(options.L, 1);
    return text;
}

static struct sigv4_text check_text(struct loptions options, const char *name) {
    struct sigv4_text text = opt_text(options, name);
    if (text.size == 0) luaL_error(options.L, "sign: '%s' is missing", name);
    return text;
}

static lua_Integer integer_of(struct loptions options, const char *name) {
    return loptions_integer(options, name, 0, INT64_MIN, INT64_MAX);
}

/* -- ... name value => ... name value : the value goes with the name */
static void add_header(lua_State *L, struct sigv4_request *request, struct sigv4_pair *headers,
                       int name) {
    if (request->header_count == SIGV4_MOST)
        luaL_error(L, "sign: more than %d headers", SIGV4_MOST);
    if (lua_type(L, name) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) {
        luaL_error(L,
                   "sign: a header must be a name and a string, or a name and a list of strings");
    }
    headers[request->header_count++] = (struct sigv4_pair){text_at(L, name), text_at(L, -1)};
}

/* The headers are a table of names with a value or a list of values each. */
static void read_headers(struct loptions options, struct sigv4_request *request,
                         struct sigv4_pair *headers) {
    lua_State *L = options.L;
    request->headers = headers;
    loptions_expect(options, "headers", loptions_push(options, "headers") == LUA_TTABLE, "a table");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) { /* -- headers name value */
        int name = lua_gettop(L) - 1;
        if (!lua_istable(L, -1)) {
            add_header(L, request, headers, name);
            continue;
        }
        for (lua_Integer i = 1; lua_rawgeti(L, name + 1, i) != LUA_TNIL; i++) {
            add_header(L, request, headers, name);
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static struct sigv4_request check_request(lua_State *L, int table, struct sigv4_pair *headers) {
    luaL_checktype(L, table, LUA_TTABLE);
    struct loptions options = {L, table, "sign"};
    struct sigv4_request request = {
        .method = check_text(options, "method"),
        .path = opt_text(options, "path"),
        .query = opt_text(options, "query"),
        .body = opt_text(options, "body"),
    };
    read_headers(options, &request, headers);
    return request;
}

static struct sigv4_scope check_scope(lua_State *L, int credentials, int table) {
    luaL_checktype(L, credentials, LUA_TTABLE);
    luaL_checktype(L, table, LUA_TTABLE);
    struct loptions keys = {L, credentials, "sign"}, options = {L, table, "sign"};
    return (struct sigv4_scope){
        .access_key = check_text(keys, "access_key"),
        .secret_key = check_text(keys, "secret_key"),
        .token = opt_text(keys, "token"),
        .region = check_text(options, "region"),
        .service = check_text(options, "service"),
        .time = (time_t)integer_of(options, "time"),
        .expires = (long)integer_of(options, "expires"),
        .raw_path = loptions_flag(options, "raw_path", false),
        .encoded_path = loptions_flag(options, "encoded_path", false),
        .unsigned_token = loptions_flag(options, "unsigned_token", false),
        .content_sha256 = loptions_flag(options, "content_sha256", false),
        .unsigned_payload = loptions_flag(options, "unsigned_payload", false),
    };
}

typedef bool sign_function(struct sigv4 *, const struct sigv4_request *, const struct sigv4_scope *,
                           struct sigv4_result *);

static void push_buffer(lua_State *L, const struct buffer *buffer) {
    lua_pushlstring(L, buffer->size ? buffer_data(buffer) : "", buffer->size);
}

static struct sigv4_result sign(lua_State *L, sign_function *function) {
    struct sigv4_pair headers[SIGV4_MOST];
    struct signer *signer = check_signer(L);
    lua_settop(L, 4);
    struct sigv4_request request = check_request(L, 2, headers);
    struct sigv4_scope scope = check_scope(L, 3, 4);
    struct sigv4_result result = {.authorization = &signer->authorization};
    buffer_clear(&signer->authorization);
    if (!function(&signer->sigv4, &request, &scope, &result)) {
        luaL_error(L, "sign: the query has more than %d parameters, or there is no memory",
                   SIGV4_MOST);
    }
    push_buffer(L, &signer->authorization);
    return result;
}

/* -- signer request credentials scope => authorization date content_sha256 request: method, path,
 * query, body as they go over the wire, headers = { name = value or list of values } credentials:
 * access_key, secret_key, token scope: region, service, time (seconds since the epoch), and what
 * struct sigv4_scope names. */
static int signer_headers(lua_State *L) {
    struct sigv4_result result = sign(L, sigv4_sign_headers);
    lua_pushstring(L, result.date);
    lua_pushlstring(L, result.content_sha256, sizeof result.content_sha256);
    return 3;
}

/* -- signer request credentials scope => query : what replaces the request's own query; the scope
 * has `expires`, in seconds */
static int signer_query(lua_State *L) {
    sign(L, sigv4_sign_query);
    return 1;
}

/* -- signer => canonical string_to_sign : of the last signature. For specs; there may be a token in
 * it. */
static int signer_last(lua_State *L) {
    struct signer *signer = check_signer(L);
    push_buffer(L, &signer->sigv4.canonical);
    push_buffer(L, &signer->sigv4.scratch);
    return 2;
}

/* digests */

/* Random bytes for some UUIDs: OpenSSL takes almost as long for 16 of them as for 512. */
struct random {
    unsigned char bytes[512];
    size_t left; /* at the end */
    pid_t owner; /* a process that is forked must not make the same UUIDs */
};

struct digests {
    struct digest sha256, sha1, md5;
    struct random random;
};

static struct digests *digests(lua_State *L) {
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int digests_gc(lua_State *L) {
    struct digests *all = luaL_checkudata(L, 1, DIGESTS_TYPE);
    digest_close(&all->sha256);
    digest_close(&all->sha1);
    digest_close(&all->md5);
    return 0;
}

static int push_hex(lua_State *L, const unsigned char *bytes, size_t size) {
    char digits[2 * DIGEST_SHA256_SIZE];
    digest_hex(bytes, size, digits);
    lua_pushlstring(L, digits, 2 * size);
    return 1;
}

/* -- bytes => SHA-256 in hexadecimal digits, as all of these are */
static int l_sha256(lua_State *L) {
    unsigned char out[DIGEST_SHA256_SIZE];
    size_t size;
    const char *data = luaL_checklstring(L, 1, &size);
    if (!digest_bytes(&digests(L)->sha256, data, size, out))
        return luaL_error(L, "sha256: OpenSSL failed");
    return push_hex(L, out, sizeof out);
}

/* -- key bytes => HMAC-SHA-256 */
static int l_hmac(lua_State *L) {
    unsigned char out[DIGEST_SHA256_SIZE];
    size_t key_size, size;
    const char *key = luaL_checklstring(L, 1, &key_size);
    const char *data = luaL_checklstring(L, 2, &size);
    if (!digest_hmac(&digests(L)->sha256, key, key_size, data, size, out))
        return luaL_error(L, "hmac: OpenSSL failed");
    return push_hex(L, out, sizeof out);
}

/* An algorithm that the machine's rules may forbid. */
static int push_digest(lua_State *L, struct digest *digest, const char *name, size_t out_size) {
    unsigned char out[DIGEST_SHA1_SIZE];
    size_t size;
    const char *data = luaL_checklstring(L, 1, &size);
    /* Some builds find the algorithm, but refuse to start. */
    if ((!digest->context && !digest_open(digest, name)) ||
        !digest_bytes(digest, data, size, out)) {
        return lerror_push(L, "Unsupported", "OpenSSL does not offer %s here", name);
    }
    return push_hex(L, out, out_size);
}

/* -- bytes => MD5 | nil message "Unsupported", where the machine's rules forbid it */
static int l_md5(lua_State *L) {
    return push_digest(L, &digests(L)->md5, "MD5", DIGEST_MD5_SIZE);
}

/* -- bytes => SHA-1 | nil message "Unsupported": for names of files, which AWS's tools choose */
static int l_sha1(lua_State *L) {
    return push_digest(L, &digests(L)->sha1, "SHA1", DIGEST_SHA1_SIZE);
}

/* -- bytes => small hexadecimal digits */
static int l_hex(lua_State *L) {
    size_t size;
    luaL_Buffer buffer;
    const char *data = luaL_checklstring(L, 1, &size);
    luaL_argcheck(L, size <= SIZE_MAX / 4, 1, "too long");
    digest_hex((const unsigned char *)data, size, luaL_buffinitsize(L, &buffer, 2 * size));
    luaL_pushresultsize(&buffer, 2 * size);
    return 1;
}

/* What is taken is forgotten. */
static bool take_random(struct random *random, unsigned char *bytes, size_t size) {
    pid_t self = self_pid();
    if (random->left < size || random->owner != self) {
        if (RAND_bytes(random->bytes, sizeof random->bytes) != 1) return false;
        random->left = sizeof random->bytes;
        random->owner = self;
    }
    unsigned char *from = random->bytes + sizeof random->bytes - random->left;
    memcpy(bytes, from, size);
    OPENSSL_cleanse(from, size);
    random->left -= size;
    return true;
}

/* => a random UUID (RFC 9562, version 4). It cannot be guessed, and watchers that start at the same
 * moment make different ones. */
static int l_uuid(lua_State *L) {
    static const size_t groups[] = {4, 2, 2, 2, 6};
    unsigned char bytes[16];
    char text[36], *at = text;
    if (!take_random(&digests(L)->random, bytes, sizeof bytes))
        return luaL_error(L, "uuid: OpenSSL failed");
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    const unsigned char *from = bytes;
    for (size_t i = 0; i < countof(groups); i++) {
        if (i > 0) *at++ = '-';
        digest_hex(from, groups[i], at);
        at += 2 * groups[i];
        from += groups[i];
    }
    lua_pushlstring(L, text, sizeof text);
    return 1;
}

static const luaL_Reg metamethods[] = {
    {"__gc",    signer_close},
    {"__close", signer_close},
    {NULL,      NULL        },
};

static const luaL_Reg methods[] = {
    {"headers", signer_headers},
    {"query",   signer_query  },
    {"last",    signer_last   },
    {"close",   signer_close  },
    {NULL,      NULL          },
};

static const luaL_Reg digests_metamethods[] = {
    {"__gc", digests_gc},
    {NULL,   NULL      },
};

static const luaL_Reg no_methods[] = {
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"signer", l_signer},
    {"sha256", l_sha256},
    {"hmac",   l_hmac  },
    {"md5",    l_md5   },
    {"sha1",   l_sha1  },
    {"hex",    l_hex   },
    {"uuid",   l_uuid  },
    {NULL,     NULL    },
};

int luaopen_watchbot_aws(lua_State *L) {
    lhandle_type(L, SIGNER_TYPE, metamethods, methods);
    lhandle_type(L, DIGESTS_TYPE, digests_metamethods, no_methods);
    luaL_newlibtable(L, functions);
    struct digests *all = lhandle_new(L, DIGESTS_TYPE, sizeof *all, 0);
    if (!digest_open(&all->sha256, "SHA256"))
        return luaL_error(L, "OpenSSL has no SHA-256, or there is no memory");
    luaL_setfuncs(L, functions, 1);
    return 1;
}
