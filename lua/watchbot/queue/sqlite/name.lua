--- queue.sqlite.name: which names are those of a queue's file, `sqlite:NAME`, or of one that is in
-- another program's database, `sqlite:NAME?prefix=watchbot_`.
-- Nearly all bytes can be the name of a file. What looks like something else is refused: who writes
-- it would find an empty queue, and another one in the next program.

local guest = require "watchbot.queue.sqlite.guest"

local REFUSED = {
  { "^$", "a file's name is missing" },
  { "/$", "a file's name is missing" },
  { "%c", "the name has a control character" },
  { "^ ", "the name begins with a blank" },
  { " $", "the name ends with a blank" },
  { "^:memory:", "a queue is a file that processes share; name one, on a RAM disk if need be" },
  { "^file:", "a queue is named by its file, not by a URI: write sqlite:jobs.db" },
  { "%?[%w_]+=", "the only parameter of a queue's file is 'prefix'" },
  { "^~", "'~' is not expanded here: write the whole path" },
  { "%-wal$", "that is the WAL of another file" },
  { "%-shm$", "that is the shared memory of another file" },
  { "%-journal$", "that is the journal of another file" },
}

local name = {}

-- => what stands before the parameter, the prefix if there is one | nil, err
local function split(text)
  local before, prefix = text:match "^(.*)%?prefix=([^?&]*)$"
  if not before then return text end
  local problem = guest.problem(prefix)
  if problem then return nil, problem end
  return before, prefix
end

--- The path that stands behind `sqlite:`, and the prefix. "jobs.db", "/var/jobs.db" and
--- "///var/jobs.db" name a file; "//jobs.db" would be a host.
---@param text string
---@return string? path
---@return string? prefix or err
function name.path(text)
  local prefix
  text, prefix = split(text)
  if not text then return nil, prefix end
  if text:match "^//[^/]" then return nil, ("for a file write sqlite:%s"):format(text:sub(3)) end
  local path = text:gsub("^//+", "/")
  for _, refused in ipairs(REFUSED) do
    if path:find(refused[1]) then return nil, refused[2] end
  end
  -- Whatever it is called, it is a file: SQLite has special names.
  return path:match "^/" and path or "./" .. path, prefix
end

return name
