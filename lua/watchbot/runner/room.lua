--- runner.room: what this machine has room for: how many tasks the limit of open files permits, and
-- which errors of a start mean a shortage that the job did not cause.

local room = {}

-- Open files of a watcher without its tasks.
room.OWN_FILES = 64

--- Open files of each task: a pipe for each output stream, and the process itself. A resident
--- program has its channel as well, and for Lambda the port and the connection of its API.
room.FILES = { process = 3, stdin = 4, resident = 4, lambda = 7, serve = 1, handler = 0 }

--- Codes of temporary shortages and failures of the machine. ETXTBSY: the program is being written,
--- as in a deployment. EIO, ESTALE: the disk or the network that it is on has failed.
---@type table<string, true>
room.lacks = {
  EAGAIN = true, EMFILE = true, ENFILE = true, ENOMEM = true, ETXTBSY = true, ENOSPC = true,
  EDQUOT = true, EFBIG = true, EIO = true, ESTALE = true,
}

--- The soft and the hard limit of open files of this process.
---@return number soft math.huge: no limit
---@return number hard
function room.open_files()
  local file <close> = io.open("/proc/self/limits", "rb")
  local text = file and file:read "a" or ""
  local soft, hard = text:match "Max open files +(%S+) +(%S+)"
  return tonumber(soft) or math.huge, tonumber(hard) or math.huge
end

--- How many of a policy's workers may have a task at the same time. Says in the log that there are
--- fewer than the policy asks for: the other messages wait in the queue.
---@param workers integer
---@param kind string a key of `room.FILES`
---@param journal watchbot.Journal
---@return integer
function room.workers(workers, kind, journal)
  local each, files = room.FILES[kind], room.open_files()
  if each == 0 or files == math.huge then return workers end
  local most = math.max(1, math.tointeger(files - room.OWN_FILES) // each)
  if workers <= most then return workers end
  journal:warning(nil, "warning", ("%d workers need %d open files, and the limit is %d: only %d "
    .. "run at the same time; raise the limit (ulimit -n, LimitNOFILE=, --ulimit) or lower "
    .. "'workers'"):format(workers, room.OWN_FILES + each * workers, files, most))
  return most
end

return room
