local keys = require "watchbot.aws.keys"
local refresher = require "watchbot.aws.refresher"
local scheduler = require "watchbot.scheduler"

local HOUR = 3600

-- A source whose answers and clock the spec sets; it counts how often it is asked, and waits in
-- each load.
local function source(answer)
  local one = { answer = answer, loads = 0, clock = 1000000, warnings = {} }
  one.refresher = refresher.new(function()
    one.loads = one.loads + 1
    scheduler.sleep(0.005)
    if one.answer.after then one.answer.after:wait() end
    if one.answer.raise then error(one.answer.raise, 0) end
    if one.answer.fails then return nil, one.answer.fails end
    return keys.new({ access_key = one.answer.key, secret_key = "s", token = one.answer.token,
      expires = one.answer.expires }, "spec")
  end, {
    time = function() return one.clock end, warn = function(text)
      table.insert(one.warnings, text)
    end,
  })
  return one
end

local function key(one)
  local found, err, code = one.refresher:get()
  if found then return found.access_key end
  return nil, err, code
end

-- Waits until something is so; fails after a minute.
local function wait_until(condition)
  local before = scheduler.now()
  while not condition() do
    assert(scheduler.now() - before < 60, "waited for a minute")
    scheduler.sleep(0.01)
  end
end

local function in_task(body)
  return function() scheduler.run(body) end
end

