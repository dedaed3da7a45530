-- Repeating until a lease ends, on a scripted queue (spec/support/scripted_queue.lua says what that
-- leaves out).

local leaping = require "support.leaping"
local scheduler = require "watchbot.scheduler"
local scripted_queue = require "support.scripted_queue"
local settle = require "watchbot.watcher.settle"

local function task(body)
  return function() scheduler.run(body) end
end

local function lease(receipt, seconds)
  return { receipt = receipt, deadline = scheduler.boottime() + (seconds or 60) }
end

local function failing(err, code)
  return function() return nil, err, code end
end

describe("settle", function()
  -- Readiness: an expired receipt counts as an answer of the queue, a missing response does not.
  it("notes when the queue has answered, and when it has not", task(function()
    local queue = scripted_queue.new()
    local settler = settle.new(queue)
    queue:answer("extend", "ConnectionLost")
    assert.is_nil(settler:extend("r", 1, 1))
    assert.is_nil(settler.answered)
    assert.is_number(settler.unanswered)
    queue:answer("extend", failing("too old", "ReceiptHandleIsInvalid"))
    assert.is_nil(settler:extend("r", 1, 1))
    local answered = assert(settler.answered)
    scheduler.sleep(0.01)
    assert.is_true(settler:delete(lease "r"))
    assert.is_true(settler.answered > answered)
  end))

  it("tries again what has failed", task(function()
    local queue = scripted_queue.new()
    queue:answer("delete", "ConnectionLost", "InternalError", "NoAnswer")
    assert.is_true(settle.new(queue):delete(lease "r"))
    assert.are.same({ "r", "r", "r", "r" }, queue:asked "delete")
  end))

  it("does not try an expired receipt again", task(function()
    for _, code in ipairs { "ReceiptHandleIsInvalid", "MessageNotInflight",
      "InvalidParameterValue" } do
      local queue = scripted_queue.new()
      queue:answer("delete", failing("too old", code))
      local ok, err, said = settle.new(queue):delete(lease "r")
      assert.are.same({ nil, "too old", code }, { ok, err, said })
      assert.are.equal(1, #queue.calls.delete)
      assert.is_true(settle.is_expired(code))
    end
    assert.is_false(settle.is_expired "InternalError")
  end))

  it("gives up when the lease is over, with the last reason", leaping.task(function()
    local queue = scripted_queue.new()
    for _ = 1, 100 do queue:answer("delete", "InternalError") end
    local one = lease("r", 1)
    local ok, err, code = settle.new(queue):delete(one)
    assert.are.same({ nil, "told to fail", "InternalError" }, { ok, err, code })
    assert.is_true(#queue.calls.delete >= 2)
    assert.is_true(queue.calls.delete[#queue.calls.delete].at <= one.deadline)
  end))

  it("tries once even when the lease is over already: the message may still be free",
    task(function()
    local queue = scripted_queue.new()
    assert.is_true(settle.new(queue):delete(lease("r", -5)))
    assert.are.same({ "r" }, queue:asked "delete")
  end))

  -- A delete with a receipt that a newer one has replaced succeeds on SQS, and deletes nothing.
  it("tries the newest receipt too when one came during the call", task(function()
    for _, answer in ipairs { "ok", "ReceiptHandleIsInvalid" } do
      local queue = scripted_queue.new()
      local one = lease "old"
      queue:answer("delete", function()
        one.receipt = "new"
        if answer == "ok" then return true end
        return nil, "too old", answer
      end)
      assert.is_true(settle.new(queue):delete(one))
      assert.are.same({ "old", "new" }, queue:asked "delete")
    end
  end))

  it("returns with seconds, and says when the receive is not to count", task(function()
    local queue = scripted_queue.new()
    queue:answer("delay", "InternalError")
    assert.is_true(settle.new(queue):delay(lease "r", 7, true))
    assert.are.equal(2, #queue.calls.delay)
    local call = queue.calls.delay[2]
    assert.are.same({ "r", 7, true }, { call[1], call[2], call[3] })
  end))

  it("extends once, and hands on within which time", task(function()
    local queue = scripted_queue.new()
    queue:answer("extend", failing("no", "InternalError"))
    local ok, err, code = settle.new(queue):extend("r", 30, 5)
    assert.are.same({ nil, "no", "InternalError" }, { ok, err, code })
    assert.are.equal(1, #queue.calls.extend)
    local call = queue.calls.extend[1]
    assert.are.same({ "r", 30, 5 }, { call[1], call[2], call[3] })
    assert.are.equal(0, #queue.calls.delay)
  end))

  it("buries with the message and the reason", task(function()
    local queue = scripted_queue.new()
    local message = { body = "x" }
    assert.is_true(settle.new(queue):bury(lease "r", message, "why"))
    local call = queue.calls.bury[1]
    assert.are.same({ "r", message, "why" }, { call[1], call[2], call[3] })
  end))

  it("does not try to bury again where that cannot help", task(function()
    for _, code in ipairs { "NoDeadLetterQueue", "NotAllowed" } do
      local queue = scripted_queue.new()
      queue:answer("bury", failing("no", code))
      assert.are.same({ nil, "no", code }, { settle.new(queue):bury(lease "r", {}, "why") })
      assert.are.equal(1, #queue.calls.bury)
    end
  end))
end)
