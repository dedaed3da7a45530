-- Two programs that read the same expression must agree on when it is due: 200 random ones, over
-- ten years, against npm's cron-parser. What it says of the hours around a clock change is another
-- rule than AWS's and is left out; so are zones whose clocks change by half an hour, where it gives
-- invalid dates.

local cron = require "watchbot.schedule.cron"
local date = require "watchbot.lib.date"
local shell = require "support.shell"
local skip = require "support.skip"
local zone = require "watchbot.schedule.zone"

local ZONES = { "Europe/Berlin", "America/New_York", "UTC", "Australia/Sydney", "Asia/Kathmandu" }
local YEARS, TICKS, EXPRESSIONS = 10, 8, 200

local function random(from, to) return tostring(math.random(from, to)) end

local function one_of(list) return list[math.random(#list)] end

-- A field of numbers: one, a range, a step, a list.
local function numbers(from, to)
  local kind, middle = math.random(5), math.random(from, to - 1)
  if kind == 1 then return ("%d-%s"):format(middle, random(middle + 1, to)) end
  if kind == 2 then return "*/" .. random(2, (to - from) // 2) end
  if kind == 3 then return ("%d,%s"):format(middle, random(middle + 1, to)) end
  return random(from, to)
end

-- February 30 is refused by both.
local function expression()
  local text = table.concat({
    numbers(0, 59), numbers(0, 23),
    one_of { "*", "*", "*", numbers(1, 28), random(1, 31), "L", "1,15" },
    one_of { "*", "*", "*", numbers(1, 12), "JAN", "feb", random(1, 12) },
    one_of { "*", "*", "*", numbers(0, 6), "MON", "sun", "1-5", "7", "5#2", "1#1", "5L", "TUE-FRI",
      "0#5" },
  }, " ")
  return cron.parse(text) and text or expression()
end

-- Without those around a clock change.
local function far_from_changes(clock, times)
  local kept = {}
  for _, at in ipairs(times) do
    if clock:offset(at - 3 * 3600) == clock:offset(at + 3 * 3600) then kept[#kept + 1] = at end
  end
  return kept
end

local function ours(clock, parsed, since)
  local times, at = {}, since
  for index = 1, TICKS do
    at = parsed:next(clock, at)
    times[index] = at
  end
  return times
end

local function numbers_of(line)
  local times = {}
  for word in line:gmatch "%S+" do times[#times + 1] = math.tointeger(tonumber(word)) end
  return times
end

-- The end may differ by what was left out.
local function assert_agree(one, mine, theirs)
  local least = math.min(#mine, #theirs)
  for index = 1, least do assert.are.equal(theirs[index], mine[index], one.text) end
  return least
end

it("agrees with cron-parser about 200 expressions over ten years", function()
  local folder = skip.without "cron-parser"
  local seed = tonumber(os.getenv "CRON_SEED") or os.time()
  math.randomseed(seed)
  local asked, lines = {}, {}
  for index = 1, EXPRESSIONS do
    local text, name = expression(), ZONES[index % #ZONES + 1]
    for year = 0, YEARS - 1 do
      local since = date.iso(("%d-%02d-01"):format(2025 + year, (index + year) % 12 + 1))
      asked[#asked + 1] = {
        text = ("%s in %s, CRON_SEED=%d"):format(text, name, seed), rule = text, zone = name,
        since = since,
      }
      lines[#lines + 1] = ("%s %d %d %s"):format(name, TICKS, since, text)
    end
  end
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  file:write(table.concat(lines, "\n"), "\n")
  file:flush()
  local out, code = shell.run(("node spec/support/cron_ticks.js %s < %s 2>&1"):format(folder, path))
  os.remove(path)
  assert.are.equal(0, code, out)
  local index, compared = 0, 0
  for line in out:gmatch "([^\n]*)\n" do
    index = index + 1
    local one = asked[index]
    local clock = assert(zone.open(one.zone))
    local mine = ours(clock, assert(cron.parse(one.rule)), one.since)
    compared = compared + assert_agree(one, far_from_changes(clock, mine),
      far_from_changes(clock, numbers_of(line)))
  end
  assert.are.equal(#asked, index, out:sub(-300))
  assert.is_true(compared > 8000, compared)
end)
