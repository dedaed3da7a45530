--- queue.sqlite.trust: warnings about the file of a queue before it is used.

local sqlite = require "watchbot.sqlite"

local trust = {}

-- Another user who can change the file decides what this user runs.
local function foreign(path)
  local facts = sqlite.facts(path)
  if not facts then return nil end
  if facts.mode & 2 ~= 0 then
    return ("'%s' can be written by every user (mode %04o), who can make this one run what they "
      .. "like: chmod o-w"):format(path, facts.mode)
  elseif facts.owner ~= sqlite.user() and facts.owner ~= 0 then
    return ("'%s' belongs to another user (id %d), who decides what is run from it"):format(path,
      facts.owner)
  end
end

--- The problem with a file's location or owner; nil if there is none.
---@param path string
---@return string?
function trust.warning(path)
  local network = sqlite.network(path)
  return network and ("'%s' is on a network file system (%s): SQLite's locks and shared memory do "
    .. "not work there, messages may be lost"):format(path, network) or foreign(path)
end

return trust
