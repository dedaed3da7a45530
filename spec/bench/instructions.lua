-- Instructions of a Lua-handler job on the embedded queue, counted by valgrind for the whole
-- program: 4000 jobs minus 100, so that the start does not count. The figure does not depend on
-- other load of the machine.

local MANY, FEW = 4000, 100

local POLICY = [[
return require "watchbot".policy {
  queue = "sqlite:jobs.db", handler = function() return true end, workers = 10 }
]]

-- The lines of callgrind_annotate: what part of all each function takes by itself.
local function report_profile(bench)
  local _, out = bench.run { "callgrind_annotate", "--threshold=60", "callgrind.out" }
  for share, name in out:gmatch "%(%s*([%d.]+)%%%)%s+%S-:([%a_][%w_]+)[%w'.]* %[" do
    bench.report("  %5.1f %%  %s", tonumber(share), name)
  end
end

local function count(bench, jobs)
  bench.fill(jobs)
  bench.run {
    "valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file=callgrind.out",
    bench.watchbot, "run", "--drain", "policy.lua",
  }
  local file <close> = assert(io.open(bench.folder .. "/callgrind.out"))
  return tonumber(file:read "a":match "\ntotals: (%d+)" or error "valgrind has counted nothing")
end

return function(bench)
  if not os.execute "command -v valgrind >/dev/null" then
    return bench.report "instructions a job: not counted, for there is no valgrind"
  end
  bench.write("policy.lua", POLICY)
  local few = count(bench, FEW)
  local each = (count(bench, MANY) - few) / (MANY - FEW)
  bench.report("lua handlers: %.0f instructions a job; by function, the start included:", each)
  report_profile(bench)
end
