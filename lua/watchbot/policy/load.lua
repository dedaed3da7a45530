--- load: loads a policy file as a policy, a stack file as a template. The file's top level may
-- wait; `require` searches the file's folder first.

local globals = require "watchbot.policy.globals"
local identity = require "watchbot.policy.identity"
local is_policy = require("watchbot.policy").is
local refusal = require "watchbot.lib.refusal"
local sorted = require "watchbot.lib.sorted"
local whole_file = require "watchbot.lib.whole_file"

local load_file = {}

-- Prefixes that editors on Windows and shells put into a file: a byte order mark, a line with #!.
-- The line is replaced by an empty one, so that line numbers stay right.
local function without_prelude(source)
  return (source:gsub("^\u{FEFF}", ""):gsub("^#[^\n]*", ""))
end

-- The line of the file that raised an error value that is not text, and therefore has no position.
local function line_in(path)
  local level = 2
  while true do
    local info = debug.getinfo(level, "Sl")
    if not info then return path end
    if info.source == "@" .. path then return ("%s:%d"):format(path, info.currentline) end
    level = level + 1
  end
end

local function has_text(err)
  return type(err) == "string"
    or type(err) == "table" and (getmetatable(err) or {}).__tostring ~= nil
end

-- An error may be any value: for a table, at least report where it was raised.
local function located(path)
  return function(err)
    if has_text(err) then return err end
    local words = type(err) == "table" and (err.message or err.err or err[1])
    return ("%s: raised a %s%s"):format(line_in(path), type(err),
      type(words) == "string" and ": " .. words or "")
  end
end

-- The top level of a file runs in a task, which only watchbot's own functions may suspend;
-- coroutines that the file creates are its own.
local function guard_yield()
  -- The libraries of the policy, which are not those of this module: see lib/apart.lua.
  local library = package.loaded.coroutine or {}
  local yield, task = library.yield, coroutine.running()
  library.yield = function(...)
    if coroutine.running() ~= task then return yield(...) end
    error("coroutine.yield at the top of the file: only watchbot's own functions may wait there", 2)
  end
  return setmetatable({}, { __close = function() library.yield = yield end })
end

local function in_folder(folder, name)
  local below = folder .. "/" .. name:gsub("%.", "/")
  for _, path in ipairs { below .. ".lua", below .. "/init.lua" } do
    local file <close> = io.open(path, "rb")
    if file then return path end
  end
end

-- "?" and ";" in the name of a folder cannot be escaped in package.path, so a searcher before the
-- others searches the folder.
local function search_in(folder)
  if package.user_folder == folder then return end
  package.user_folder = folder
  table.insert(package.searchers, 2, function(name)
    local path = in_folder(folder, name)
    if not path then return ("no module '%s' in the folder '%s'"):format(name, folder) end
    local chunk, err = loadfile(path)
    if chunk then return chunk, path end
    error(("error loading module '%s' from file '%s':\n\t%s"):format(name, path, err), 0)
  end)
end

--- Puts the folder of the policy first in the search of `require`, even before the modules in the
--- binary.
local function look_in(folder)
  if folder:find "[?;]" then return search_in(folder) end
  local path = folder .. "/?.lua;" .. folder .. "/?/init.lua"
  if package.user_path == path then return end
  package.user_path = path
  package.path = path .. ";" .. package.path
end

local function source_of(path, what)
  -- Here "-" is a name like any other.
  local source, err = whole_file(path == "-" and "./-" or path)
  if not source then return nil, ("could not read the %s: %s"):format(what, err) end
  return source
end

--- Runs a file. Must be called in a task.
---@param path string
---@param what string its name in errors: "policy"
---@return any value the file's result
---@return string? err with file and line
---@return string? code
---@return any more a second result
function load_file.value(path, what)
  local source, problem = source_of(path, what)
  if not source then return nil, problem, "Usage" end
  local chunk
  chunk, problem = load(without_prelude(source), "@" .. path, "t")
  if not chunk then return nil, problem, "Usage" end
  look_in(path:match "^(.*)/[^/]*$" or ".")
  local _ <close> = guard_yield()
  local ok, value, more = xpcall(chunk, located(path))
  if ok then return value, nil, nil, more end
  local err = refusal.explain(value, path)
  return nil, err .. globals.hint(err, path), "Usage"
end

-- The modules that the last load of a policy has required, by name.
local required = {}

-- Removes them from package.loaded, so that they are read again with the policy. Those of watchbot
-- stay, because the watcher uses them.
local function forget_modules()
  local forgotten = {}
  for name in pairs(required) do
    forgotten[name], package.loaded[name] = package.loaded[name], nil
  end
  return forgotten
end

local function is_user_module(name)
  return type(name) == "string" and name ~= "watchbot" and not name:find "^watchbot%."
    and (package.searchpath(name, package.user_path or "") ~= nil
      or package.user_folder and in_folder(package.user_folder, name) ~= nil)
end

-- => the result of `load`; records which modules of the policy's folder it has required
local function noting_modules(load_it, ...)
  local forgotten = forget_modules()
  local before = {}
  for name in pairs(package.loaded) do before[name] = true end
  local value, err, code, more = load_it(...)
  if err then
    for name, module in pairs(forgotten) do package.loaded[name] = module end
    return nil, err, code
  end
  required = {}
  for name in pairs(package.loaded) do
    if not before[name] and is_user_module(name) then required[name] = true end
  end
  return value, nil, nil, more
end

local function not_returned(path, wanted, value)
  return nil, ("%s: must return %s, but returned %s"):format(path, wanted,
    value == nil and "nothing" or "a " .. type(value)),
    "Usage"
end

local function path_of(name)
  return package.searchpath(name, package.user_path or "")
    or in_folder(package.user_folder or ".", name)
end

--- The files of the policy that was loaded last: its own, then the modules of its folder by name.
---@param path string the policy's
---@return string[]
function load_file.files(path)
  local paths = { path == "-" and "./-" or path }
  for _, name in ipairs(sorted.keys(required)) do paths[#paths + 1] = path_of(name) end
  return paths
end

--- Loads a policy file. Must be called in a task. A second load also reloads the modules of the
-- policy's folder that the first one has required.
---@param path string
---@return table? policy
---@return string? err with file and line
---@return string? code
---@return table? doubles a second result, for `watchbot simulate`
function load_file.policy(path)
  local policy, err, code, doubles = noting_modules(load_file.value, path, "policy")
  if err then return nil, err, code end
  if not is_policy(policy) then return not_returned(path, "watchbot.policy { ... }", policy) end
  identity.note(policy, load_file.files(path))
  return policy, nil, nil, type(doubles) == "table" and doubles or nil
end

--- Loads a file that describes a stack. Must be called in a task.
---@param path string
---@return table? template
---@return string? err with file and line
---@return string? code
function load_file.template(path)
  local template, err, code = load_file.value(path, "stack file")
  if err then return nil, err, code end
  if type(template) ~= "table" then
    return not_returned(path, "a template, such as watchbot.template { ... }", template)
  end
  return template
end

return load_file
