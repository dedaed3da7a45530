--- bench.support: shared by the parts of the bench: a folder, pinned runs, resource usage, medians.

local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"

local bench = { rounds = tonumber(os.getenv "ROUNDS") or 3 }

--- The processor that measured programs are pinned to, if the machine has two: the other one is for
--- their servers.
bench.pin = { "taskset", "-c", "0" }
bench.pin_server = { "taskset", "-c", "1" }

function bench.setup(build)
  local pipe <close> = assert(io.popen "mktemp -d")
  bench.folder = pipe:read "l"
  local here <close> = assert(io.popen "pwd")
  local root = here:read "l"
  bench.build, bench.here = root .. "/" .. build, root .. "/spec/bench"
  bench.watchbot = bench.build .. "/watchbot"
end

function bench.cleanup()
  os.execute("rm -rf '" .. bench.folder .. "'")
end

function bench.write(name, text)
  local path = bench.folder .. "/" .. name
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
  return path
end

local function joined(first, second)
  return table.move(second, 1, #second, #first + 1, table.move(first, 1, #first, 1, {}))
end

--- Starts a program that runs until `close`; its output can be captured, or goes to the file `log`
--- in the bench's folder.
---@param argv string[]
---@param options { pin: string[]?, env: table?, log: string? }
---@return watchbot.Process
function bench.start(argv, options)
  local all = joined(options.pin or bench.pin, argv)
  if options.log then
    all = joined({ "sh", "-c", "exec \"$@\" > " .. options.log .. " 2>&1", "sh" }, all)
  end
  return assert(process.start {
    argv = all, cwd = bench.folder, env = options.env, output = "capture",
  })
end

--- Repeats a call until its result is neither nil nor false, for at most `seconds`.
function bench.wait_for(what, seconds, ask)
  local until_time = scheduler.now() + seconds
  while true do
    local answer = ask()
    if answer then return answer end
    if scheduler.now() > until_time then error(("%s: not within %g s"):format(what, seconds), 2) end
    scheduler.sleep(0.01)
  end
end

--- A number of proc_pid_status(5), in KiB where it is a size: `VmRSS`, `VmHWM`.
function bench.status(pid, name)
  local file <close> = assert(io.open(("/proc/%d/status"):format(pid)))
  return tonumber(file:read "a":match(name .. ":%s+(%d+)"))
end

--- Seconds of CPU that a process has used, all its threads, without its children: utime and stime
--- of proc_pid_stat(5).
function bench.cpu(pid)
  local file <close> = assert(io.open(("/proc/%d/stat"):format(pid)))
  local fields = {}
  for field in file:read "a":match "%) (.*)":gmatch "%S+" do
    fields[#fields + 1] = tonumber(field) or 0
  end
  return (fields[12] + fields[13]) / 100
end

--- Runs a command to its end, pinned; stdout goes to a file, as in a deployment with a log.
---@return number seconds
---@return string stdout
function bench.run(argv, options)
  options = options or {}
  local all = options.pin == false and argv or joined(bench.pin, argv)
  local child = assert(process.start {
    argv = all, cwd = bench.folder, output = "capture", limit = 256 << 20, stdin = options.stdin,
    env = options.env,
  })
  local exit = child:wait()
  local out, problem = child:output()
  local words = table.concat(argv, " ")
  if exit.code ~= 0 then
    error(("%s failed: %s"):format(words, problem ~= "" and problem or out:sub(-500)))
  end
  return exit.duration, out
end

--- Compiles one of the bench's own C programs, once; returns its path.
function bench.compile(name, source, ...)
  local path = bench.folder .. "/" .. name
  local found = io.open(path)
  if found then
    found:close()
  else
    bench.run({ os.getenv "CC" or "cc", "-O2", "-o", path, bench.here .. "/" .. source, ... },
      { pin = false })
  end
  return path
end

function bench.median(values)
  table.sort(values)
  return values[#values // 2 + 1]
end

--- Measures two things alternately; the medians of each, and of the ratio of each pair.
function bench.pairs(first, second)
  local ones, others, ratios = {}, {}, {}
  for round = 1, bench.rounds do
    ones[round], others[round] = first(), second()
    ratios[round] = ones[round] / others[round]
  end
  return bench.median(ones), bench.median(others), bench.median(ratios)
end

--- A queue with `count` messages.
function bench.fill(count)
  os.execute("rm -f '" .. bench.folder .. "'/jobs.db*")
  local lines = {}
  for index = 1, count do lines[index] = "message-" .. index end
  bench.run({ bench.watchbot, "send", "--queue", "sqlite:jobs.db" },
    { stdin = table.concat(lines, "\n") .. "\n", pin = false })
end

function bench.report(format, ...)
  print(format:format(...))
  io.stdout:flush()
end

return bench
