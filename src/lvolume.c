/* lvolume: watchbot.core.volume. The system's information about a file, and about its file
 * system. */
#define _GNU_SOURCE /* statx */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core.h"
#include "lerror.h"

/* Magic numbers of statfs(2). FUSE is in the list because most of its file systems are on a
 * network, or on a host that shares a folder with a virtual machine; neither supports shared
 * memory, which a WAL needs. */
static const struct {
    unsigned magic;
    const char *name;
} network_types[] = {
    {0x6969,     "nfs"   },
    {0x517b,     "smb"   },
    {0xff534d42, "cifs"  },
    {0xfe534d42, "smb2"  },
    {0x00c36400, "ceph"  },
    {0x5346414f, "afs"   },
    {0x6b414653, "afs"   },
    {0x01021997, "9p"    },
    {0x0bd00bd0, "lustre"},
    {0x01161970, "gfs2"  },
    {0x7461636f, "ocfs2" },
    {0x47504653, "gpfs"  },
    {0x65735546, "fuse"  },
};

/* -- path => the name of the network file system that the file is on | nil */
static int l_network(lua_State *L) {
    struct statfs statfs_result;
    if (statfs(luaL_checkstring(L, 1), &statfs_result) < 0) return 0;
    for (size_t i = 0; i < countof(network_types); i++) {
        if (network_types[i].magic == (unsigned)statfs_result.f_type) {
            lua_pushstring(L, network_types[i].name);
            return 1;
        }
    }
    return 0;
}

static void set_integer(lua_State *L, const char *name, lua_Integer value) {
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

/* -- path => { links, owner, mode, size, is_mount } | nil err code : symbolic links are followed */
static int l_facts(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    struct statx status;
    if (statx(AT_FDCWD, path, 0, STATX_MODE | STATX_NLINK | STATX_UID | STATX_SIZE, &status) != 0) {
        return lerror_errno(L, errno, "'%s'", path);
    }
    lua_createtable(L, 0, 5);
    set_integer(L, "links", status.stx_nlink);
    set_integer(L, "owner", status.stx_uid);
    set_integer(L, "mode", status.stx_mode & 07777);
    set_integer(L, "size", (lua_Integer)status.stx_size);
    lua_pushboolean(L, (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0);
    lua_setfield(L, -2, "is_mount");
    return 1;
}

/* -- => the user id that this process acts with */
static int l_user(lua_State *L) {
    lua_pushinteger(L, geteuid());
    return 1;
}

static const luaL_Reg functions[] = {
    {"network", l_network},
    {"facts",   l_facts  },
    {"user",    l_user   },
    {NULL,      NULL     },
};

int luaopen_watchbot_volume(lua_State *L) {
    luaL_newlib(L, functions);
    return 1;
}
