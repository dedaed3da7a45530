-- The field `limits`: what it may be, and which lanes a job is in.

local limits = require "watchbot.policy.limits"
local policy = require "watchbot.policy"

local function problem(value)
  local ok, err = pcall(policy, { queue = "sqlite:jobs.db", command = "true", limits = value })
  return not ok and tostring(err) or nil
end

describe("limits", function()
  it("are concurrency and rate, of groups, tenants or all", function()
    for _, value in ipairs {
      { { by = "group", concurrency = 2, rate = "50/min" } },
      { { by = function() end, concurrency = 1 } },
      { { rate = "1/s" }, { by = "group", rate = "10 / hour" } },
      { { by = function() end, concurrency = 1, name = "tenant" }, { concurrency = 5 } },
    } do
      assert.is_nil(problem(value))
    end
  end)

  it("are refused with what is wrong", function()
    for _, case in ipairs {
      { {}, "expected a list of limits" },
      { { by = "group", concurrency = 1 }, "expected a list of limits" },
      { "10/s", "expected a list of limits like" },
      { { { by = "group" } }, "limit 1: expected 'concurrency' or 'rate'" },
      { { { by = "tenant", concurrency = 1 } }, "limit 1: 'by' must be 'group' or a function" },
      { { { by = "group", concurrency = 0 } },
        "'concurrency' must be a whole number of at least 1" },
      { { { by = "group", concurrency = 1.5 } }, "'concurrency' must be a whole number" },
      { { { by = "group", rate = 50 } }, "'rate' must be text like '50/min'" },
      { { { by = "group", rate = "50/fortnight" } }, "'rate' must be text like '50/min'" },
      { { { by = "group", rate = "0/s" } }, "'rate' must be text like '50/min'" },
      { { { by = "group", rate = "10001/s" } }, "up to 10000" },
      { { { by = "group", concurency = 1 } }, "unknown name 'concurency'; did you mean "
        .. "'concurrency'?" },
      { { { by = "group", concurrency = 1 }, { by = "group", rate = "1/s" } },
        "limit 2: another one is named 'group'" },
    } do
      local err = problem(case[1])
      assert.is_string(err, case[2])
      assert.is_truthy(err:find(case[2], 1, true), err)
    end
  end)

  it("have rates of some units", function()
    for rate, parts in pairs {
      ["50/min"] = { 50, 60 }, ["1/s"] = { 1, 1 }, ["10/second"] = { 10, 1 },
      ["7/h"] = { 7, 3600 }, ["2/day"] = { 2, 86400 }, [" 3 / minute "] = { 3, 60 },
    } do
      assert.are.same(parts, { limits.rate(rate) }, rate)
    end
  end)

  local function lanes(declared, job)
    local complaints = {}
    local found = limits.compile(declared, function(err) complaints[#complaints + 1] = err end)(job)
    local names = {}
    for index, one in ipairs(found or {}) do names[index] = one.lane end
    return table.concat(names, " "), complaints
  end

  it("put a job into lanes by its keys", function()
    local function tenant(job) return job.tenant end
    local all = { { by = "group", rate = "5/s" }, { by = tenant, concurrency = 1 },
      { by = tenant, concurrency = 9, name = "wide" }, { concurrency = 7 } }
    assert.are.equal("group:g 2:acme wide:acme queue:",
      (lanes(all, { id = "1", group = "g", tenant = "acme" })))
    -- Without a key a limit does not concern it; numbers are keys, too.
    assert.are.equal("queue:", (lanes(all, { id = "1" })))
    assert.are.equal("2:7 wide:7 queue:", (lanes(all, { id = "1", tenant = 7 })))
    assert.is_nil(limits.compile({ all[1] }, error) { id = "1" })
  end)

  -- Tenants with long numbers shared a lane, since a number was written with 14 digits.
  it("tell all keys from each other", function()
    local function lane(key, name)
      return (lanes({ { by = function() return key end, concurrency = 1, name = name } },
        { id = "1" }))
    end
    assert.are_not.equal(lane(123456789012345678), lane(123456789012345679))
    assert.are_not.equal(lane(0.1 + 0.2), lane(0.3))
    assert.are_not.equal(lane(math.maxinteger), lane(math.maxinteger - 1))
    assert.are_not.equal(lane(2^63), lane(math.maxinteger))
    assert.are.equal(lane(7), lane(7.0))
    assert.are_not.equal(lane("b:c", "a"), lane("c", "a:b"))
    assert.are_not.equal(lane("c", "a%3Ab"), lane("c", "a:b"))
  end)

  -- A message without the attribute that the function reads would have escaped its limit.
  it("share one lane among jobs for which the function fails", function()
    local all = { { by = function(job) return job.missing.value end, concurrency = 1 } }
    local found, complaints = lanes(all, { id = "1" })
    assert.are.equal("1!", found)
    assert.matches("missing", complaints[1])
    found, complaints = lanes({ { by = function() return {} end, concurrency = 1 } }, { id = "1" })
    assert.are.equal("1!", found)
    assert.matches("'by' must return text or a number, not a table", complaints[1])
  end)
end)
