-- A handler that failed the Lua way (`return nil, "why"`, `return os.execute "exit 7"`) was taken
-- for one that succeeded, and its message was deleted.

local handled = require "watchbot.runner.handled"

local function code(...) return handled.exit(true, ...).code end
local function reason(...) return handled.exit(true, ...).reason end

describe("what a handler returned", function()
  it("is success only when it is nothing at all, or true", function()
    assert.are.equal(0, code())
    assert.are.equal(0, code(true))
    assert.are.equal(0, code(true, "more"))
    assert.are.equal(0, code(pcall(function() end)))
    for _, values in ipairs {
      table.pack(nil), table.pack(nil, "why"), table.pack(nil, nil), table.pack(nil, "exit", 7),
      table.pack(false), table.pack(false, "why"), table.pack(os.execute "exit 7"),
      table.pack(io.open "/no/such/file"), table.pack(pcall(error, "why")),
      table.pack(""), table.pack(0.5), table.pack {}, table.pack(print), table.pack "hold",
      table.pack(("x"):match "y"),
    } do
      assert.are.equal(1, code(table.unpack(values, 1, values.n)))
      assert.is_string(reason(table.unpack(values, 1, values.n)))
    end
  end)

  it("gives the reason that came with it", function()
    assert.are.equal("why", reason(nil, "why"))
    assert.are.equal("why", reason(false, "why"))
    assert.are.equal("exit", reason(os.execute "exit 7"))
    assert.matches("No such file", reason(io.open "/no/such/file"))
    assert.are.equal("7", reason(nil, 7))
    assert.are.equal("broken", reason(nil, setmetatable({}, {
      __tostring = function() return "broken" end,
    })))
  end)

  it("is an exit code, or an outcome with its reason", function()
    assert.are.same({ code = 75, duration = 0 }, handled.exit(true, 75))
    assert.are.same({ code = 3, outcome = "reject", reason = "no tile", duration = 0 },
      handled.exit(true, "reject", "no tile"))
    assert.are.same({ code = 1, outcome = "bury", reason = "no tile", duration = 0 },
      handled.exit(true, "bury", "no tile"))
    assert.is_nil(handled.exit(true, "reject", print).reason)
  end)

  it("is a failure where it raised, whatever that was", function()
    assert.are.same({ code = 1, reason = "x:1: why", duration = 0 },
      handled.exit(false, "x:1: why"))
    assert.are.equal("the handler raised a table", handled.exit(false, {}).reason)
    assert.are.equal("the handler raised a nil", handled.exit(false, nil).reason)
  end)
end)
