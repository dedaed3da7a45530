--- console.assets: the files of the console that are no Lua: style sheets, script and icon. The
-- program carries them as modules; elsewhere they are next to this file, where `require` finds it.

local core = require "watchbot.core".aws
local whole_file = require "watchbot.lib.whole_file"

local TYPES = {
  ["style.css"] = "text/css; charset=utf-8",
  ["tables.css"] = "text/css; charset=utf-8",
  ["script.js"] = "text/javascript; charset=utf-8",
  ["icon.svg"] = "image/svg+xml",
}

local assets = {}

local function read(name)
  local stem, ending = name:match "^(.*)%.(%a+)$"
  local carried, bytes = pcall(require, "watchbot.console." .. name)
  if carried then return bytes end
  local path = package.searchpath("watchbot.console." .. stem,
    (package.path:gsub("%f[%w]lua%f[;%z]", ending)))
  return assert(whole_file(assert(path, name .. " is missing")))
end

local known = {}

---@class watchbot.ConsoleAsset
---@field bytes string
---@field type string
---@field version string changes with the bytes

--- A file.
---@param name string
---@return watchbot.ConsoleAsset?
function assets.get(name)
  if not TYPES[name] then return nil end
  if not known[name] then
    local bytes = read(name)
    known[name] = { bytes = bytes, type = TYPES[name], version = core.sha256(bytes):sub(1, 12) }
  end
  return known[name]
end

return assets
