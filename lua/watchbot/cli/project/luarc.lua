--- cli.project.luarc: the .luarc.json of a new project: what lua-language-server, the part of many
-- editors that knows Lua, has to know about policies and their specs.

-- Where the Debian package, `make install` and LuaRocks put watchbot's modules and their
-- definitions. The server ignores a folder that does not exist.
local text = [==[
{
  "runtime.version": "Lua 5.4",
  "workspace.library": [
    "/usr/share/lua/5.4/watchbot",
    "/usr/local/share/lua/5.4/watchbot",
    "~/.luarocks/share/lua/5.4/watchbot"
  ],
  "workspace.checkThirdParty": false,
  "diagnostics.globals": [
    "describe", "it", "pending", "setup", "teardown", "before_each", "after_each", "finally",
    "spy", "stub", "mock", "match"
  ]
}
]==]

return { path = ".luarc.json", process = text, task = text }
