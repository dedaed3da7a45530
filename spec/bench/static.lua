-- The static program compared with the dynamic one: 40 starts of each in turns, of `--version` and
-- of a drain of an empty queue; and the memory of a watcher that waits: its own, and with the files
-- that are mapped, which other processes share. Needs `make static`.

local scheduler = require "watchbot.scheduler"

local STARTS = 40

local function waiting(bench, program)
  local argv = { program, "run", "--queue", "sqlite:idle.db", "--", "true" }
  local child <close> = bench.start(argv, {})
  scheduler.sleep(3)
  return bench.status(child:pid(), "RssAnon") / 1024, bench.status(child:pid(), "VmRSS") / 1024
end

return function(bench)
  local root = bench.build:match "^(.*)/[^/]*$"
  local pipe <close> = assert(io.popen "dpkg --print-architecture")
  local programs = { bench.watchbot, ("%s/build/static/%s/watchbot"):format(root, pipe:read "l") }
  if not io.open(programs[2]) then return bench.report "static: not built (make static)" end
  bench.rounds = STARTS
  for name, arguments in pairs {
    version = { "--version" }, drain = { "run", "--drain", "--queue", "sqlite:empty.db", "--",
      "true" },
  } do
    local function timed(program)
      -- Not pinned: the start of taskset would be measured, too.
      local argv = { program, table.unpack(arguments) }
      return function() return (bench.run(argv, { pin = false })) end
    end
    local static, dynamic, ratio = bench.pairs(timed(programs[2]), timed(programs[1]))
    bench.report("static: %s: %.2f of the dynamic program's time (%.1f ms, %.1f ms)", name, ratio,
      static * 1000, dynamic * 1000)
  end
  for index, name in ipairs { "dynamic", "static" } do
    bench.report("static: a waiting watcher, %s: %.1f MiB of its own, %.1f MiB in all", name,
      waiting(bench, programs[index]))
  end
end
