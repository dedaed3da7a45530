-- Collecting the entries of many tasks into calls, on a call with scripted answers.

local batcher = require "watchbot.queue.sqs.batcher"
local hands = require "watchbot.lib.hands"
local scheduler = require "watchbot.scheduler"

local function task(body)
  return function() scheduler.run(body) end
end

-- A call whose answers are used up one by one; after that everything succeeds.
local function scripted(...)
  local answers, calls = { ... }, {}
  local function call(entries)
    calls[#calls + 1] = table.move(entries, 1, #entries, 1, { at = scheduler.now() })
    local answer = table.remove(answers, 1)
    if type(answer) == "function" then return answer(entries) end
    if answer then return table.unpack(answer, 1, 3) end
    local all = {}
    for index = 1, #entries do all[index] = true end
    return all
  end
  return call, calls
end

local function submit_all(one, count)
  local entries = {}
  for index = 1, count do entries[index] = "r" .. index end
  return hands(entries, count, function(entry) return one:submit(entry) end)
end

describe("a batcher", function()
  it("puts up to ten entries into a call", task(function()
    local call, calls = scripted()
    for _, result in ipairs(submit_all(batcher.new(call, 10, 0.1), 23)) do
      assert.is_true(result[1])
    end
    assert.are.same({ 10, 10, 3 }, { #calls[1], #calls[2], #calls[3] })
  end))

  it("sends a full batch at once, and a smaller one after the linger", task(function()
    local call, calls = scripted()
    submit_all(batcher.new(call, 10, 3600), 10)
    assert.are.equal(1, #calls)
    local started = scheduler.now()
    submit_all(batcher.new(call, 10, 0.2), 1)
    assert.is_true(calls[2].at - started >= 0.2)
  end))

  it("puts the entries of one turn into a call even without a linger", task(function()
    local call, calls = scripted()
    submit_all(batcher.new(call, 10, 0), 12)
    assert.are.same({ 10, 2 }, { #calls[1], #calls[2] })
  end))

  it("fills another batch while one is under way", task(function()
    local go = scheduler.event()
    local call, calls = scripted(function()
      go:wait()
      return { true }
    end)
    local one = batcher.new(call, 10, 0)
    local first = scheduler.spawn(one.submit, one, "slow")
    scheduler.sleep(0.02)
    assert.is_true(one:submit "quick")
    assert.is_false(first:ended())
    go:set()
    assert.is_true(select(2, first:join()))
    assert.are.equal(2, #calls)
  end))

  it("gives each entry its own answer", task(function()
    local call = scripted { { true, { message = "no", code = "InternalError" }, true } }
    local results = submit_all(batcher.new(call, 10, 0.02), 3)
    assert.are.same({ true, true }, { results[1][1], results[3][1] })
    assert.are.same({ nil, "no", "InternalError" }, { table.unpack(results[2], 1, 3) })
  end))

  it("answers all entries of a call that failed, raised, or told too little", task(function()
    local call = scripted({ nil, "gone", "ConnectionLost" }, function() error "a bug" end, { {} })
    local one, codes = batcher.new(call, 10, 0), {}
    for index = 1, 3 do codes[index] = select(3, one:submit "r") end
    assert.are.same({ "ConnectionLost", "InternalError", "NoAnswer" }, codes)
    assert.is_true(one:submit "r")
  end))
end)
