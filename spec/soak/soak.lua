-- The soak (`make soak`, never a part of the tests). PARTS are of spec/soak/messages.lua (embedded,
-- fifo, resident, lambda, sqs, sqs-fifo, ecs: 10,000 messages each while everything fails at
-- random), of spec/soak/endurance.lua (handlers: a million; processes: 50,000) and
-- spec/support/senders.lua
-- (senders), spec/support/outbox.lua (outbox: 100,000 rows of eight writers) and
-- spec/support/doubles.lua (once, once-sqs: 10,000 messages twice, watchers killed).
--
-- Environment: SOAK_MESSAGES instead of these numbers, SOAK_SEED instead of the time.

local build = ...
package.path = "lua/?.lua;lua/?/init.lua;spec/?.lua;" .. package.path
package.cpath = build .. "/lib/?.so;" .. package.cpath

local cloud = require "support.cloud"
local doubles = require "support.doubles"
local endurance = require "soak.endurance"
local local_aws = require "support.local_aws"
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

local KILLS = 50 -- messages for each kill

-- Two of each message, and watchers that are killed: on a file, and on SQS with DynamoDB.
local function run_once(count, url, environment, send)
  local folder <close> = workshop.folder()
  workshop.PATIENCE = 3 * 3600
  local keys = count or 10000
  local found = doubles.check(folder, {
    runner = "process", keys = keys, kills = keys // KILLS, url = url or folder:url(),
    environment = environment,
    send = send or function(lines) workshop.send(folder, lines) end,
  })
  print(("%d keys, %d runs, %d in doubt"):format(keys, found.runs, found.doubts))
  return true
end

local function with_input(environment, lines)
  local variables = { stdin = table.concat(lines, "\n") .. "\n" }
  for name, value in pairs(environment) do variables[name] = value end
  return variables
end

local function run_once_sqs(count)
  local account = cloud.of(local_aws.own())
  account:open()
  local url, environment = account:queue { max_receives = 100 }, account:environment()
  environment.OnceTable = account:table()
  local ok, err = pcall(run_once, count, url, environment, function(lines)
    local folder <close> = workshop.folder()
    local exit, _, problem = workshop.run(folder, { "send", "--queue", url },
      with_input(environment, lines))
    assert(exit.code == 0, problem)
  end)
  account:close()
  return ok or error(err, 0)
end

local own = {
  once = run_once, ["once-sqs"] = run_once_sqs, senders = function() return senders.run() end,
  outbox = run_outbox,
}

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
