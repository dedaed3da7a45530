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
          it("uses insulate", function() insulate("b", function() end) end)
        end)]])
      folder:write("two_spec.lua", "describe('b', function( end)")
      local code, out = spec(folder, ".")
      assert.are.equal(1, code)
      assert.matches("1 successes / 4 failures / 2 pending", out)
      assert.matches("Failure: ./one_spec.lua: a fails\n.*one_spec.lua:4", out)
      assert.matches("two_spec.lua:1: ", out)
      assert.matches("insulate is not in `watchbot test --spec`: run this spec with busted",
        out, 1, true)
      local _, tap = spec(folder, "--output", "tap", "one_spec.lua")
      assert.matches("^not ok 1 %- a fails\n# ", tap)
      assert.matches("\nok 3 %- a later # SKIP\n", tap)
      assert.matches("\n1%.%.6\n$", tap)
      local _, junit = spec(folder, "--output", "junit", ".")
      assert.matches('<testsuite name="watchbot" tests="7" failures="4" skipped="2">', junit)
      assert.is_nil(junit:find("<&", 1, true))
    end))

  -- Spies and most assertions were refused where luassert was not installed.
  it("has all of luassert in the program: spies, stubs, mocks, matchers, patterns of errors",
    workshop.task(function(folder)
      folder:write("api_spec.lua", [[
        local api, notes = { get = function() return 1 end }, {}
        it("stubs, and is put back after the test", function()
          stub(api, "get").returns(5)
          assert.are.equal(5, api.get("a", 3))
          assert.stub(api.get).was.called_with("a", match.is_number())
          finally(function() notes[#notes + 1] = "done" end)
        end)
        it("spies", function()
          assert.are.same({ "done" }, notes)
          assert.are.equal(1, api.get())
          local spied = spy.on(api, "get")
          api.get "b"
          assert.spy(spied).was.called(1)
          assert.spy(spied).was_not.called_with "c"
          local mocked = mock({ f = function() end }, true)
          mocked.f(1)
          assert.stub(mocked.f).was_called(1)
        end)
        it("asserts", function()
          assert.has.error_match(function() error "boom 5" end, "boom %d")
          assert.has.errors(function() error({ code = 3 }) end, { code = 3 })
          assert.is_unique { 1, 2 }
          assert.returned_arguments(2, 1, 2)
          assert.is.near(1, 1.01, 0.1)
          assert.message("why").is_true(true)
          local snapshot = assert:snapshot()
          assert:set_parameter("TableFormatLevel", 1)
          snapshot:revert()
          assert.are.equal(require "luassert", assert)
        end)
        it("fails with luassert's words", function() assert.are.same({ 1 }, { 2 }) end)
        it("ends after a finally that fails", function() finally(function() error "late" end) end)
      ]])
      -- An empty path: nothing that is installed on this machine is found.
      local exit, out = workshop.run(folder, { "test", "--spec", "api_spec.lua" },
        { LUA_PATH = "", LUA_CPATH = "" })
      assert.are.equal(1, exit.code, out)
      assert.matches("^%+%+%+%-%-\n3 successes / 2 failures", out)
      assert.matches("api_spec.lua:31: Expected objects to be the same.", out, 1, true)
      assert.matches("api_spec.lua:32: late", out, 1, true)
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
      -- A missing spec had counted as one that fails, in five lines.
      { { "none_spec.lua" }, "'none_spec.lua': no such file" },
      { { "none" }, "'none': no such file" }, { { "." }, "found no *_spec.lua in '.'" },
      { { "--exit", "1" }, "--spec cannot be combined with --exit" },
    } do
      local code, _, err = spec(folder, table.unpack(case[1]))
      assert.are.equal(2, code)
      assert.is_truthy(err:find(case[2], 1, true), err)
    end
  end))
end)
