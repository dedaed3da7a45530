/* core: `require "watchbot.core"`, one table of the modules that live in C. */
#include "core.h"

#include "task.h"

static const luaL_Reg modules[] = {
    {"scheduler", luaopen_watchbot_scheduler},
    {"input",     luaopen_watchbot_input    },
    {"log",       luaopen_watchbot_log      },
    {"empty",     luaopen_watchbot_empty    },
    {"process",   luaopen_watchbot_process  },
    {"scratch",   luaopen_watchbot_scratch  },
    {"sqlite",    luaopen_watchbot_sqlite   },
    {"json",      luaopen_watchbot_json     },
    {"aws",       luaopen_watchbot_aws      },
    {"http",      luaopen_watchbot_http     },
    {"channel",   luaopen_watchbot_channel  },
    {"server",    luaopen_watchbot_server   },
    {"terminal",  luaopen_watchbot_terminal },
    {"file",      luaopen_watchbot_file     },
    {"volume",    luaopen_watchbot_volume   },
    {"versions",  luaopen_watchbot_versions },
    {"systemd",   luaopen_watchbot_systemd  },
    {"histogram", luaopen_watchbot_histogram},
    {NULL,        NULL                      },
};

static const char core_key; /* its address in the registry: the table, once it is made */

/* Loaded again (busted does, and hosts that clear package.loaded), it is the same table: what
 * belongs to the Lua state, a guardian process for one, is there once. */
int luaopen_watchbot_core(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &core_key) == LUA_TTABLE) return 1;
    task_open(L);
    lua_newtable(L);
    for (const luaL_Reg *module = modules; module->name; module++) {
        lua_pushcfunction(L, module->func);
        lua_call(L, 0, 1);
        lua_setfield(L, -2, module->name);
    }
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &core_key);
    return 1;
}
