--- policy.globals: names that a policy's files use as globals although nothing sets them, which are
-- misspelt names nearly always: `prnit`, a local variable that is declared further down, a missing
-- `local watchbot = require "watchbot"`. The compiled chunks are read, so hooks need not run.

local global_uses = require "watchbot.policy.global_uses"
local sorted = require "watchbot.lib.sorted"
local suggest = require "watchbot.lib.suggest"

local globals = {}

-- The globals of a policy, which are not those of this module: see lib/apart.lua.
local function environment() return package.loaded._G end

-- Globals of other versions of Lua and of programs that carry it, which portable modules look for.
local ELSEWHERE = {
  unpack = true, loadstring = true, setfenv = true, getfenv = true, module = true, jit = true,
  bit = true, bit32 = true, ngx = true, _TEST = true,
}

local LIBRARIES = { "string", "table", "math", "os", "io", "coroutine", "utf8", "debug" }

local function shown(path) return (path:gsub("^%./", "")) end

local function exists(name)
  local library, field = name:match "^(.-)%.(.*)$"
  -- A policy may have made the reading of unknown globals an error.
  local ok, value = pcall(function() return environment()[library or name] end)
  if library then return not ok or type(value) ~= "table" or value[field] ~= nil end
  return ok and value ~= nil
end

-- Names that may be meant by a misspelt one.
local function candidates(found)
  local names = {}
  for name in pairs(found.locals) do names[name] = true end
  for name in next, environment() do
    if type(name) == "string" then names[name] = true end
  end
  for name in pairs(found.set) do names[name] = true end
  for _, library in ipairs(LIBRARIES) do
    local fields = rawget(environment(), library)
    for field in pairs(type(fields) == "table" and fields or {}) do
      names[library .. "." .. field] = true
    end
  end
  return names
end

local function explain(name, names, found)
  if name == "watchbot" then return "; write: local watchbot = require \"watchbot\"" end
  if found and found.locals[name] then
    return ("; the local '%s' is declared below this line, or in another block"):format(name)
  end
  return suggest.hint(name, sorted.keys(names))
end

local function is_library(name)
  for _, library in ipairs(LIBRARIES) do
    if name:match "^(.-)%." == library then return true end
  end
  return false
end

local function is_unknown(found, name)
  if name:find(".", 1, true) then return is_library(name) and not exists(name) end
  -- `local jit = jit`
  if found.set[name] or ELSEWHERE[name] and found.locals[name] then return false end
  return not (found.dynamic and found.texts[name]) and not exists(name)
end

-- `if DEBUG then` may be meant, `if prnit then` is not.
local function is_misspelt(name, names)
  local near = not ELSEWHERE[name] and suggest(name, sorted.keys(names))
  return near and near:lower() ~= name:lower()
end

-- => a list of sentences about names that nothing sets
local function unknown(found)
  local sentences, seen, names = {}, {}, candidates(found)
  for _, use in ipairs(found.uses) do
    local key = use.path .. "\0" .. use.name
    if not seen[key] and is_unknown(found, use.name) then
      local hint = explain(use.name, names, found)
      if not use.guarded or is_misspelt(use.name, names) then
        seen[key] = true
        sentences[#sentences + 1] = ("unknown global '%s' in %s:%d%s"):format(use.name,
          shown(use.path), use.line, hint)
      end
    end
  end
  return sentences
end

-- At the top of a file, a global is meant: a module of another folder may read it.
local function unread(found)
  local sentences, read = {}, {}
  for _, use in ipairs(found.uses) do read[use.name] = true end
  for _, write in ipairs(found.writes) do
    if not read[write.name] and not found.dynamic and rawget(environment(), write.name) == nil then
      read[write.name] = true
      local hint = suggest.hint(write.name, sorted.keys(found.locals))
      if hint == "" then hint = "; write: local " .. write.name end
      sentences[#sentences + 1] = ("global '%s' is set in %s:%d, and nothing reads it%s"):format(
        write.name, shown(write.path), write.line, hint)
    end
  end
  return sentences
end

-- A global that is read by the top level before something sets it is nil there.
local function too_early(found, reads)
  local sentences, seen, bare = {}, {}, {}
  local function key(source, line, name) return ("%s:%d:%s"):format(source, line, name) end
  for _, use in ipairs(found.uses) do
    if not use.guarded then bare[key("@" .. use.path, use.line, use.name)] = true end
  end
  for _, read in ipairs(reads) do
    local is_bare = bare[key(read.source, read.line, read.name)]
    if is_bare and found.set[read.name] and not seen[read.name] then
      seen[read.name] = true
      sentences[#sentences + 1] = ("global '%s' is read in %s:%d before it is set"):format(
        read.name, shown(read.source:sub(2)), read.line)
    end
  end
  return sentences
end

--- The reads of globals that do not exist, until it is closed.
---@return { name: string, source: string, line: integer }[] reads to be closed
function globals.watch()
  local table_of_globals, reads = environment(), {}
  local meta = {
    __index = function(_, name)
      local info = debug.getinfo(2, "Sl")
      if type(name) == "string" and info then
        reads[#reads + 1] = { name = name, source = info.source, line = info.currentline }
      end
    end,
  }
  local free = debug.getmetatable(table_of_globals) == nil
  if free then setmetatable(table_of_globals, meta) end
  return setmetatable(reads, {
    __close = function()
      if debug.getmetatable(table_of_globals) == meta then setmetatable(table_of_globals, nil) end
    end,
  })
end

--- What is probably a misspelt global, a sentence each. To be called after the files were loaded.
---@param found watchbot.GlobalUses of the files of a policy
---@param reads { name: string, source: string, line: integer }[]? of `watch`
---@return string[]
function globals.advice(found, reads)
  local sentences = unknown(found)
  for _, list in ipairs { unread(found), too_early(found, reads or {}) } do
    table.move(list, 1, #list, #sentences + 1, sentences)
  end
  return sentences
end

--- The end of an error that a file raised because a global does not exist.
---@param err string
---@param path string the policy's file
---@return string as suggest.hint
function globals.hint(err, path)
  local name = err:match "global '([%a_][%w_]*)'"
  if not name or exists(name) then return "" end
  local found = global_uses { path }
  return explain(name, candidates(found), found)
end

return globals
