-- Batches of Lambda functions: the outcome of each message by the response, and when an event is
-- complete.

local resident = require "support.resident"
local workshop = require "support.workshop"

local task, eventually = workshop.task, workshop.eventually
local send, drain = resident.send, resident.drain
local policy, seen_of, outcome_words = resident.lambda, resident.seen, resident.in_order

describe("a batch of a Lambda function", function()
  -- What AWS does with each answer: services-sqs-errorhandling.
  for _, case in ipairs {
    { "{}", 0 }, { "null", 0 }, { "", 0 }, { '{"batchItemFailures":[]}', 0 },
    { '{"batchItemFailures":null}', 0 }, { '{"batchItemFailures":[{"itemIdentifier":"FIRST"}]}',
      1 },
    { '{"batchItemFailures":[{"itemIdentifier":""}]}', 3 },
    { '{"batchItemFailures":[{"itemIdentifier":null}]}', 3 },
    { '{"batchItemFailures":[{"foo":"notvalid"}]}', 3 },
    { '{"batchItemFailures":[{"itemIdentifier":"no-such-id"}]}', 3 },
    { "not JSON", 3 },
  } do
    it(("of three: the answer %s fails %d"):format(case[1], case[2]), task(function(folder)
      folder:write("app.py", ([[
import json
class Raw(str): pass
def handler(event, context):
  text = %q.replace("FIRST", event["Records"][0]["messageId"])
  context.raw = text
  return text
]]):format(case[1]))
      folder:write("ric.py", (assert(io.open(resident.runtimes .. "ric.py")):read "a"):gsub(
        "json.dumps%(handler%(json.loads%(event%), context%)%).encode%(%)",
        "handler(json.loads(event), context).encode()"))
      workshop.send(folder, { "a", "b", "c" })
      folder:write("policy.lua", ([[local policy = require "watchbot".policy { queue = %q,
        max_receives = 1, lambda = { command = { "python3", "ric.py" }, handler = "app.handler",
        batch = 3, window = 1 } } return policy]]):format(folder:url()))
      local log = drain(folder)
      local failed = 0
      for _,
        word in ipairs(outcome_words(log)) do failed = failed + (word == "retry" and 1 or 0) end
      assert.equal(case[2], failed, log)
      assert.equal(3, #outcome_words(log))
    end))
  end

  it("fails as a whole with an error", task(function(folder)
    send(folder, { { "error", "E", "e" } }, { { "answer" } })
    policy(folder, "max_receives = 1,", "batch = 2, window = 2,")
    assert.same({ "retry", "retry" }, outcome_words(drain(folder)))
    assert.equal(2, #seen_of(folder)[1].ids)
  end))

  -- A function that reports its only message as failed had it deleted.
  it("of one message fails, too, when the function lists it", task(function(folder)
    local lines = {}
    for index, text in ipairs { '{"batchItemFailures":[{"itemIdentifier":""}]}', "not JSON" } do
      lines[index] = { { "answer", text } }
    end
    send(folder, lines[1], lines[2])
    policy(folder, "max_receives = 1,")
    assert.same({ "complete", "retry" }, (function(words)
      table.sort(words)
      return words
    end)(outcome_words(drain(folder))))
    send(folder, lines[1], lines[2])
    policy(folder, "max_receives = 1,", "report = true,")
    assert.same({ "retry", "retry" }, outcome_words(drain(folder)))
    send(folder, lines[1], lines[2])
    policy(folder, "max_receives = 1,", "report = false,")
    assert.same({ "complete", "complete" }, outcome_words(drain(folder)))
  end))

  it("is complete by any answer where the function reports nothing", task(function(folder)
    send(folder, { { "answer", "not JSON" } }, { { "answer" } })
    policy(folder, "", "batch = 2, window = 2, report = false,")
    assert.same({ "complete", "complete" }, outcome_words(drain(folder)))
  end))

  it("goes out when it is full, or when its window is over", task(function(folder)
    send(folder, { { "answer" } }, { { "answer" } }, { { "answer" } }, { { "answer" } },
      { { "answer" } })
    policy(folder, "", "batch = 3, window = 0.5,")
    drain(folder)
    local sizes = {}
    for index, one in ipairs(seen_of(folder)) do sizes[index] = #one.ids end
    assert.same({ 3, 2 }, sizes)
  end))

  it("gives back, at a drain, what waits in its window", task(function(folder)
    send(folder, { { "answer" } }, { { "answer" } })
    policy(folder, "", "batch = 10, window = 300,")
    local child = workshop.start(folder, { "run", "policy.lua" })
    eventually(function()
      local _, count = child:output():gsub('"message":', "")
      return count == 2
    end)
    child:kill "TERM"
    assert.equal(0, assert(child:wait(workshop.PATIENCE)).code)
    assert.same({}, seen_of(folder))
    local queue = assert(require "watchbot.queue".open(folder:url()))
    assert.same({ visible = 2, delayed = 0, in_flight = 0, dead = 0 }, queue:counts())
    local messages = queue:receive(10, 0, 5)
    assert.equal(1, messages[1].receives)
    queue:close()
  end))

  -- The runner that empties volumes had one slot for each worker, whatever the batch: events of one
  -- message, each after its window.
  it("is as large where the policy has volumes, and its programs end with the watcher",
    task(function(folder)
      send(folder, { { "answer" } }, { { "answer" } }, { { "answer" } })
      os.execute(("mkdir %s"):format(folder:file "scratch"))
      folder:write("scratch/left", "by the last job")
      policy(folder, ("workers = 1, volumes = { %q },"):format(folder:file "scratch"),
        "batch = 3, window = 60,")
      assert.same({ "complete", "complete", "complete" }, outcome_words(drain(folder)))
      assert.equal(3, #seen_of(folder)[1].ids)
      assert.equal(0, #workshop.processes_with("PWD=" .. folder.path))
      assert.is_nil(io.open(folder:file "scratch/left"))
    end))
end)
