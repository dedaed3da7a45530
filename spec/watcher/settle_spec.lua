-- Batching and repeating, on a scripted queue (spec/support/scripted_queue.lua says what that leaves out).

local scheduler = require "watchbot.scheduler"
local scripted_queue = require "support.scripted_queue"
local settle = require "watchbot.watcher.settle"

local function task(body)
  return function() scheduler.run(body) end
end

local function lease(receipt, seconds)
  return { receipt = receipt, deadline = scheduler.boottime() + (seconds or 60) }
end

-- Runs all at the same time; the results of each, in their order.
local function together(bodies)
  local tasks, results = {}, {}
  for index, body in ipairs(bodies) do tasks[index] = scheduler.spawn(body) end
  for index, one in ipairs(tasks) do results[index] = table.pack(select(2, one:join())) end
  return results
end

describe("settle", function()
  local function delete_all(settler, count)
    local bodies = {}
    for index = 1, count do
      bodies[index] = function() return settler:delete(lease("r" .. index)) end
    end
    return together(bodies)
  end

  it("puts up to ten deletes into a call", task(function()
    local queue = scripted_queue.new { linger = 0.1 }
    for _, result in ipairs(delete_all(settle.new(queue, 0.1), 23)) do assert.is_true(result[1]) end
    local sizes = {}
    for index, receipts in ipairs(queue:asked "delete") do sizes[index] = #receipts end
    assert.are.same({ 10, 10, 3 }, sizes)
  end))

  it("sends a full batch at once, and a smaller one after the linger", task(function()
    local queue = scripted_queue.new()
    local started = scheduler.now()
    delete_all(settle.new(queue, 3600), 10)
    assert.are.equal(1, #queue.calls.delete)
    delete_all(settle.new(queue, 0.2), 1)
    assert.is_true(queue.calls.delete[2].at - queue.calls.delete[1].at >= 0.2)
    assert.is_true(scheduler.now() - started < 3600)
  end))

  it("opens another batch while one is under way", task(function()
    local queue = scripted_queue.new()
    local go = scheduler.event()
    queue:answer("delete", function()
      go:wait()
      return { true }
    end)
    local settler = settle.new(queue, 0)
    local first = scheduler.spawn(function() return settler:delete(lease "slow") end)
    scheduler.sleep(0.02)
    assert.is_true(settler:delete(lease "quick"))
    assert.is_false(first:ended())
    go:set()
    assert.is_true(select(2, first:join()))
    assert.are.same({ { "slow" }, { "quick" } }, queue:asked "delete")
  end))

  it("gives each its own answer, and sends again only what has failed", task(function()
    local queue = scripted_queue.new()
    queue:answer("delete", { true, { message = "once more", code = "InternalError" }, true })
    for _, result in ipairs(delete_all(settle.new(queue, 0.02), 3)) do assert.is_true(result[1]) end
    assert.are.same({ { "r1", "r2", "r3" }, { "r2" } }, queue:asked "delete")
  end))

  it("sends all again when the whole call has failed, was no call at all, or told too little", task(function()
    local queue = scripted_queue.new()
    queue:answer("delete", "ConnectionLost", function() error "a bug" end, {})
    assert.is_true(settle.new(queue, 0):delete(lease "r"))
    assert.are.same({ { "r" }, { "r" }, { "r" }, { "r" } }, queue:asked "delete")
  end))

  it("does not try an expired receipt again", task(function()
    for _, code in ipairs { "ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue" } do
      local queue = scripted_queue.new()
      queue:answer("delete", { { message = "too old", code = code } })
      local ok, message, said = settle.new(queue, 0):delete(lease "r")
      assert.are.same({ nil, "too old", code }, { ok, message, said })
      assert.are.equal(1, #queue.calls.delete)
      assert.is_true(settle.is_expired(code))
    end
    assert.is_false(settle.is_expired "InternalError")
  end))

  it("gives up when the lease is over, with the last reason", task(function()
    local queue = scripted_queue.new()
    for _ = 1, 100 do queue:answer("delete", "InternalError") end
    local one = lease("r", 1)
    local ok, message, code = settle.new(queue, 0):delete(one)
    assert.are.same({ nil, "told to fail", "InternalError" }, { ok, message, code })
    assert.is_true(#queue.calls.delete >= 2)
    assert.is_true(queue.calls.delete[#queue.calls.delete].at <= one.deadline)
  end))

  it("tries once even when the lease is over already: nobody else may have the message yet", task(function()
    local queue = scripted_queue.new()
    assert.is_true(settle.new(queue, 0):delete(lease("r", -5)))
    assert.are.same({ { "r" } }, queue:asked "delete")
  end))

  -- A delete with a receipt that a newer one has replaced succeeds on SQS, and deletes nothing.
  it("tries the newest receipt too when one came during the call", task(function()
    for _, answer in ipairs { "ok", "ReceiptHandleIsInvalid" } do
      local queue = scripted_queue.new()
      local one = lease "old"
      queue:answer("delete", function()
        one.receipt = "new"
        return { answer == "ok" or { message = "too old", code = answer } }
      end)
      assert.is_true(settle.new(queue, 0):delete(one))
      assert.are.same({ { "old" }, { "new" } }, queue:asked "delete")
    end
  end))

  it("returns with seconds, and says when the receive is not to count", task(function()
    local queue = scripted_queue.new()
    assert.is_true(settle.new(queue, 0):delay(lease "r", 7, true))
    assert.are.same({ { { receipt = "r", seconds = 7, uncount = true } } }, queue:asked "delay")
  end))

  it("keeps returns and extensions apart, and extends once", task(function()
    local queue = scripted_queue.new()
    queue:answer("delay", { { message = "no", code = "InternalError" } })
    local settler = settle.new(queue, 3600)
    local ok, message, code = settler:extend("r", 30, 5)
    assert.are.same({ nil, "no", "InternalError" }, { ok, message, code })
    assert.are.equal(1, #queue.calls.delay)
    assert.are.equal(5, queue.calls.delay[1][2])
  end))

  it("extends those of one turn in one call", task(function()
    local queue = scripted_queue.new()
    local settler = settle.new(queue, 3600)
    local bodies = {}
    for index = 1, 12 do
      bodies[index] = function() return settler:extend("r" .. index, 30, 5) end
    end
    together(bodies)
    assert.are.equal(2, #queue.calls.delay)
    assert.are.equal(10, #queue.calls.delay[1][1])
  end))
end)
