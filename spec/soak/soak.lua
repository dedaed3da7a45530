-- The soak (`make soak`, never a part of the tests). PARTS are of spec/soak/messages.lua (embedded,
-- fifo, resident, lambda, sqs, sqs-fifo, ecs: 10,000 messages each while everything fails at
-- random), of spec/soak/endurance.lua (handlers: a million; processes: 50,000) and
-- spec/support/senders.lua
-- (senders) and spec/support/outbox.lua (outbox: 100,000 rows of eight writers).
--
-- Environment: SOAK_MESSAGES instead of these numbers, SOAK_SEED instead of the time.

local build = ...
package.path = "lua/?.lua;lua/?/init.lua;spec/?.lua;" .. package.path
package.cpath = build .. "/lib/?.so;" .. package.cpath

local endurance = require "soak.endurance"
local messages = require "soak.messages"
local outbox = require "support.outbox"
local scheduler = require "watchbot.scheduler"
local senders = require "support.senders"
local workshop = require "support.workshop"

local DEFAULT = { "embedded", "fifo", "resident", "lambda", "sqs", "sqs-fifo", "ecs" }

-- Eight writers in three languages; one of them, or of the watchers, is killed each second.
local function run_outbox(count)
  local rows = (count or 100000) // 8
  local folder <close> = workshop.folder()
  workshop.PATIENCE = 3 * 3600
  outbox.run(folder, rows, rows // 100)
  return true
end

local own = { senders = function() return senders.run() end, outbox = run_outbox }

local function parts_of(given)
  local parts = {}
  for part in given:gmatch "[^%s,]+" do
    if not own[part] and not (messages.knows(part) or endurance.knows(part)) then
      io.stderr:write(("unknown part '%s' of the soak\n"):format(part))
      os.exit(2)
    end
    parts[#parts + 1] = part
  end
  return #parts > 0 and parts or DEFAULT
end

local function run(part, count, seed)
  if own[part] then return own[part](count) end
  if endurance.knows(part) then return endurance.run(part, count) end
  return messages.run(part, count or 10000, seed)
end

local count = math.tointeger(tonumber(os.getenv "SOAK_MESSAGES"))
local seed = math.tointeger(tonumber(os.getenv "SOAK_SEED" or os.time()))
local passed = true
for _, part in ipairs(parts_of(table.concat({ select(2, ...) }, " "))) do
  print(("%s, seed %d"):format(part, seed))
  scheduler.run(function()
    local ok = run(part, count, seed)
    print(part .. (ok and ": passed" or ": FAILED"))
    passed = passed and ok
  end)
end
os.exit(passed, true)
