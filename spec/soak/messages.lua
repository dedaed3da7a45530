--- messages: very many messages through two watchers while calls, servers and watchers fail at
-- random, judged as in the specs (support/total.lua). One watcher lives through all of it and may
-- not grow; the other is killed, ended or stopped now and again.

local measure = require "soak.measure"
local scheduler = require "watchbot.scheduler"
local total = require "support.total"
local workshop = require "support.workshop"

local messages = {}

local KINDS = {
  embedded = { queue = "embedded", runner = "process" },
  fifo = { queue = "embedded FIFO", runner = "process" },
  resident = { queue = "embedded", runner = "resident" },
  lambda = { queue = "SQS", runner = "lambda" },
  sqs = { queue = "SQS", runner = "process" },
  ["sqs-fifo"] = { queue = "SQS FIFO", runner = "process" },
  ecs = { queue = "SQS", runner = "ECS", workers = 60, depth = 600, pause = { 10, 20 } },
}

-- The last messages that are left meet all the faults: a dozen receives are not enough for them.
local COMMON = {
  visibility = 6, long = "99", workers = 8, pause = { 1, 5 }, hurts = 1000, factor = 1,
  slow = true, steady = true, depth = 300, max_receives = 40,
}

--- Whether a part of the soak is one of these.
function messages.knows(part) return KINDS[part] ~= nil end

-- A sample of the steady watcher at each look; a line for each tenth.
local function observer(samples)
  local tenth, started = 0, scheduler.now()
  return function(run)
    local size = measure.of(run.watchers[1]:pid())
    samples[#samples + 1] = size
    local share = run.finished * 10 // run.options.messages
    if share > tenth and size then
      tenth = share
      print(("%3d %%: %7.1f s, %d descriptors, %d KiB"):format(tenth * 10,
        scheduler.now() - started, size.descriptors, size.resident))
      io.stdout:flush()
    end
  end
end

local function count_kinds(wrong)
  local counts = { lost = 0, stuck = 0, overlap = 0, order = 0, unexplained = 0 }
  for _, one in ipairs(wrong) do counts[one.kind] = counts[one.kind] + 1 end
  return counts
end

-- Everything that explains a verdict: the tasks' journal, the watchers' logs, and all faults.
local function keep(part, run)
  os.execute(("mkdir -p build/soak && cp '%s' 'build/soak/%s.journal'"):format(
    run.folder:file "journal", part))
  local log <close> = assert(io.open(("build/soak/%s.log"):format(part), "w"))
  for _, text in ipairs(run.logs) do log:write(text, "\n") end
  for _, fault in ipairs(run.trouble.faults) do
    log:write(("fault %.3f %s %s %s\n"):format(fault.at, fault.kind, fault.watcher or "-",
      fault.message or "-"))
  end
end

local function report(part, options, wrong, run)
  local counts = count_kinds(wrong)
  print(("%s: sent %d, lost %d, stuck %d, overlapping %d, out of order %d, unexplained %d; "
    .. "%d runs, %d faults; watchers were late %d times"):format(part, #run.sent, counts.lost,
    counts.stuck, counts.overlap, counts.order, counts.unexplained, run.begun,
    #run.trouble.faults, run.late or 0))
  if #wrong > 0 then
    print(total.describe(wrong, options))
    for _, fault in ipairs(run.trouble.faults) do
      if not fault.message then
        print(("%.3f %s %s"):format(fault.at, fault.kind, fault.watcher))
      end
    end
    keep(part, run)
  end
end

--- Runs one kind.
---@param part "embedded"|"fifo"|"resident"|"lambda"|"sqs"|"sqs-fifo"|"ecs"
---@param count integer messages
---@param seed integer
---@return boolean passed
function messages.run(part, count, seed)
  local folder <close> = workshop.folder()
  local samples = {}
  local options = { messages = count, seed = seed, look = observer(samples) }
  for _, fields in ipairs { COMMON, KINDS[part] } do
    for name, value in pairs(fields) do options[name] = value end
  end
  local wrong, run = total.run(folder, options)
  report(part, options, wrong, run)
  local flat, figures = measure.flat(samples)
  print(figures)
  return #wrong == 0 and flat
end

return messages
