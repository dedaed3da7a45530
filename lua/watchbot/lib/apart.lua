--- lib.apart: keeps watchbot's own Lua apart from a policy's, in one Lua state.
-- The modules that a program carries work with their own copies of Lua's libraries and globals,
-- and what a policy requires of them are copies, too: a handler that overwrites `string.format`,
-- `error` or `scheduler.sleep` harms only itself. Loaded by src/preload.c before everything else;
-- it must not require anything.

local LIBRARIES = { "string", "table", "math", "os", "io", "coroutine", "utf8", "debug" }

local function copy(values)
  local new = {}
  for name, value in next, values do new[name] = value end
  return new
end

-- `package` and `_G` stay the policy's: watchbot changes them for it.
local function own_globals()
  local own = copy(_G)
  for _, name in ipairs(LIBRARIES) do
    if type(own[name]) == "table" then own[name] = copy(own[name]) end
  end
  return own
end

-- A function is asked with the string itself, a table is looked up.
local function look_behind(meta, methods, behind, index)
  behind.__index = type(index) == "table" and index or nil
  if type(index) ~= "function" then
    meta.__index = methods
    return
  end
  meta.__index = function(text, name)
    local method = methods[name]
    if method ~= nil then return method end
    return index(text, name)
  end
end

--- The methods of strings are found in `methods` first, then where they were found before. What
--- `getmetatable ""` returns from now on stands in front of the real metatable: `__index` is what
--- comes second, all else is set as before.
---@param methods table<string, function>
local function keep_strings(methods)
  local meta, behind = debug.getmetatable "", {}
  if not meta or meta.__metatable ~= nil then return end
  local second = meta.__index
  setmetatable(methods, behind)
  look_behind(meta, methods, behind, second)
  meta.__metatable = setmetatable({}, {
    __index = function(_, event)
      if event == "__index" then return second end
      return meta[event]
    end,
    __newindex = function(_, event, value)
      if event == "__index" then
        second = value
        look_behind(meta, methods, behind, value)
      elseif event ~= "__metatable" then
        meta[event] = value
      end
    end,
  })
end

-- A module as a policy gets it. That of C is a table of tables.
local function shown(name, module)
  if type(module) ~= "table" then return module end
  local new = copy(module)
  if name == "watchbot.core" then
    for part, functions in next, new do new[part] = copy(functions) end
  end
  return setmetatable(new, debug.getmetatable(module))
end

-- Libraries that the program carries for the policy, luassert for one, are not watchbot's.
local PREFIX, sub = "watchbot.", string.sub

local function is_own(name)
  return name == "watchbot" or sub(name, 1, #PREFIX) == PREFIX
end

--- Makes the libraries of watchbot's own modules, and the searcher by which `require` finds those.
---@param find fun(name: string, globals: table): function|string|nil, string? the chunk of a module
--- that the program carries, and where it comes from; or text that says it has none
---@return function searcher
local function begin(find)
  local loaded, shared_require, own = {}, require, own_globals()
  keep_strings(own.string)

  local function run(name, chunk, place)
    local module = chunk(name, place)
    if loaded[name] == nil then loaded[name] = module == nil or module end
    return loaded[name]
  end

  function own.require(name)
    local module = loaded[name]
    if module ~= nil then return module end
    if not is_own(name) then return shared_require(name) end
    local chunk, place = find(name, own)
    if type(chunk) ~= "function" then return shared_require(name) end
    return run(name, chunk, place)
  end

  return function(name)
    -- The front loads the others when they are first used: those are for the policy.
    if name == "watchbot" or not is_own(name) then return find(name, _G) end
    local chunk, place = find(name, own)
    if type(chunk) ~= "function" then return chunk end
    return function() return shown(name, loaded[name] or run(name, chunk, place)) end, place
  end
end

return begin