describe("refresher", function()
  it("loads once what does not expire", in_task(function()
    local one = source { key = "a" }
    assert.are.equal("a", key(one))
    one.clock = one.clock + 1000 * HOUR
    assert.are.equal("a", key(one))
    assert.are.equal(1, one.loads)
  end))

  it("loads once for all who ask at the same time", in_task(function()
    local one, tasks = source { key = "a", expires = 1000000 + HOUR }, {}
    for index = 1, 20 do tasks[index] = scheduler.spawn(key, one) end
    for _, task in ipairs(tasks) do assert.are.same({ true, "a" }, { task:join() }) end
    assert.are.equal(1, one.loads)
  end))

  it("goes on loading for the others when one who waits is cancelled", in_task(function()
    local one = source { key = "a" }
    local impatient, patient = scheduler.spawn(key, one), scheduler.spawn(key, one)
    scheduler.sleep(0)
    impatient:cancel()
    assert.are.same({ true, "a" }, { patient:join() })
    assert.are.equal(1, one.loads)
  end))

  it("refreshes beside the work five to six minutes before the end", in_task(function()
    local one = source { key = "a", expires = 1000000 + HOUR }
    key(one)
    one.answer = { key = "b", expires = 1000000 + 2 * HOUR }
    one.clock = 1000000 + HOUR - 6 * 60 - 1
    assert.are.equal("a", key(one))
    scheduler.sleep(0.02)
    assert.are.equal(1, one.loads)
    one.clock = 1000000 + HOUR - 5 * 60 + 1
    assert.are.equal("a", key(one))
    wait_until(function() return key(one) == "b" end)
    assert.are.equal(2, one.loads)
  end))

  it("goes on asking while the source has none newer", in_task(function()
    local one = source { key = "a", expires = 1000000 + HOUR }
    key(one)
    one.clock = 1000000 + HOUR - 299
    key(one)
    wait_until(function() return one.refresher.misses == 1 end)
    one.answer = { key = "b", expires = 1000000 + 2 * HOUR }
    wait_until(function() return key(one) == "b" end)
  end))

  it("waits for the refresh in the last minute", in_task(function()
    local one = source { key = "a", expires = 1000000 + HOUR }
    key(one)
    one.answer = { key = "b", expires = 1000000 + 2 * HOUR }
    one.clock = 1000000 + HOUR - 59
    assert.are.equal("b", key(one))
  end))

  it("does not wait long for a refresh while the old ones are good", in_task(function()
    local one = source { key = "a", expires = 1000000 + HOUR }
    key(one)
    local done = scheduler.event()
    one.answer = { key = "b", expires = 1000000 + 2 * HOUR, after = done }
    one.clock = 1000000 + HOUR - 59
    one.refresher.patience = 0.01
    assert.are.equal("a", key(one))
    done:set()
    wait_until(function() return key(one) == "b" end)
    assert.are.equal(2, one.loads)
  end))

  it("uses the old ones to their end while refreshing fails, and says so", in_task(function()
    local one = source { key = "a", expires = 1000000 + HOUR }
    key(one)
    one.answer = { fails = "the endpoint is away" }
    one.clock = 1000000 + HOUR - 1
    assert.are.equal("a", key(one))
    assert.are.same({ "could not refresh the AWS credentials: the endpoint is away" }, one.warnings)
    one.clock = 1000000 + HOUR
    assert.are.same({ nil, "no AWS credentials: the endpoint is away", "NoCredentials" },
      { key(one) })
    one.answer = { key = "b", expires = 1000000 + 2 * HOUR }
    wait_until(function() return key(one) == "b" end)
  end))

  it("does not ask a failing source at every call", in_task(function()
    local one, before = source { fails = "away" }, scheduler.now()
    for _ = 1, 100 do
      assert.are.same({ nil, "no AWS credentials: away", "NoCredentials" }, { key(one) })
      scheduler.sleep(0.001)
    end
    assert.is_true(one.loads <= 1 + (scheduler.now() - before) / 0.5)
    one.answer = { key = "a" }
    wait_until(function() return key(one) == "a" end)
  end))

  it("asks again soon enough before the end, however long the source has failed", in_task(function()
    local one = source { key = "a", expires = 1000000 + HOUR }
    key(one)
    one.refresher.misses = 20
    one.answer = { fails = "away" }
    one.clock = 1000000 + HOUR - 10
    key(one)
    assert.is_true(one.refresher.attempt_at - scheduler.now() <= 5)
  end))

  it("uses what was just loaded for a minute even when it seems to have expired", in_task(function()
    local one = source { key = "a", expires = 1000000 - HOUR }
    assert.are.equal("a", key(one))
    one.clock = one.clock + 59
    assert.are.equal("a", key(one))
    one.refresher.attempt_at = 0
    one.clock = one.clock + 2
    assert.are.equal("a", key(one))
    assert.is_true(one.loads >= 2)
  end))

  it("drops what AWS says has expired, and takes it only when it is new", in_task(function()
    local one = source { key = "a", expires = 1000000 + HOUR }
    local old = one.refresher:get()
    one.answer = { key = "b", expires = 1000000 + HOUR }
    one.refresher:expire(old)
    assert.are.equal("b", key(one))
    one.refresher:expire(old)
    assert.are.equal("b", key(one))
    assert.are.equal(2, one.loads)
  end))

  -- One ExpiredToken, and nothing was ever asked again.
  it("uses temporary ones again after a pause, when there are none newer", in_task(function()
    local one = source { key = "a", token = "t" }
    key(one)
    one.refresher:expire()
    assert.are.same({ nil,
    "no AWS credentials: AWS refused the credentials of spec, and no newer ones are available",
      "NoCredentials" }, { key(one) })
    wait_until(function() return key(one) == "a" end)
    one.refresher:expire()
    assert.is_nil((key(one)))
    one.answer = { key = "b", token = "t" }
    wait_until(function() return key(one) == "b" end)
  end))

  it("waits longer each time that the same are refused, and not after others have come",
    in_task(function()
    local one = source { key = "a", token = "t" }
    local pauses = {}
    for index = 1, 8 do
      key(one)
      one.refresher:expire()
      pauses[index] = math.floor(one.refresher.usable_at - scheduler.now() + 0.5)
      one.refresher.usable_at = 0
    end
    assert.are.same({ 1, 2, 4, 8, 16, 30, 30, 30 }, pauses)
    one.answer = { key = "b", token = "t" }
    assert.are.equal("b", key(one))
    one.refresher:expire()
    assert.are.equal(1, math.floor(one.refresher.usable_at - scheduler.now() + 0.5))
  end))

  -- Static keys cannot expire, whatever one answer says.
  it("keeps on using keys without a token that AWS has refused, and loads them again first",
    in_task(function()
    local one = source { key = "a" }
    key(one)
    for _ = 1, 3 do
      one.refresher:expire()
      assert.are.equal("a", key(one))
    end
    assert.are.equal(4, one.loads)
    one.answer = { fails = "the file is being written" }
    one.refresher:expire()
    assert.are.equal("a", key(one))
    one.answer = { key = "b" }
    one.refresher:expire()
    assert.are.equal("b", key(one))
  end))

  it("raises in who waits what the source raises, and asks again later", in_task(function()
    local one = source { raise = "a bug" }
    local ok, err = pcall(key, one)
    assert.is_false(ok)
    assert.matches("^a bug\nstack traceback", err)
    one.answer = { key = "a" }
    wait_until(function() return key(one) == "a" end)
  end))
end)
