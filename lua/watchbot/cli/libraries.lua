--- cli.libraries: the releases of the libraries that the program uses, as `--version --verbose`
-- prints them: for reports of faults, and for those who follow security updates.

local cjson = require "cjson"
local lxp = require "lxp"

local versions = require "watchbot.core".versions

local libraries = {}

--- The libraries, one a line.
---@return string
function libraries.describe()
  local used = versions.libraries()
  return table.concat({
    used.lua,
    used.openssl,
    "SQLite " .. used.sqlite,
    used.libcurl,
    "Expat " .. lxp._EXPAT_VERSION:gsub("^expat_", ""),
    "LuaExpat " .. lxp._VERSION:gsub("^LuaExpat ", ""),
    "lua-cjson " .. cjson._VERSION,
  }, "\n")
end

return libraries
