-- `watchbot simulate` as a program: its table, JSON, conditions, comparison and refusals.

local json = require "watchbot.lib.json"
local workshop = require "support.workshop"

local task, run = workshop.task, workshop.run

local function policy(folder, name, fields)
  folder:write(name, ('return require "watchbot".policy { command = "x", %s }'):format(fields))
end

local function simulate(folder, ...)
  local exit, out, err = run(folder, { "simulate", ... })
  return exit.code, out, err
end

describe("watchbot simulate", function()
  it("prints a table, or JSON with the series, the same for the same seed", task(function(folder)
    policy(folder, "policy.lua", "workers = 10, max_receives = 2")
    local options = { "policy.lua", "--messages", "300", "--arrive", "20/s", "--run",
      "lognormal:0.3s:1", "--exit", "0=90%,1=10%", "--seed", "4", "--watchers", "2",
      "--price", "task=0.01,call=0.001" }
    local code, out, err = simulate(folder, table.unpack(options))
    assert.are.same({ 0, "" }, { code, err })
    assert.matches("\nmessages +300\n", "\n" .. out)
    assert.matches("\nend to end +p50 %d", out)
    options[#options + 1] = "--json"
    local _, first = simulate(folder, table.unpack(options))
    local _, second = simulate(folder, table.unpack(options))
    assert.are.same(json.decode(first), json.decode(second))
    local found = assert(json.decode(first))
    assert.are.equal(300, found.ends.complete + found.ends.dead)
    assert.are.same({}, found.errors)
    assert.is_true(math.abs(found.task_seconds * 0.01 + found.calls * 0.001 - found.money) < 1e-4)
    local arrived = 0
    for _, one in ipairs(found.series.intervals) do arrived = arrived + one.arrived end
    assert.are.equal(300, arrived)
  end))

  it("fails by a condition, and names what it does not know", task(function(folder)
    policy(folder, "policy.lua", "max_receives = 1")
    local options = { "policy.lua", "--messages", "5", "--exit", "1", "--fail-if" }
    local function with(condition)
      options[7] = condition
      return simulate(folder, table.unpack(options))
    end
    assert.are.equal(0, (with "dead > 5 or p95 > 60"))
    local code, _, err = with "dead > 0 or p95 > 60"
    assert.are.equal(1, code)
    assert.are.equal("watchbot: simulate: --fail-if 'dead > 0 or p95 > 60' holds\n", err)
    code, _, err = with "deads > 0"
    assert.are.equal(2, code)
    assert.matches("unknown name 'deads'; the names are messages complete", err, 1, true)
    code, _, err = with "dead >"
    assert.are.equal(2, code)
    assert.matches("^watchbot: simulate: %-%-fail%-if ", err)
    -- A condition is no program.
    assert.are.equal(2, (with "os.exit(0)"))
  end))

  it("lists the messages that end in another way than with the older policy", task(function(folder)
    policy(folder, "old.lua", "max_receives = 2")
    policy(folder, "new.lua", "max_receives = 2, exits = { [75] = 'reject' }")
    local options = { "new.lua", "--against", "old.lua", "--messages", "200", "--exit",
      "0=90%,75=10%", "--run", "0.1s" }
    local code, out, err = simulate(folder, table.unpack(options))
    assert.are.same({ 0, "" }, { code, err })
    assert.matches("messages end in another way", out)
    assert.matches("before: complete after 2 tasks, exit code 0", out)
    assert.matches("now:    reject after 1 task, exit code 75 %(reject by verdict and exits%)", out)
    options[#options + 1] = "--json"
    local found = json.decode(select(2, simulate(folder, table.unpack(options))))
    assert.are.equal(found.ends.reject, found.different)
    options[3] = "new.lua"
    found = json.decode(select(2, simulate(folder, table.unpack(options))))
    assert.are.same({ 0, {} }, { found.different, found.differences })
  end))

  it("simulates a log, and refuses what would be calls", task(function(folder)
    local here = io.popen "pwd":read "l"
    local code, out = simulate(folder, here .. "/spec/simulate/drain_policy.lua", "--from",
      here .. "/spec/simulate/drain.json", "--fail-if", "drained > 39 or drained < 35")
    assert.are.equal(0, code, out)
    folder:write("policy.lua", [[local watchbot = require "watchbot"
      local policy = watchbot.policy { command = "x" }
      function policy:admit() return watchbot.http.request { url = "http://a/" }.status == 200 end
      return policy]])
    local _, err
    code, _, err = simulate(folder, "policy.lua", "--messages", "3")
    assert.are.equal(1, code)
    assert.matches("the hook 'admit' calls http:request: a simulation makes no calls", err, 1, true)
  end))

  it("refuses arguments by name", task(function(folder)
    policy(folder, "policy.lua", "")
    folder:write("times", "0 a\n1.5 b\nx\n")
    for _, case in ipairs {
      { {}, "no policy" },
      { { "policy.lua", "--messages", "0" }, "--messages: expected a whole number of at least 1" },
      { { "policy.lua", "--from", "log", "--exit", "1" }, "--exit cannot be combined" },
      { { "policy.lua", "--exit", "0=50%" }, "--exit: the shares are 50 %" },
      { { "policy.lua", "--run", "soon" }, "--run: expected 2s" },
      { { "policy.lua", "--arrive", "burst:5", "--messages", "9" }, "write burst:5/60s" },
      { { "policy.lua", "--arrive", "times" }, "line 3 of 'times': expected SECONDS MESSAGE" },
      { { "policy.lua", "--price", "task=x" }, "--price: expected task=MONEY" },
      { { "policy.lua", "--from", "none" }, "could not read the log" },
    } do
      local code, _, err = simulate(folder, table.unpack(case[1]))
      assert.are.equal(2, code, err)
      assert.is_truthy(err:find(case[2], 1, true), err)
    end
  end))
end)
