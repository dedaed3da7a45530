-- Which queue gets the next slot: by weights and strictly, on a clock that only the test advances.
local policy = require "watchbot.policy"
local testing = require "watchbot.testing"

local function watch(entries, fields)
  local all = { queues = entries, command = "true", workers = 1 }
  for name, value in pairs(fields or {}) do all[name] = value end
  return testing.watch(policy(all))
end

-- Sends, and returns the messages by their ids.
local function fill(w, counts)
  local all = {}
  for url, count in pairs(counts) do
    for _ = 1, count do all[#all + 1] = w:message { url, queue = url } end
  end
  return all
end

-- Ends one task after the other; how many of the first `count` were of each queue.
local function run(all, count)
  local found = {}
  for _ = 1, count do
    for _, one in ipairs(all) do
      if one:state() == "running" then
        local url = one:job().queue
        found[url] = (found[url] or 0) + 1
        one:exits(0)
        break
      end
    end
  end
  return found
end

describe("the slots of several queues", function()
  it("are shared by weight", function()
    local w <close> = watch { { "sqlite:a", weight = 3 }, { "sqlite:b", weight = 1 } }
    assert.are.same({ ["sqlite:a"] = 60, ["sqlite:b"] = 20 },
      run(fill(w, { ["sqlite:a"] = 70, ["sqlite:b"] = 70 }), 80))
  end)

  it("are shared by fractions, too, and by more queues than slots", function()
    local w <close> = watch { { "sqlite:a", weight = 0.5 }, { "sqlite:b", weight = 0.25 },
      { "sqlite:c", weight = 0.25 } }
    local found = run(fill(w, { ["sqlite:a"] = 50, ["sqlite:b"] = 50, ["sqlite:c"] = 50 }), 80)
    assert.is_true(math.abs(found["sqlite:a"] - 40) <= 2, found["sqlite:a"])
    assert.is_true(math.abs(found["sqlite:b"] - 20) <= 2, found["sqlite:b"])
  end)

  -- An hour without messages would otherwise be an hour for this queue alone.
  it("are not saved up by a queue that has no messages", function()
    local w <close> = watch { "sqlite:a", "sqlite:b" }
    run(fill(w, { ["sqlite:b"] = 60 }), 60)
    w:advance(3600)
    local found = run(fill(w, { ["sqlite:a"] = 30, ["sqlite:b"] = 30 }), 20)
    assert.is_true(math.abs(found["sqlite:a"] - 10) <= 2, found["sqlite:a"])
  end)

  it("are all for the queue that alone has messages", function()
    local w <close> = watch({ { "sqlite:a", weight = 99 }, "sqlite:b" }, { workers = 3 })
    local all = fill(w, { ["sqlite:b"] = 5 })
    local running = 0
    for _, one in ipairs(all) do running = running + (one:state() == "running" and 1 or 0) end
    assert.are.equal(3, running)
    assert.are.same({ ["sqlite:b"] = 5 }, run(all, 5))
  end)

  it("go strictly to the first that has messages", function()
    local w <close> = watch({ "sqlite:a", "sqlite:b", "sqlite:c" }, { strict = true })
    local all = fill(w, { ["sqlite:b"] = 10, ["sqlite:c"] = 10 })
    run(all, 5)
    for _, one in ipairs(fill(w, { ["sqlite:a"] = 5 })) do all[#all + 1] = one end
    run(all, 2) -- one that ran already, and one that had come for its slot
    local found = run(all, 4)
    assert.is_true((found["sqlite:a"] or 0) >= 3, found["sqlite:a"])
    assert.is_nil(found["sqlite:c"])
  end)

  -- With `jobs`, the watcher ends after that many of all queues together.
  it("end with the watcher's number of jobs", function()
    local w <close> = watch({ "sqlite:a", "sqlite:b" }, { jobs = 3 })
    local all = fill(w, { ["sqlite:a"] = 3, ["sqlite:b"] = 3 })
    local found = run(all, 6)
    assert.are.equal(3, (found["sqlite:a"] or 0) + (found["sqlite:b"] or 0))
    for _, one in ipairs(all) do assert.is_true((one:receives() or 0) <= 1) end
  end)
end)
