--- inherit: which variables of the watcher's environment a task inherits. By default all, except
-- the watcher's own AWS keys (a task has its own role, or gets keys in `env`) and variables that
-- change how programs are loaded: those were set for the watcher, and would surprise in every task.

local inherit = {}

local withheld = {
  AWS_ACCESS_KEY_ID = true, AWS_SECRET_ACCESS_KEY = true, AWS_SESSION_TOKEN = true,
  AWS_SECURITY_TOKEN = true,
  LD_PRELOAD = true, LD_AUDIT = true, LD_DEBUG = true, LD_PROFILE = true,
  LD_LIBRARY_PATH = true,
}

-- The user and the locations of files: variables that almost every program needs.
local basic = {
  PATH = true, HOME = true, USER = true, LOGNAME = true, SHELL = true, LANG = true, LANGUAGE = true,
  TZ = true, TMPDIR = true,
  TERM = true, HOSTNAME = true,
}

local function pattern_of(glob)
  return "^" .. glob:gsub("[^%w*]", "%%%0"):gsub("%*", ".*") .. "$"
end

--- Whether `name` is inherited.
---@param rule nil|boolean|string[] the policy's field: nil is the default, true all, false the
--- basic ones, otherwise names and patterns
---@param name string
---@return boolean
function inherit.allows(rule, name)
  if rule == nil then return not withheld[name] end
  if rule == true then return true end
  if rule == false then return basic[name] == true or name:match "^LC_" ~= nil end
  for _, glob in ipairs(rule) do
    if glob == name or (glob:find("*", 1, true) and name:match(pattern_of(glob))) then
      return true
    end
  end
  return false
end

return inherit
