--- policy.bounds: the fields that limit the resources of a `command`'s tasks, and their types. They
-- are declared like the others in policy/fields.lua.

local bounds = {}

local UNITS = { [""] = 1, K = 1024, M = 1024 ^ 2, G = 1024 ^ 3, T = 1024 ^ 4 }

-- No program starts with less: 512 alone means megabytes.
local LEAST = 1 << 20

--- The bytes of a size: an integer, or text like "512M".
---@param size integer|string
---@return integer? bytes
function bounds.bytes(size)
  if math.type(size) == "integer" then return size > 0 and size or nil end
  if type(size) ~= "string" then return nil end
  local number, unit = size:match "^(%d+)([KMGT]?)$"
  local bytes = number and math.tointeger(tonumber(number) * UNITS[unit])
  return bytes and bytes > 0 and bytes or nil
end

--- The mask of a text like "027".
---@param text string
---@return integer? mask
function bounds.umask(text)
  if type(text) ~= "string" or not text:match "^0?[0-7][0-7][0-7]$" then return nil end
  return tonumber(text, 8)
end

bounds.types = {
  size = {
    expected = "bytes, or text like '512M' or '2G', at least 1M",
    check = function(value) return (bounds.bytes(value) or 0) >= LEAST end,
  },
  nice = {
    expected = "a whole number from -20 to 19",
    check = function(value)
      return math.type(value) == "integer" and value >= -20 and value <= 19
    end,
  },
  umask = {
    expected = "octal digits as text, like '027'",
    check = function(value) return bounds.umask(value) ~= nil end,
  },
}

---@type watchbot.Field[]
bounds.declared = {
  { name = "memory", type = "size",
    help = "memory of each task of a `command`, `\"512M\"`: a cgroup's limit where the watcher "
      .. "may make "
      .. "one, else of each process's data (RLIMIT_DATA); see `doc/tasks.md`" },
  { name = "cpu_seconds", type = "count",
    help = "seconds of CPU that each process of a task may use, then it gets SIGXCPU" },
  { name = "files", type = "count", help = "files that each process of a task may have open" },
  { name = "nice", type = "nice", help = "added to the watcher's niceness for tasks" },
  { name = "umask", type = "umask", help = "mode bits that files of tasks do not get, `\"027\"`" },
  { name = "user", type = "text",
    help = "the user that tasks run as, with its groups; only a watcher of root's can do that" },
  { name = "private_tmp", type = "flag", default = false, environment = "PrivateTmp",
    read = function(text) return text == "true" end,
    help = "gives each task an empty folder as `TMPDIR`, which is removed at its end" },
}

return bounds
