-- The promise of a replay: killed at random moments, with kill -9, again and again, no message is
-- lost. It may be there twice.

local cloud = require "support.cloud"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local contract = require "dead_letters.contract"
local sqs = require "watchbot.queue.sqs"
local workshop = require "support.workshop"

-- The random moments are the same in each run of a seed; the seed is printed when it fails.
local seed = os.time()

local function bodies(count)
  local list = {}
  for index = 1, count do list[index] = { body = ("m%04d"):format(index) } end
  return list
end

-- Starts the replay again and again, and kills it at a random moment of its first `seconds`.
-- `after` are the seconds until the next one: moto goes on with the long poll of a client that was
-- killed, and mixes up groups when two receives overlap.
local function replay_and_kill(folder, options, ...)
  local kills, seconds, environment, after = options.kills, options.seconds, options.environment,
    options.after or 0
  math.randomseed(seed)
  for _ = 1, kills do
    local child = workshop.start(folder, { "dead-letter", "replay", ... }, environment)
    scheduler.sleep(math.random() * seconds)
    child:kill "KILL"
    child:wait()
    scheduler.sleep(after)
  end
end

local function counted(messages)
  local counts, distinct = {}, 0
  for _, message in ipairs(messages) do
    if not counts[message.body] then distinct = distinct + 1 end
    counts[message.body] = (counts[message.body] or 0) + 1
  end
  return counts, distinct
end

describe("a replay that is killed", function()
  it("loses nothing of the embedded queue, and doubles nothing", workshop.task(function(folder)
    local COUNT = 3000
    local queue = assert(open_queue(folder:url(), { max_receives = 1 }))
    for first = 1, COUNT, 500 do
      assert(queue:send(table.move(bodies(COUNT), first, first + 499, 1, {})))
    end
    repeat
      local received = assert(queue:receive(100, 0, 0.001))
      if #received == 0 then scheduler.sleep(0.01) end
    until queue:counts().dead == COUNT
    replay_and_kill(folder, { kills = 15, seconds = 0.1 }, "--queue", folder:url())
    replay_and_kill(folder, { kills = 15, seconds = 0.1 }, "--queue", folder:url(), "--match", "m")
    local counts = queue:counts()
    assert.are.equal(COUNT, counts.visible + counts.dead, "seed " .. seed)
    local exit, _, problem = workshop.run(folder, {
      "dead-letter", "replay", "--queue", folder:url(),
    })
    assert.are.equal(0, exit.code, problem)
    local messages = {}
    repeat
      local page = assert(queue:receive(100, 0, 600))
      table.move(page, 1, #page, #messages + 1, messages)
    until #page == 0
    queue:close()
    assert.are.equal(COUNT, #messages, "seed " .. seed)
    assert.are.equal(COUNT, select(2, counted(messages)), "seed " .. seed)
  end))

  for kind, options in pairs { ["an SQS queue"] = {},
    ["a FIFO queue, nor its order"] = { fifo = true } } do
    it("loses nothing of " .. kind, workshop.task(function(folder)
      local COUNT, GROUPS = 200, 20
      local account = cloud.start()
      account:open()
      local url, dead_url = account:queue { max_receives = 1, fifo = options.fifo }
      local dead = assert(sqs.open(dead_url, { client = account:client "sqs" }))
      local all = bodies(COUNT)
      for index, message in ipairs(all) do
        message.group = options.fifo and "g" .. index % GROUPS or nil
      end
      assert(dead:send(all))
      replay_and_kill(folder, {
        kills = options.fifo and 8 or 20, seconds = 1.5, environment = account:environment(),
        after = options.fifo and 2.5,
      }, "--queue", url, "--match", "m", "--visibility", "2")
      workshop.eventually(function()
        local exit, _, problem = workshop.run(folder, {
          "dead-letter", "replay", "--queue", url, "--match", "m",
        },
          account:environment())
        assert.are.equal(0, exit.code, problem)
        return account:count(dead_url) == 0
      end, "the dead letters are all replayed")
      local queue = assert(sqs.open(url, { client = account:client "sqs" }))
      queue.batch = 10
      local messages = {}
      repeat
        local page = contract.messages_in(queue)
        table.move(page, 1, #page, #messages + 1, messages)
        for _, message in ipairs(page) do assert(queue:delete(message.receipt)) end
      until #page == 0
      local _, distinct = counted(messages)
      assert.are.equal(COUNT, distinct, ("seed %d, %d messages"):format(seed, #messages))
      if options.fifo then
        -- Nothing is behind a later one of its group when it comes for the first time.
        local newest, seen = {}, {}
        for _, message in ipairs(messages) do
          if not seen[message.body] then
            assert.is_true(message.body > (newest[message.group] or ""), "seed " .. seed)
            newest[message.group], seen[message.body] = message.body, true
          end
        end
      end
      account:close()
    end))
  end
end)
