-- One form for each value.

local normal = require "watchbot.template.normal"

describe("the normal form of a value", function()
  it("has texts in pieces, of which neighbours are one", function()
    local text = normal.of({ ["Fn::Join"] = { ":", { "a", "b", { Ref = "Q" }, "c" } } }, {})
    assert.are.same({ "a:b:", { Ref = "Q" }, ":c" }, normal.pieces(text))
    assert.are.same({}, normal.pieces "")
  end)

  it("knows conditions that depend on nothing, and no others", function()
    local conditions = {
      Yes = { ["Fn::Equals"] = { 1, "1" } },
      Either = { ["Fn::Or"] = { { Condition = "Open" }, { Condition = "Yes" } } },
      Both = { ["Fn::And"] = { { Condition = "Open" }, { Condition = "Yes" } } },
      Open = { ["Fn::Equals"] = { { Ref = "P" }, "1" } },
    }
    local function chosen(name)
      return normal.of({ ["Fn::If"] = { name, "a", "b" } }, { Conditions = conditions })
    end
    assert.are.same({ "a", "a" }, { chosen "Yes", chosen "Either" })
    assert.are.same({ choices = { "a", "b" } }, chosen "Both")
    assert.are.same({ choices = { "a", "b" } }, chosen "Missing")
  end)

  it("is nothing for nil and for AWS::NoValue", function()
    assert.are.equal(normal.NOTHING, normal.of(nil, {}))
    assert.are.equal(normal.NOTHING, normal.of({ Ref = "AWS::NoValue" }, {}))
  end)
end)
