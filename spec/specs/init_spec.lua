-- `watchbot test --spec`: what runs in which order, what is reported, and a new project's specs.
local workshop = require "support.workshop"

local function spec(folder, ...)
  local exit, out, err = workshop.run(folder, { "test", "--spec", ... })
  return exit.code, out, err
end

describe("watchbot test --spec", function()
  it("runs what surrounds a test in busted's order", workshop.task(function(folder)
    folder:write("order_spec.lua", [[
      local seen = {}
      local function note(what) return function() seen[#seen + 1] = what end end
      setup(note "file")
      before_each(note "a")
      after_each(note "z")
      describe("outer", function()
        setup(note "in")
        before_each(note "b")
        after_each(note "y")
        it("one", note "1")
        describe("inner", function() it("two", note "2") end)
        teardown(note "out")
      end)
      it("last", function()
        assert.are.equal("file in a b 1 y z a b 2 y z out a", table.concat(seen, " "))
      end)]])
    local code, out = spec(folder, "order_spec.lua")
    assert.are.equal(0, code, out)
    assert.matches("^%+%+%+\n3 successes / 0 failures / 0 pending\n", out)
  end))

  it("reports failures with their line, pending tests, and errors of files; status 1",
    workshop.task(function(folder)
      folder:write("one_spec.lua", [[
        describe("a", function()
          it("fails", function()
            local x = { "<&>" }
            assert.are.same({ 1 }, x)
          end)
          it("goes on", function() end)
          pending "later"
          it("is not ready", function() pending "why" end)
          it("raises", function() local t = nil; return t.x end)
          it("uses spies", function() spy.on({}, "a") end)
        end)]])
      folder:write("two_spec.lua", "describe('b', function( end)")
      local code, out = spec(folder, ".")
      assert.are.equal(1, code)
      assert.matches("1 successes / 4 failures / 2 pending", out)
      assert.matches("Failure: ./one_spec.lua: a fails\n.*one_spec.lua:4", out)
      assert.matches("two_spec.lua:1: ", out)
      assert.matches("spy is not in `watchbot test --spec`: run this spec with busted", out, 1,
        true)
      local _, tap = spec(folder, "--output", "tap", "one_spec.lua")
      assert.matches("^not ok 1 %- a fails\n# ", tap)
      assert.matches("\nok 3 %- a later # SKIP\n", tap)
      assert.matches("\n1%.%.6\n$", tap)
      local _, junit = spec(folder, "--output", "junit", ".")
      assert.matches('<testsuite name="watchbot" tests="7" failures="4" skipped="2">', junit)
      assert.is_nil(junit:find("<&", 1, true))
    end))

  it("runs the specs of a new project", workshop.task(function(folder)
    assert.are.equal(0, workshop.run(folder, { "init", "tiles" }).code)
    local code, out = workshop.run(folder, { "test", "--spec", "tiles/spec" }, {})
    assert.is_truthy(code, out)
    os.execute(("cd '%s' && mv tiles/* ."):format(folder.path))
    code, out = spec(folder)
    assert.are.equal(0, code, out)
  end))

  it("refuses what it cannot run", workshop.task(function(folder)
    for _, case in ipairs {
      { { "none" }, "No such file" }, { { "." }, "found no *_spec.lua in '.'" },
      { { "--exit", "1" }, "--spec cannot be combined with --exit" },
    } do
      local code, _, err = spec(folder, table.unpack(case[1]))
      assert.are.equal(2, code)
      assert.is_truthy(err:find(case[2], 1, true), err)
    end
  end))
end)
