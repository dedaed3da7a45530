local json = require "watchbot.lib.json"
local ordered = require "watchbot.template.ordered"

describe("the order of a template", function()
  it("has AWS's sections first, of a resource its type, and all else by name", function()
    assert.are.same({ "AWSTemplateFormatVersion", "Parameters", "Resources", "Outputs", "Zebra" },
      ordered.keys({ Zebra = 1, Outputs = 1, Resources = 1, Parameters = 1,
        AWSTemplateFormatVersion = 1 }, 0))
    assert.are.same({ "A", "B", "Type" }, ordered.keys({ Type = 1, B = 1, A = 1 }, 1))
    assert.are.same({ "Type", "DependsOn", "A" },
      ordered.keys({ DependsOn = 1, A = 1, Type = 1 }, 2))
    assert.are.same({ "A", "Type" }, ordered.keys({ Type = 1, A = 1 }, 3))
  end)

  it("tells what cannot be written, and where it is", function()
    local function problem(value) return ordered.problem { Resources = { Queue = value } } end
    assert.is_nil(problem { "a", 1, 0.5, true, false, json.null, {}, json.list {} })
    assert.are.equal("Resources.Queue.a: a function cannot be in a template", problem { a = print })
    assert.are.equal("Resources.Queue.a: the text is not UTF-8", problem { a = "\xff" })
    assert.matches("Resources%.Queue%.a: inf cannot be in a template", problem { a = math.huge })
    assert.matches("nan cannot be in a template", problem { 0 / 0 })
    assert.matches("Resources%.Queue: a table is a list or has names, not both", problem {
      "a", b = 1,
    })
    local own = {}
    own.own = own
    assert.are.equal("Resources.Queue.own: the table contains itself", problem(own))
  end)

  it("lets one table be in two places", function()
    local shared = { a = 1 }
    assert.is_nil(ordered.problem { Resources = { A = shared, B = shared } })
  end)

  -- `{ "a", condition and "b" or nil, "c" }` was written as ["a"].
  it("refuses a list with a hole, whose rest would be lost", function()
    local nothing = nil -- luacheck: ignore
    for _, list in ipairs { { "a", nothing, "c" }, { [1] = "a", [3] = "c" },
      { "a", "b", nothing, "d" } } do
      assert.are.equal("Resources.A: the list has a hole (a nil in it)", ordered.problem {
        Resources = { A = list },
      })
    end
    assert.is_nil(ordered.problem { Resources = { A = { "a", nothing } } })
  end)
end)
