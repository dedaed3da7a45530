--- bench.support: what the parts of the bench share: a folder, pinned runs, medians.

local process = require "watchbot.process"

local bench = { rounds = tonumber(os.getenv "ROUNDS") or 3 }

--- The processor that what is measured is pinned to, where the machine has two: the other is for whatever serves it.
bench.pin = { "taskset", "-c", "0" }

function bench.setup(build)
  local pipe <close> = assert(io.popen "mktemp -d")
  bench.folder = pipe:read "l"
  local here <close> = assert(io.popen "pwd")
  bench.build = here:read "l" .. "/" .. build
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

--- Runs a command to its end, pinned; stdout goes to a file, as in a deployment with a log.
---@return number seconds
---@return string stdout
function bench.run(argv, options)
  options = options or {}
  local all = {}
  if options.pin ~= false then table.move(bench.pin, 1, #bench.pin, 1, all) end
  table.move(argv, 1, #argv, #all + 1, all)
  local child = assert(process.start {
    argv = all, cwd = bench.folder, output = "capture", limit = 256 << 20, stdin = options.stdin, env = options.env,
  })
  local exit = child:wait()
  local out, problem = child:output()
  local words = table.concat(argv, " ")
  if exit.code ~= 0 then error(("%s failed: %s"):format(words, problem ~= "" and problem or out:sub(-500))) end
  return exit.duration, out
end

function bench.median(values)
  table.sort(values)
  return values[#values // 2 + 1]
end

--- Measures two things in turns; the medians of each, and of the ratio of each pair.
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
  bench.run({ bench.watchbot, "send", "--queue", "sqlite:jobs.db" }, { stdin = table.concat(lines, "\n") .. "\n", pin = false })
end

function bench.report(format, ...)
  print(format:format(...))
  io.stdout:flush()
end

return bench
